// Clients that buy and buy, whatever happens to the mesh meanwhile, and write down what they are told.
import { Code, PlaymeshError, newRequestId, purchase } from "@playmesh/client";
import { eventually } from "../../services/web/story/src/check.js";
import { type Person, newPerson } from "../../services/web/story/src/people.js";
import type { Journal } from "./journal.js";
import { EDGE_URL } from "./mesh.js";
import { Random } from "./random.js";
import type { Game, Store } from "./store.js";

const { OrderState } = purchase;

const PATIENCE_MS = 120_000;
const VISA = "pm_card_visa";
// What cards do, about as often as in life; but for the last two, which life is kinder with.
const CARDS = [
  ...Array.from({ length: 8 }, () => VISA),
  "pm_card_visa_chargeDeclinedInsufficientFunds",
  "pm_card_authenticationRequired",
  "pm_card_lateWebhook",
  "pm_card_timeoutAfterCharge",
];
const MARKETS = [
  { currencyCode: "EUR", countryCode: "DE" },
  { currencyCode: "EUR", countryCode: "PL" },
  { currencyCode: "USD", countryCode: "US" },
  { currencyCode: "JPY", countryCode: "JP" },
];
const ONE_IN_CLAIMS = 10;
const ONE_IN_REFUNDS = 8;

/** What says "try again" and nothing worse. */
const TRANSIENT = [Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.ResourceExhausted];

export class Shopper {
  readonly #random: Random;

  constructor(
    readonly name: string,
    readonly store: Store,
    readonly journal: Journal,
  ) {
    this.#random = new Random(name);
  }

  /** Buys until told to stop, and finishes what is begun. Never throws: what it cannot cope with is in the journal. */
  async shop(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        const person = await this.#persist("registration", () => newPerson(EDGE_URL, this.name));
        for (const game of this.#random.shuffled(this.store.games)) {
          if (stop.aborted) return;
          await this.#buy(person, game);
        }
      } catch (thrown) {
        const { code, reason, message, requestId } = PlaymeshError.from(thrown);
        this.journal.failed(`${this.name}: ${Code[code]} ${reason ?? ""} ${message} (request ${requestId})`);
      }
    }
  }

  async #buy(person: Person, game: Game): Promise<void> {
    const claims = this.#random.below(ONE_IN_CLAIMS) === 0;
    let order = claims ? await this.#claim(person) : await this.#order(person, game);
    let card = this.#random.pick(CARDS);
    const deadline = Date.now() + PATIENCE_MS;
    while (order.state !== OrderState.COMPLETED) {
      if (Date.now() > deadline) throw new Error(`order ${order.orderId} is still ${OrderState[order.state]}`);
      order = await this.#step(person, order, card);
      card = VISA; // the second attempt is meant to succeed
    }
    this.journal.acknowledged(order.orderId, "completed");
    if (this.#random.below(ONE_IN_REFUNDS) === 0) await this.#refund(person, order);
  }

  async #claim(person: Person): Promise<purchase.Order> {
    const { editionId } = this.store.free;
    const call = () => person.playmesh.purchase.claimFreeGame({ editionId, ...MARKETS[0]! });
    const { order } = await this.#persist("claim", call);
    if (!this.journal.entries.has(order!.orderId)) this.journal.made(person, order!);
    return order!;
  }

  async #order(person: Person, { editionId }: Game): Promise<purchase.Order> {
    const { purchase: service } = person.playmesh;
    const market = this.#random.pick(MARKETS);
    await this.#emptyCart(person);
    await this.#persist("cart", () => service.addCartItem({ editionId, ...market }));
    const requestId = newRequestId();
    const { order } = await this.#persist("order", () => service.createOrder({ requestId }));
    this.journal.made(person, order!);
    return order!;
  }

  // A call whose answer was lost may have put something there after all.
  async #emptyCart({ playmesh: { purchase: service } }: Person): Promise<void> {
    const { cart } = await this.#persist("cart", () => service.getCart({}));
    for (const { editionId } of cart?.items ?? []) {
      await this.#persist("cart", () => service.removeCartItem({ editionId }));
    }
  }

  /** One step towards a paid order: what a buyer would do who looks at it. */
  async #step(person: Person, { orderId, state, nextAction }: purchase.Order, card: string) {
    const { purchase: service, payment } = person.playmesh;
    if (state === OrderState.PENDING) {
      const requestId = newRequestId();
      const request = { requestId, orderId, paymentMethodToken: card };
      return (await this.#persist("checkout", () => service.checkoutOrder(request))).order!;
    }
    if (state === OrderState.REQUIRES_ACTION) {
      const { clientSecret } = nextAction!;
      await this.#persist("challenge", () => payment.completeSandboxChallenge({ clientSecret, approve: true }));
    }
    return this.#changed(person, orderId, state);
  }

  async #refund(person: Person, { orderId }: purchase.Order): Promise<void> {
    const requestId = newRequestId();
    const call = () => person.playmesh.purchase.refundOrder({ requestId, orderId });
    let order = (await this.#persist("refund", call)).order!;
    if (order.state === OrderState.REFUNDING) order = await this.#changed(person, orderId, order.state);
    if (order.state !== OrderState.REFUNDED) throw new Error(`order ${orderId} is ${OrderState[order.state]}`);
    this.journal.acknowledged(orderId, "refunded");
  }

  /** The order, once it has left a state. */
  #changed({ playmesh }: Person, orderId: string, state: purchase.OrderState): Promise<purchase.Order> {
    const look = async () => {
      const { order } = await this.#persist("look", () => playmesh.purchase.getOrder({ orderId }));
      return order!.state !== state && order!;
    };
    return eventually(`order ${orderId} leaves ${OrderState[state]}`, look, PATIENCE_MS);
  }

  /** The same call again and again while the mesh says that this may help. */
  #persist<T>(what: string, call: () => Promise<T>): Promise<T> {
    const attempt = () =>
      call().catch((thrown: unknown) => {
        const error = PlaymeshError.from(thrown);
        if (!TRANSIENT.includes(error.code)) throw error;
        this.journal.trouble(error.code);
        return undefined;
      });
    return eventually(`${this.name}: ${what}`, attempt, PATIENCE_MS) as Promise<T>;
  }
}
