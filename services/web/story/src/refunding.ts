// A player gives a game back.
import { Code, notification, purchase } from "@playmesh/client";
import { PurchaseRefundedSchema } from "@playmesh/client/gen/playmesh/purchase/v1/purchase_events_pb";
import { figuresOf } from "./after_purchase.js";
import { check, checkFails, checkSame, eventually } from "./check.js";
import { eventOnKafka } from "./kafka.js";
import { balanceOf, checkState, orderIn, pay } from "./orders.js";
import type { Step } from "./world.js";

const { OrderState } = purchase;
let balanceBefore: bigint;

export const refunding: Step[] = [
  {
    name: "refund the order",
    async run(world) {
      const { buyer, order } = world;
      const { orderId } = order;
      balanceBefore = (await balanceOf(world)).euros;
      const { refundOrder } = buyer.playmesh.purchase;
      const state = (await refundOrder({ orderId, reason: "Too foggy." })).order?.state;
      check(
        state === OrderState.REFUNDING || state === OrderState.REFUNDED,
        `the order is ${state && OrderState[state]}`,
      );
      const refunded = await orderIn(buyer, order, OrderState.REFUNDED);
      check(refunded.refundTime, "a refunded order has no refund_time");
      checkState((await refundOrder({ orderId })).order!, OrderState.REFUNDED);
      await checkFails(pay(buyer, order, "pm_card_visa"), Code.FailedPrecondition, "ORDER_NOT_PAYABLE");
      return "the second refund changes nothing";
    },
  },
  {
    name: "PurchaseRefunded on Kafka",
    async run(world) {
      if (world.options.skip.has("kafka")) return "left out";
      const { total } = await eventOnKafka(world, PurchaseRefundedSchema, world.order.orderId);
      checkSame(total?.unitsMinor, 1999n, "what went back");
      return `total ${total?.unitsMinor} ${total?.currencyCode}`;
    },
  },
  {
    name: "the licence is gone",
    async run({ buyer, main }) {
      const { getLicense, listLicenses } = buyer.playmesh.library;
      await eventually("the licence is revoked", () =>
        getLicense({ gameId: main.gameId }).then(
          () => false,
          (error: { code?: Code }) => error.code === Code.NotFound || Promise.reject(error),
        ),
      );
      const isMain = ({ gameId }: { gameId: string }) => gameId === main.gameId;
      check(!(await listLicenses({})).licenses.some(isMain), "the library still lists it");
      check((await listLicenses({ showRevoked: true })).licenses.find(isMain)?.revokeTime, "revoke_time is absent");
      return `"${main.title}"`;
    },
  },
  {
    name: "the buyer is told",
    async run({ tape, order }) {
      const { title } = await tape.waitFor(notification.NotificationKind.PURCHASE_REFUNDED, order.orderId);
      return `"${title}"`;
    },
  },
  {
    name: "figures are corrected",
    async run(world) {
      const corrected = await figuresOf(
        world,
        world.main.gameId,
        "one copy refunded",
        (game) => game.refundedCount === 1n,
      );
      const figures = [
        corrected.soldCount,
        corrected.gross?.unitsMinor,
        corrected.refunded?.unitsMinor,
        corrected.net?.unitsMinor,
      ];
      checkSame(figures, [1n, 1999n, 1999n, 0n], "sold, gross, refunded, net");
      return "19.99 € less 19.99 € is nothing";
    },
  },
  {
    name: "the balance is back",
    async run(world) {
      const after = await eventually("a refund on the balance", async () => {
        const balance = await balanceOf(world);
        return balance.transactions.some(({ kind }) => kind === "refund") && balance;
      });
      checkSame(after.euros, balanceBefore - world.share, "balance after the refund");
      return `${balanceBefore} − ${world.share} = ${after.euros} cents`;
    },
  },
];
