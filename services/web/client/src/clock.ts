// Waiting, and when to try again.

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

/**
 * How long to wait after the given number of failures in a row, in milliseconds: exponential with full jitter, so that
 * clients which lost the same server do not come back at the same moment.
 */
export function backoffMs(failures: number): number {
  const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 10));
  return ceiling * (0.1 + 0.9 * Math.random());
}

/** Resolves after `durationMs`; rejects with the signal's reason when it is aborted before. */
export function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, durationMs);
    function onAbort() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
