// What clients know: every order that they made, and how far the mesh told them that it had come. After a test the books must
// agree with it.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { Code, type purchase } from "@playmesh/client";
import { HOME } from "./mesh.js";
import type { Person } from "../../services/web/story/src/people.js";

/** An order, as its buyer knows it. */
export interface Entry {
  orderId: string;
  userId: string;
  email: string;
  gameId: string;
  editionId: string;
  title: string;
  currencyCode: string;
  unitsMinor: number;
  /** The last state that was acknowledged. */
  state: "made" | "completed" | "refunded";
}

export class Journal {
  readonly entries = new Map<string, Entry>();
  /** How often calls failed, by code. */
  readonly troubles = new Map<string, number>();
  /** What ended a client: errors that a client has no answer to. */
  readonly failures: string[] = [];
  readonly startTime = new Date();
  readonly #file: string;

  /** Also kept in a file, for whoever looks into a failure. */
  constructor(name: string) {
    this.#file = join(HOME, "logs", `${name}.journal.jsonl`);
  }

  get completedCount(): number {
    return [...this.entries.values()].filter(({ state }) => state !== "made").length;
  }

  made(person: Person, order: purchase.Order): void {
    const [item] = order.items;
    const entry: Entry = {
      orderId: order.orderId,
      userId: person.userId,
      email: person.email,
      gameId: item!.gameId,
      editionId: item!.editionId,
      title: item!.gameTitle,
      currencyCode: order.total!.currencyCode,
      unitsMinor: Number(order.total!.unitsMinor),
      state: "made",
    };
    this.entries.set(order.orderId, entry);
    this.#write(entry);
  }

  acknowledged(orderId: string, state: "completed" | "refunded"): void {
    const entry = this.entries.get(orderId)!;
    entry.state = state;
    this.#write({ orderId, state });
  }

  trouble(code: Code): void {
    const name = Code[code];
    this.troubles.set(name, (this.troubles.get(name) ?? 0) + 1);
  }

  failed(what: string): void {
    this.failures.push(what);
    this.#write({ failure: what });
  }

  fault(what: string): void {
    this.#write({ fault: what });
  }

  #write(line: object): void {
    appendFileSync(this.#file, `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
  }
}
