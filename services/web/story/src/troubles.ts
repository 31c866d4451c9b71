// What goes wrong between a player, a card and a bank.
import { Code, newRequestId, purchase } from "@playmesh/client";
import { sandbox } from "@playmesh/client/sandbox";
import { check, checkFails, checkSame } from "./check.js";
import {
  addToCart,
  balanceOf,
  checkDeclined,
  checkState,
  licenseOf,
  orderIn,
  orderOf,
  pay,
  tokenOf,
} from "./orders.js";
import { newPerson } from "./people.js";
import type { Step } from "./world.js";

const { OrderState } = purchase;

// docs.stripe.com/testing: declined payments.
const DECLINES: [number: string, declineCode: string][] = [
  ["4000000000000002", "generic_decline"],
  ["4000000000009995", "insufficient_funds"],
  ["4000000000009987", "lost_card"],
  ["4000000000009979", "stolen_card"],
  ["4000000000000069", "expired_card"],
  ["4000000000000127", "incorrect_cvc"],
  ["4000000000000119", "processing_error"],
];
const ASKS_THE_BANK = "4000002760003184";
const ASKS_AND_DECLINES = "4000008400001629";

// The order of the second game goes through all of it before it is paid at last.
let order: purchase.Order;

export const troubles: Step[] = [
  {
    name: "declined cards",
    async run(world) {
      order = await orderOf(world.buyer, world.second);
      for (const [number, declineCode] of DECLINES) {
        checkDeclined(await pay(world.buyer, order, await tokenOf(number)), declineCode);
      }
      await checkFails(world.buyer.playmesh.library.getLicense({ gameId: world.second.gameId }), Code.NotFound);
      checkSame((await balanceOf(world)).captures, 1, "captures after declines");
      return DECLINES.map(([, declineCode]) => declineCode).join(", ");
    },
  },
  {
    name: "card numbers are refused",
    async run({ buyer }) {
      const number = "4242424242424242";
      const { fields } = await checkFails(pay(buyer, order, number), Code.InvalidArgument);
      check(fields.paymentMethodToken, "the violation does not name the token");
      check(!JSON.stringify(fields).includes(number), "the answer repeats the number");
      return "only tokens are taken";
    },
  },
  {
    name: "3-D Secure, refused",
    async run({ buyer }) {
      const asked = await pay(buyer, order, await tokenOf(ASKS_THE_BANK));
      checkState(asked, OrderState.REQUIRES_ACTION);
      check(asked.nextAction?.clientSecret && asked.nextAction.redirectUrl, "there is no way to the bank");
      await buyer.playmesh.payment.completeSandboxChallenge({
        clientSecret: asked.nextAction.clientSecret,
        approve: false,
      });
      checkDeclined(await orderIn(buyer, order, OrderState.PENDING), "authentication_failed");
      return "authentication_failed";
    },
  },
  {
    name: "3-D Secure, then declined",
    async run({ buyer }) {
      const asked = await pay(buyer, order, await tokenOf(ASKS_AND_DECLINES));
      checkState(asked, OrderState.REQUIRES_ACTION);
      await buyer.playmesh.payment.completeSandboxChallenge({
        clientSecret: asked.nextAction!.clientSecret,
        approve: true,
      });
      checkDeclined(await orderIn(buyer, order, OrderState.PENDING), "generic_decline");
      return "generic_decline";
    },
  },
  {
    name: "3-D Secure, confirmed",
    async run({ buyer, second }) {
      const asked = await pay(buyer, order, await tokenOf(ASKS_THE_BANK));
      checkState(asked, OrderState.REQUIRES_ACTION);
      await buyer.playmesh.payment.completeSandboxChallenge({
        clientSecret: asked.nextAction!.clientSecret,
        approve: true,
      });
      await orderIn(buyer, order, OrderState.COMPLETED);
      await licenseOf(buyer, second);
      return "the order completed by itself";
    },
  },
  {
    name: "the same request twice",
    async run(world) {
      const { buyer, fourth } = world;
      const requestId = newRequestId();
      await addToCart(buyer, fourth);
      const made = await buyer.playmesh.purchase.createOrder({ requestId });
      const again = await buyer.playmesh.purchase.createOrder({ requestId });
      const fourthOrder = made.order!;
      checkSame(again.order?.orderId, fourthOrder.orderId, "order of the same request_id");
      const token = await tokenOf("4242424242424242");
      const before = (await balanceOf(world)).captures;
      const payment = newRequestId();
      await Promise.all([
        pay(buyer, fourthOrder, token, payment),
        pay(buyer, fourthOrder, token, payment),
        pay(buyer, fourthOrder, token),
      ]);
      await orderIn(buyer, fourthOrder, OrderState.COMPLETED);
      checkState(await pay(buyer, fourthOrder, token, payment), OrderState.COMPLETED);
      checkState(await pay(buyer, fourthOrder, token), OrderState.COMPLETED);
      checkSame((await balanceOf(world)).captures, before + 1, "captures");
      await checkFails(pay(buyer, order, token, payment), Code.InvalidArgument);
      return "five payments of one order, three at once: charged once";
    },
  },
  {
    name: "the price has changed",
    async run({ buyer, publisher, third }) {
      const { getCart, createOrder, cancelOrder } = buyer.playmesh.purchase;
      await addToCart(buyer, third);
      const prices = [{ amount: { currencyCode: "EUR", unitsMinor: 2499n } }];
      await publisher.playmesh.catalog.setPrices({ editionId: third.editionId, prices });
      await checkFails(createOrder({}), Code.FailedPrecondition, "PRICE_CHANGED");
      checkSame((await getCart({})).cart?.items[0]?.price?.unitsMinor, 2499n, "price in the cart");
      const accepted = (await createOrder({})).order!;
      checkSame(accepted.total?.unitsMinor, 2499n, "total");
      const { orderId } = accepted;
      checkState((await cancelOrder({ orderId })).order!, OrderState.CANCELLED);
      checkState((await cancelOrder({ orderId })).order!, OrderState.CANCELLED);
      await checkFails(pay(buyer, accepted, "pm_card_visa"), Code.FailedPrecondition, "ORDER_NOT_PAYABLE");
      return "the cart shows the new one, the next order accepts it; then cancelled";
    },
  },
  {
    name: "what is owned is not sold",
    async run({ buyer, main, second }) {
      await checkFails(addToCart(buyer, main), Code.FailedPrecondition, "ALREADY_OWNED");
      await checkFails(buyer.playmesh.purchase.createOrder({}), Code.FailedPrecondition, "CART_EMPTY");
      const { editionId } = second;
      const claim = buyer.playmesh.purchase.claimFreeGame({ editionId, currencyCode: "EUR", countryCode: "DE" });
      await checkFails(claim, Code.FailedPrecondition, "NOT_FREE");
      return "ALREADY_OWNED, CART_EMPTY, NOT_FREE";
    },
  },
  {
    name: "the provider is slow",
    async run(world) {
      const { buyer, third } = world;
      const before = (await balanceOf(world)).captures;
      const late = await orderOf(buyer, third);
      const answer = await pay(buyer, late, sandbox.paymentMethods.timeoutAfterCharge);
      check(
        [OrderState.PAYING, OrderState.COMPLETED].includes(answer.state),
        `the order is ${OrderState[answer.state]}`,
      );
      await orderIn(buyer, late, OrderState.COMPLETED);
      checkSame((await balanceOf(world)).captures, before + 1, "captures");
      return `${OrderState[answer.state]}, then COMPLETED: charged once`;
    },
  },
  {
    name: "the webhook is late",
    async run({ mesh, fourth }) {
      const patient = await newPerson(mesh.edgeUrl, "Pia Patient");
      const late = await orderOf(patient, fourth);
      const answer = await pay(patient, late, sandbox.paymentMethods.lateWebhook);
      check(
        [OrderState.PAYING, OrderState.COMPLETED].includes(answer.state),
        `the order is ${OrderState[answer.state]}`,
      );
      await orderIn(patient, late, OrderState.COMPLETED);
      await licenseOf(patient, fourth);
      return `${OrderState[answer.state]}, then COMPLETED`;
    },
  },
];
