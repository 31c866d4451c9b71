// The notifications that came over an open stream.
import type { Playmesh, notification } from "@playmesh/client";
import { check, describe, eventually } from "./check.js";

/** Records one person's stream from when it is opened. */
export class NotificationTape {
  readonly #stop = new AbortController();
  readonly #seen: notification.Notification[] = [];
  #failed: unknown;

  /** Resolves when the stream stands, so that nothing that is done afterwards is missed. */
  static async open(playmesh: Playmesh): Promise<NotificationTape> {
    const tape = new NotificationTape();
    let isOpen = false;
    const onStateChange = (state: string) => (isOpen ||= state === "open");
    void tape.#record(playmesh.watchNotifications({ signal: tape.#stop.signal, onStateChange }));
    await eventually("the notification stream opens", async () => isOpen || tape.#orThrow());
    return tape;
  }

  /** The notification of this kind about `id`, a game or an order, once it has come. */
  async waitFor(kind: notification.NotificationKind, id: string): Promise<notification.Notification> {
    const isIt = (seen: notification.Notification) => seen.kind === kind && [seen.gameId, seen.orderId].includes(id);
    const found = await eventually(`notification of kind ${kind} about ${id} on the stream`, async () => {
      return this.#seen.find(isIt) ?? this.#orThrow();
    });
    check(this.#seen.filter(isIt).length === 1, `the notification of kind ${kind} about ${id} came twice`);
    return found;
  }

  close(): void {
    this.#stop.abort();
  }

  async #record(stream: AsyncIterable<{ notification: notification.Notification }>): Promise<void> {
    try {
      for await (const { notification } of stream) this.#seen.push(notification);
    } catch (thrown) {
      this.#failed = thrown;
    }
  }

  #orThrow(): undefined {
    check(!this.#failed, `the notification stream failed: ${describe(this.#failed)}`);
  }
}
