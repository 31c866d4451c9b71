// The whole of a small store: sign in, search, buy, be told. No framework, so that any can be put in its place.
import {
  PlaymeshError,
  catalog,
  createPlaymesh,
  formatMoney,
  newRequestId,
  purchase,
  webStorage,
} from "@playmesh/client";
import { CardError, sandbox } from "@playmesh/client/sandbox";

// Where the buyer lives; a real page asks, or takes it from the profile.
const IN_GERMANY = { currencyCode: "EUR", countryCode: "DE" };
const { OrderState } = purchase;

const playmesh = createPlaymesh({
  baseUrl: document.documentElement.dataset.edge!,
  storage: webStorage(localStorage),
});

const $ = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector)!;
const field = (form: HTMLFormElement, name: string) => (form.elements.namedItem(name) as HTMLInputElement).value;

function listItem(title: string, detail: string): HTMLLIElement {
  const [item, small] = [document.createElement("li"), document.createElement("small")];
  small.textContent = detail;
  item.append(title, small);
  return item;
}

// Runs what the user asked for, and shows what went wrong in words.
async function attempt(work: () => Promise<void>): Promise<void> {
  $("#error").textContent = "";
  try {
    await work();
  } catch (thrown) {
    $("#error").textContent = explain(thrown);
  }
}

function explain(thrown: unknown): string {
  if (thrown instanceof CardError) return thrown.message;
  const error = PlaymeshError.from(thrown);
  switch (error.reason) {
    case "EMAIL_TAKEN":
      return "You have an account already: sign in.";
    case "WRONG_CREDENTIALS":
      return "E-mail or password is wrong.";
    case "ALREADY_OWNED":
      return "You own that game.";
    case "PRICE_CHANGED":
      return "The price has changed. Buy again to accept the new one.";
    default:
      return [error.message, ...Object.entries(error.fields).map(([name, why]) => `${name}: ${why}`)].join(" ");
  }
}

async function signIn(register: boolean): Promise<void> {
  const form = $<HTMLFormElement>("#account");
  const credentials = { email: field(form, "email"), password: field(form, "password") };
  if (register) {
    const displayName = credentials.email.split("@")[0]!;
    await playmesh.identity.register({ ...credentials, displayName, countryCode: IN_GERMANY.countryCode });
  }
  await playmesh.session.signIn({ ...credentials, deviceName: "example page" });
}

async function search(query: string): Promise<void> {
  const { games } = await playmesh.catalog.searchGames({ query, ...IN_GERMANY, pageSize: 10 });
  $("#games").replaceChildren(...games.map(gameItem));
}

function gameItem(game: catalog.GameSummary): HTMLLIElement {
  const [item, text, buyButton] = [
    document.createElement("li"),
    document.createElement("div"),
    document.createElement("button"),
  ];
  text.append(...listItem(game.title, game.summary).childNodes);
  buyButton.textContent = game.price
    ? game.price.unitsMinor
      ? `Buy for ${formatMoney(game.price, "en")}`
      : "Get it free"
    : "Not sold here";
  buyButton.disabled = !game.price;
  buyButton.onclick = () => attempt(() => buy(game));
  item.append(text, buyButton);
  return item;
}

async function buy(game: catalog.GameSummary): Promise<void> {
  const item = { editionId: game.editionId, ...IN_GERMANY };
  if (game.price?.unitsMinor === 0n) {
    show((await playmesh.purchase.claimFreeGame(item)).order);
    return;
  }
  const card = $<HTMLFormElement>("#card");
  const { id } = await sandbox.createPaymentMethod({
    number: field(card, "number"),
    expMonth: Number(field(card, "expMonth")),
    expYear: Number(field(card, "expYear")),
    cvc: field(card, "cvc"),
  });
  await playmesh.purchase.addCartItem(item);
  const { order } = await playmesh.purchase.createOrder({});
  const { orderId } = order!;
  // One id for this payment: however often it is sent, it is charged once.
  const requestId = newRequestId();
  show((await playmesh.purchase.checkoutOrder({ requestId, orderId, paymentMethodToken: id })).order);
}

function show(order: purchase.Order | undefined): void {
  if (!order) return;
  $("#order").textContent = order.paymentError?.message ?? `Order ${OrderState[order.state]}`;
  $("#bank").hidden = order.state !== OrderState.REQUIRES_ACTION;
  for (const button of document.querySelectorAll<HTMLButtonElement>("#bank button")) {
    button.onclick = () => attempt(() => answerBank(order, button.value === "yes"));
  }
  if (order.state === OrderState.COMPLETED) void attempt(() => showLibrary(order.items.map(({ gameId }) => gameId)));
  if (order.state === OrderState.PAYING) setTimeout(() => attempt(() => showOrder(order)), 500);
}

// In production the buyer does this at the bank, behind `nextAction.redirectUrl`.
async function answerBank(order: purchase.Order, approve: boolean): Promise<void> {
  await playmesh.payment.completeSandboxChallenge({ clientSecret: order.nextAction!.clientSecret, approve });
  show({ ...order, state: OrderState.PAYING });
}

async function showOrder({ orderId }: purchase.Order): Promise<void> {
  show((await playmesh.purchase.getOrder({ orderId })).order);
}

// Licences follow a purchase within moments, so a library that shall hold a new one is read until it does.
async function showLibrary(bought: string[] = []): Promise<void> {
  for (let attempts = 20; attempts > 0; attempts--) {
    const { licenses } = await playmesh.library.listLicenses({});
    $("#library").replaceChildren(...licenses.map(({ gameTitle, gameVersion }) => listItem(gameTitle, gameVersion)));
    if (bought.every((gameId) => licenses.some((license) => license.gameId === gameId))) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function watch(): Promise<void> {
  const list = $("#notifications");
  const onStateChange = (state: string) => (list.dataset.state = state);
  const { notifications } = await playmesh.notification.listNotifications({ pageSize: 10 });
  list.replaceChildren(...notifications.map(({ title, body }) => listItem(title, body)));
  for await (const { notification } of playmesh.watchNotifications({ onStateChange })) {
    list.prepend(listItem(notification.title, notification.body));
    await showLibrary();
  }
}

async function showAccount(): Promise<void> {
  const user = await playmesh.session.user();
  $("#account").hidden = !!user;
  $("#signed-in").hidden = !user;
  $("#who").textContent = user?.email ?? "";
  if (!user) {
    $("#notifications").replaceChildren();
    $("#library").replaceChildren();
    return;
  }
  void attempt(watch);
  await attempt(() => showLibrary());
}

$("#account").onsubmit = (event) => {
  event.preventDefault();
  const { value } = event.submitter as HTMLButtonElement;
  void attempt(() => signIn(value === "register"));
};
$("#search").onsubmit = (event) => {
  event.preventDefault();
  void attempt(() => search(field(event.currentTarget as HTMLFormElement, "query")));
};
$("#sign-out").onclick = () => attempt(() => playmesh.session.signOut());
$<HTMLFormElement>("#card").querySelector<HTMLInputElement>("[name=expYear]")!.value = String(
  new Date().getFullYear() + 2,
);
playmesh.session.onChange(() => void showAccount());
void showAccount();
void attempt(() => search(""));
