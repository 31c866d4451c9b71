// Notifications as they come, over any number of connections.
import { type Client, Code } from "@connectrpc/connect";
import { backoffMs, sleep } from "./clock.js";
import { PlaymeshError } from "./errors.js";
import type { Notification, NotificationService } from "./gen/playmesh/notification/v1/notification_service_pb.js";
import type { Session } from "./session.js";

/** The server sends a sign of life every 30 seconds; without two of them the connection is taken for dead. */
const MAX_SILENCE_MS = 75_000;

/** One notification. */
export interface WatchedNotification {
  notification: Notification;
  /** Give it to the next `watchNotifications` to go on after this one, for instance after the page was reloaded. */
  cursor: string;
}

/** How to watch. */
export interface WatchOptions {
  /** Where to go on; without, from now. */
  cursor?: string;
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** Told when the stream stands (what comes from then on is not missed) and when it broke and is opened again. */
  onStateChange?: (state: "open" | "reconnecting") => void;
  /** @internal For tests. Milliseconds. */
  maxSilenceMs?: number;
}

/**
 * The notifications of whoever is signed in, each once. A connection that breaks is opened again where it stood, so
 * nothing is missed; so is one whose token expired. Ends at sign-out and when `signal` says so. Throws UNAUTHENTICATED when
 * the session ended, RESOURCE_EXHAUSTED (TOO_MANY_STREAMS) past ten streams, and what else would fail again.
 */
export async function* watchNotifications(
  client: Client<typeof NotificationService>,
  session: Session,
  options: WatchOptions = {},
): AsyncGenerator<WatchedNotification, void, undefined> {
  const ended = new AbortController();
  const stop = () => ended.abort();
  const unsubscribe = session.onChange(stop); // Somebody else's notifications are not this iteration's.
  options.signal?.addEventListener("abort", stop);
  if (options.signal?.aborted) stop();
  let cursor = options.cursor ?? "";
  let failures = 0;
  let refusals = 0;
  try {
    while (!ended.signal.aborted) {
      const connection = new Connection(ended.signal, options.maxSilenceMs ?? MAX_SILENCE_MS);
      const token = await session.accessToken().catch(() => undefined);
      let isOpen = false;
      try {
        const call = { signal: connection.signal, timeoutMs: 0 };
        for await (const message of client.watchNotifications({ cursor }, call)) {
          connection.lives();
          if (!isOpen) options.onStateChange?.("open");
          isOpen = true;
          failures = refusals = 0;
          cursor = message.cursor;
          if (message.notification) yield { notification: message.notification, cursor };
        }
      } catch (thrown) {
        if (ended.signal.aborted) return;
        const error = PlaymeshError.from(thrown);
        if (!isResumable(error, connection.wentSilent) || (refusals > 0 && error.code === Code.Unauthenticated))
          throw error;
        if (error.code === Code.Unauthenticated) {
          refusals++;
          await renewed(session, token);
        }
      } finally {
        connection.close();
      }
      options.onStateChange?.("reconnecting");
      await sleep(backoffMs(failures++), ended.signal).catch(() => {});
    }
  } finally {
    unsubscribe();
    options.signal?.removeEventListener("abort", stop);
    ended.abort();
  }
}

// One stream: closed by whoever watches, or by silence.
class Connection {
  readonly #controller = new AbortController();
  readonly #maxSilenceMs: number;
  readonly #close = () => this.close();
  readonly #ended: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;
  wentSilent = false;

  constructor(ended: AbortSignal, maxSilenceMs: number) {
    this.#maxSilenceMs = maxSilenceMs;
    this.#ended = ended;
    ended.addEventListener("abort", this.#close);
    this.lives();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  lives(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.wentSilent = true;
      this.close();
    }, this.#maxSilenceMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ended.removeEventListener("abort", this.#close);
    this.#controller.abort();
  }
}

function isResumable({ code, reason }: PlaymeshError, wentSilent: boolean): boolean {
  switch (code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.Unauthenticated: // Its token expired.
      return true;
    case Code.ResourceExhausted:
      return reason !== "TOO_MANY_STREAMS";
    default:
      return wentSilent;
  }
}

async function renewed(session: Session, token: string | undefined): Promise<void> {
  try {
    await session.renew(token);
  } catch (thrown) {
    const error = PlaymeshError.from(thrown);
    if (error.code === Code.Unauthenticated) throw error;
  }
}
