// A publisher brings out a new version.
import { Code, notification } from "@playmesh/client";
import { GameUpdatedSchema } from "@playmesh/client/gen/playmesh/catalog/v1/catalog_events_pb";
import { check, checkFails, checkSame, eventually } from "./check.js";
import { eventOnKafka } from "./kafka.js";
import type { Step } from "./world.js";

const RELEASE_NOTES = "The fog lifts.";

export const updating: Step[] = [
  {
    name: "update the game",
    async run({ publisher, main }) {
      const { gameId } = main;
      const { getGame, updateGame } = publisher.playmesh.catalog;
      const { game: before } = await getGame({ gameId });
      const update = {
        game: { gameId, version: "1.1.0", releaseNotes: RELEASE_NOTES },
        updateMask: { paths: ["version", "release_notes"] },
        etag: before?.etag ?? "",
      };
      const { game } = await updateGame(update);
      checkSame(
        [game?.version, game?.texts.length, game?.tags.length],
        ["1.1.0", 3, 2],
        "version, and what was not to change",
      );
      check(game?.etag !== before?.etag, "the etag is the same as before");
      const late = { ...update, game: { gameId, version: "0.9.0" }, updateMask: { paths: ["version"] } };
      await checkFails(updateGame(late), Code.Aborted, "STALE_ETAG");
      return "1.0.0 → 1.1.0; a stale etag is refused";
    },
  },
  {
    name: "GameUpdated on Kafka",
    async run(world) {
      if (world.options.skip.has("kafka")) return "left out";
      const { version, changedFields } = await eventOnKafka(world, GameUpdatedSchema, world.main.gameId);
      checkSame(
        [version, [...changedFields].sort()],
        ["1.1.0", ["release_notes", "version"]],
        "version and changed fields",
      );
      return changedFields.join(", ");
    },
  },
  {
    name: "owners are told",
    async run({ tape, main }) {
      const { title } = await tape.waitFor(notification.NotificationKind.GAME_UPDATED, main.gameId);
      return `"${title}"`;
    },
  },
  {
    name: "the library shows it",
    async run({ buyer, main }) {
      const license = await eventually("version 1.1.0 in the library", async () => {
        const found = (await buyer.playmesh.library.getLicense({ gameId: main.gameId })).license;
        return found?.gameVersion === "1.1.0" && found;
      });
      checkSame(license.releaseNotes, RELEASE_NOTES, "release notes");
      check(license.gameUpdateTime, "game_update_time is absent");
      return `${license.gameVersion}, "${license.releaseNotes}"`;
    },
  },
];
