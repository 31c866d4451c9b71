// What must hold.
import { Code, PlaymeshError, type Reason } from "@playmesh/client";

const EVENTUALLY_MS = 30_000;
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/** Throws with `what` unless `condition` holds. */
export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Throws unless both are the same, as JSON. */
export function checkSame(actual: unknown, expected: unknown, what: string): void {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}` : inner));
  check(text(actual) === text(expected), `${what}: ${text(actual)}, not ${text(expected)}`);
}

/** Throws unless the call fails, with the code and the reason. */
export async function checkFails(call: Promise<unknown>, code: Code, reason?: Reason): Promise<PlaymeshError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => PlaymeshError.from(thrown),
  );
  const expected = [Code[code], reason].filter(Boolean).join(" ");
  check(error, `succeeded, but ${expected} is what the contract says`);
  check(error.code === code && error.reason === reason, `failed with ${describe(error)}, not ${expected}`);
  return error;
}

/** What `probe` finds, once it finds something; NOT_FOUND is nothing yet. Throws after 30 seconds, or `limitMs`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  limitMs = EVENTUALLY_MS,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS)) {
    const found = await probe().catch((thrown: unknown) => {
      if (thrown instanceof PlaymeshError && thrown.code === Code.NotFound) return undefined;
      throw thrown;
    });
    if (found !== undefined && found !== false) return found;
    check(Date.now() < deadline, `not within ${limitMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** An error in one line, with what helps to find it in the logs. */
export function describe(thrown: unknown): string {
  if (!(thrown instanceof PlaymeshError)) return thrown instanceof Error ? thrown.message : String(thrown);
  const fields = Object.entries(thrown.fields).map(([name, violation]) => `${name}: ${violation}`);
  const request = thrown.requestId && `request ${thrown.requestId}`;
  return [Code[thrown.code], thrown.reason, thrown.message, ...fields, request].filter(Boolean).join(", ");
}
