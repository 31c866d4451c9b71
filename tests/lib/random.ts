// Chance that can be repeated: PLAYMESH_TEST_SEED=… runs the same choices again.

/** Of this run; printed, so that a failure can be tried again. */
export const SEED = Number(process.env.PLAYMESH_TEST_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** A stream of random choices (mulberry32, in the public domain). */
export class Random {
  #state: number;

  /** Streams of different names under one seed are independent, so that what runs in parallel does not mix them up. */
  constructor(name: string, seed = SEED) {
    this.#state = [...name].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193), seed ^ 0x811c9dc5);
  }

  /** From 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => [this.below(2 ** 31), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
