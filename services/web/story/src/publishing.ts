// A publisher brings games to the store.
import { Code, catalog, identity, newRequestId, pages } from "@playmesh/client";
import { check, checkFails, checkSame } from "./check.js";
import { newPerson, newWord } from "./people.js";
import type { Step, StoryGame, World } from "./world.js";

const { GameState, Platform } = catalog;

// A price: "19.99 EUR" is [1999n, "EUR"]; in one country only, [1299n, "EUR", "PL"].
type StoryPrice = [unitsMinor: bigint, currencyCode: string, countryCode?: string];

function prices(list: StoryPrice[]) {
  return list.map(([unitsMinor, currencyCode, countryCode = ""]) => ({
    amount: { unitsMinor, currencyCode },
    countryCode,
  }));
}

async function publish(world: World, title: string, list: StoryPrice[], draft: object = {}): Promise<StoryGame> {
  const { catalog } = world.publisher.playmesh;
  const texts = [
    { language: "en", title, summary: `${title}, a game of the story.`, description: "Told by tools/story." },
  ];
  const { game } = await catalog.createGame({
    game: {
      organisationId: world.organisationId,
      texts,
      tags: [world.tag],
      platforms: [Platform.LINUX],
      languages: ["en"],
      version: "1.0.0",
      developerName: "Story Studio",
      ...draft,
    },
  });
  check(game?.state === GameState.DRAFT, "a new game is no draft");
  const { gameId } = game;
  const { edition } = await catalog.createEdition({ gameId, name: "Standard", prices: prices(list) });
  check(edition, "the edition is missing");
  const published = await catalog.publishGame({ gameId });
  check(published.game?.publishTime, "a published game has no publish_time");
  return { gameId, editionId: edition.editionId, title };
}

export const publishing: Step[] = [
  {
    name: "make an organisation",
    async run(world) {
      world.publisher = await newPerson(world.mesh.edgeUrl, "Paul Publisher");
      const { session, identity: service, catalog } = world.publisher.playmesh;
      const request = {
        requestId: newRequestId(),
        displayName: `${newWord(3)} games`,
        kind: identity.OrganisationKind.PUBLISHER,
      };
      const { organisation } = await service.createOrganisation(request);
      const again = await service.createOrganisation(request);
      check(organisation, "the organisation is missing");
      checkSame(again.organisation?.organisationId, organisation.organisationId, "organisation of the same request_id");
      world.organisationId = organisation.organisationId;
      const draft = { game: { organisationId: world.organisationId, texts: [{ language: "en", title: "Too early" }] } };
      await checkFails(catalog.createGame(draft), Code.PermissionDenied);
      await session.refresh();
      return `${organisation.displayName}; its rights came with the refresh`;
    },
  },
  {
    name: "publish games",
    async run(world) {
      [world.word, world.germanWord] = [newWord(), newWord()];
      world.tag = `story-${newWord(4)}`;
      const title = `Lanterns of ${world.word}`;
      const texts = [
        { language: "en", title, summary: "Light the way home.", description: "A walk through the fog." },
        { language: "de", title: `Laternen von ${world.germanWord}`, summary: "Leuchte den Weg nach Hause." },
        { language: "ja", title: "霧のランタン", summary: "家路を照らそう。" },
      ];
      const draft = {
        texts,
        platforms: [Platform.LINUX, Platform.WEB],
        languages: ["en", "de"],
        tags: [world.tag, "adventure"],
      };
      const everywhere: StoryPrice[] = [
        [1999n, "EUR"],
        [1299n, "EUR", "PL"],
        [2199n, "USD"],
        [2900n, "JPY"],
      ];
      const inJapanese = { platforms: [Platform.WINDOWS], languages: ["ja"] };
      [world.main, world.second, world.third, world.fourth, world.free] = await Promise.all([
        publish(world, title, everywhere, draft),
        publish(world, "Second of the story", [[999n, "EUR"]], inJapanese),
        publish(world, "Third of the story", [[2999n, "EUR"]]),
        publish(world, "Fourth of the story", [[499n, "EUR"]]),
        publish(world, "Gift of the story", [[0n, "EUR"]]),
      ]);
      const { games } = await world.publisher.playmesh.catalog.listGames({ organisationId: world.organisationId });
      check(games.length === 5, `the organisation lists ${games.length} games, not 5`);
      return `5, of them "${title}" in 3 languages with 4 prices`;
    },
  },
  {
    name: "publishing refuses",
    async run(world) {
      const { catalog } = world.publisher.playmesh;
      const texts = [{ language: "en", title: "Without a price" }];
      const { game } = await catalog.createGame({ game: { organisationId: world.organisationId, texts } });
      check(game, "the draft is missing");
      const { gameId } = game;
      await checkFails(catalog.publishGame({ gameId }), Code.FailedPrecondition, "GAME_HAS_NO_PRICE");
      await checkFails(world.buyer.playmesh.catalog.getGame({ gameId }), Code.NotFound);
      await checkFails(
        world.buyer.playmesh.catalog.createGame({ game: { organisationId: world.organisationId, texts } }),
        Code.PermissionDenied,
      );
      return "a draft without a price; a stranger sees no draft and makes none";
    },
  },
  {
    name: "real games are there",
    async run(world) {
      let count = 0;
      for await (const page of pages(world.buyer.playmesh.catalog.searchGames, { pageSize: 100 })) {
        count += page.games.filter(({ tags }) => !tags.some((tag) => tag.startsWith("story-"))).length;
      }
      check(count > 0 || !world.options.imported, "none; import them with tools/import-games, or say --no-import");
      return `${count}`;
    },
  },
];
