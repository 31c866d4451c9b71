// A player buys a game, and takes a free one.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { purchase } from "@playmesh/client";
import { PurchaseCompletedSchema } from "@playmesh/client/gen/playmesh/purchase/v1/purchase_events_pb";
import { check, checkSame } from "./check.js";
import { eventOnKafka } from "./kafka.js";
import { NotificationTape } from "./notification_tape.js";
import { addToCart, checkState, claim, orderOf, pay, tokenOf } from "./orders.js";
import type { Step } from "./world.js";

const { OrderState } = purchase;

export const buying: Step[] = [
  {
    name: "watch notifications",
    async run(world) {
      world.tape = await NotificationTape.open(world.buyer.playmesh);
      return "the stream is open";
    },
  },
  {
    name: "fill the cart",
    async run({ buyer, main, second }) {
      await addToCart(buyer, main);
      checkSame((await addToCart(buyer, second)).total?.unitsMinor, 2998n, "total of two games");
      const { cart } = await buyer.playmesh.purchase.removeCartItem({ editionId: second.editionId });
      checkSame(
        cart?.items.map(({ gameId }) => gameId),
        [main.gameId],
        "what is left in the cart",
      );
      return "two in, one out: 19.99 €";
    },
  },
  {
    name: "check out with 4242…",
    async run(world) {
      const { buyer, main } = world;
      const order = await orderOf(buyer, main);
      checkSame(order.total?.unitsMinor, 1999n, "total of the order");
      check(order.expireTime, "an order to be paid has no expire_time");
      checkSame((await buyer.playmesh.purchase.getCart({})).cart?.items.length, 0, "items left in the cart");
      world.order = await pay(buyer, order, await tokenOf("4242 4242 4242 4242"));
      checkState(world.order, OrderState.COMPLETED);
      check(world.order.completeTime, "a completed order has no complete_time");
      check(!world.order.expireTime, "a completed order has an expire_time");
      const { orders } = await buyer.playmesh.purchase.listOrders({});
      checkSame(orders[0]?.orderId, order.orderId, "latest order in the list");
      return `order ${order.orderId}, to be paid until ${timestampDate(order.expireTime).toISOString()}`;
    },
  },
  {
    name: "PurchaseCompleted on Kafka",
    async run(world) {
      if (world.options.skip.has("kafka")) return "left out";
      const event = await eventOnKafka(world, PurchaseCompletedSchema, world.order.orderId);
      checkSame([event.userId, event.total?.unitsMinor], [world.buyer.userId, 1999n], "buyer and total");
      checkSame(
        event.items.map(({ gameId }) => gameId),
        [world.main.gameId],
        "items",
      );
      return `total ${event.total?.unitsMinor} ${event.total?.currencyCode}`;
    },
  },
  {
    name: "claim a free game",
    async run({ buyer, free }) {
      const order = await claim(buyer, free);
      checkState(order, OrderState.COMPLETED);
      checkSame(order.total?.unitsMinor, 0n, "total");
      checkSame((await claim(buyer, free)).orderId, order.orderId, "order of the second claim");
      return "in one call; the second changes nothing";
    },
  },
];
