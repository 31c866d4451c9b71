// What everybody learns of a purchase.
import { library, notification } from "@playmesh/client";
import { check, checkSame, eventually } from "./check.js";
import { mailTo } from "./mail.js";
import { balanceOf, licenseOf } from "./orders.js";
import type { Step, World } from "./world.js";

const { NotificationKind } = notification;

/** The publisher's euro figures of one game, once `isIt` holds. */
export function figuresOf(
  { publisher, organisationId }: World,
  gameId: string,
  what: string,
  isIt: (figures: Figures) => boolean,
) {
  return eventually(what, async () => {
    const { figures } = await publisher.playmesh.analytics.getSalesReport({ organisationId });
    const found = figures.find((game) => game.gameId === gameId);
    return found && isIt(found) && found;
  });
}
type Figures = { soldCount: bigint; refundedCount: bigint; claimedCount: bigint };

export const afterPurchase: Step[] = [
  {
    name: "licences in the library",
    async run({ buyer, main, free, order }) {
      const [license] = await Promise.all([licenseOf(buyer, main), licenseOf(buyer, free)]);
      checkSame([license?.orderId, license?.state], [order.orderId, library.LicenseState.ACTIVE], "licence");
      const { licenses } = await buyer.playmesh.library.listLicenses({});
      checkSame(licenses.map(({ gameId }) => gameId).sort(), [main.gameId, free.gameId].sort(), "games in the library");
      return `${licenses.map(({ gameTitle }) => `"${gameTitle}"`).join(" and ")}`;
    },
  },
  {
    name: "notification on the stream",
    async run({ tape, order }) {
      const { title } = await tape.waitFor(NotificationKind.PURCHASE_COMPLETED, order.orderId);
      return `"${title}"`;
    },
  },
  {
    name: "notification in the inbox",
    async run({ buyer, order }) {
      const { listNotifications, markNotificationsRead } = buyer.playmesh.notification;
      const before = await listNotifications({});
      const entry = before.notifications.find(({ orderId }) => orderId === order.orderId);
      check(entry && !entry.readTime, "the purchase is not among the unread");
      const { unreadCount } = await markNotificationsRead({ notificationIds: [entry.notificationId] });
      checkSame(unreadCount, before.unreadCount - 1, "unread after reading one");
      return `${before.unreadCount} unread, then ${unreadCount}`;
    },
  },
  {
    name: "receipt by e-mail",
    async run(world) {
      if (world.options.skip.has("mail")) return "left out";
      const { buyer, main } = world;
      const receipt = await mailTo(world, buyer.email, "the receipt", ({ text }) => !!text?.includes(main.title));
      check(receipt.text?.includes("19.99") || receipt.text?.includes("19,99"), "the receipt does not say 19.99");
      return `"${receipt.subject}"`;
    },
  },
  {
    name: "figures of the publisher",
    async run(world) {
      const { main, free, publisher, organisationId } = world;
      const sold = await figuresOf(world, main.gameId, "one copy sold", ({ soldCount }) => soldCount === 1n);
      checkSame([sold.gross?.unitsMinor, sold.net?.unitsMinor], [1999n, 1999n], "gross and net");
      const claimed = await figuresOf(
        world,
        free.gameId,
        "one copy claimed",
        ({ claimedCount }) => claimedCount === 1n,
      );
      checkSame(claimed.soldCount, 0n, "copies of the free game that were sold");
      const { days } = await publisher.playmesh.analytics.listDailySales({ organisationId, gameId: main.gameId });
      checkSame(
        days.map(({ figures }) => figures?.soldCount),
        [1n],
        "sold by day",
      );
      return `1 sold for 19.99 €, 1 claimed, on ${days[0]?.date}`;
    },
  },
  {
    name: "balance of the publisher",
    async run(world) {
      const { euros, captures } = await eventually("a capture on the balance", async () => {
        const balance = await balanceOf(world);
        return balance.captures > 0 && balance;
      });
      check(captures === 1 && euros > 0n && euros <= 1999n, `${captures} captures of ${euros} cents in all`);
      world.share = euros;
      return `${euros} of 1999 cents`;
    },
  },
];
