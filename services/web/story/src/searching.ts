// A player looks for a game.
import { Code, catalog, pages } from "@playmesh/client";
import { check, checkFails, checkSame } from "./check.js";
import type { Step, World } from "./world.js";

const { Platform, SearchOrder } = catalog;
type Search = Partial<Omit<catalog.SearchGamesRequest, "$typeName" | "$unknown">>;

// Somebody who is not signed in may search too.
async function search(world: World, request: Search): Promise<catalog.GameSummary[]> {
  return (await world.buyer.playmesh.catalog.searchGames(request)).games;
}

async function checkFinds(world: World, request: Search, expected: { gameId: string }[], what: string): Promise<void> {
  const found = await search(world, { tags: [world.tag], ...request });
  checkSame(
    found.map(({ gameId }) => gameId).sort(),
    expected.map(({ gameId }) => gameId).sort(),
    `games found by ${what}`,
  );
}

// Without its letter in the middle.
function misspelt(word: string): string {
  const middle = Math.floor(word.length / 2);
  return word.slice(0, middle) + word.slice(middle + 1);
}

const WELL_KNOWN = ["SuperTuxKart", "Wesnoth", "OpenTTD", "Freeciv", "Luanti", "Minetest", "Frozen-Bubble"];

export const searching: Step[] = [
  {
    name: "search by text",
    async run(world) {
      const typo = misspelt(world.word);
      for (const query of [world.word, typo, `lantern ${typo}`, world.germanWord]) {
        const first = (await search(world, { query }))[0];
        check(first?.gameId === world.main.gameId, `"${query}" finds ${first ? `"${first.title}"` : "nothing"} first`);
      }
      const german = (await search(world, { query: world.word, displayLanguage: "de" }))[0];
      checkSame(german?.title, `Laternen von ${world.germanWord}`, "title in German");
      return `"${typo}" finds "${world.main.title}"`;
    },
  },
  {
    name: "search real games",
    async run(world) {
      for (const name of WELL_KNOWN) {
        const isIt = (game?: catalog.GameSummary) => game?.title.toLowerCase().includes(name.toLowerCase());
        if (!isIt((await search(world, { query: name }))[0])) continue;
        const query = misspelt(name);
        const found = await search(world, { query });
        check(
          found.slice(0, 3).some(isIt),
          `"${query}" finds ${found.map(({ title }) => title).slice(0, 3)}, not ${name}`,
        );
        return `"${query}" finds "${found.find(isIt)?.title}"`;
      }
      check(!world.options.imported, `none of ${WELL_KNOWN.join(", ")} is found by its name`);
      return "none imported";
    },
  },
  {
    name: "filter",
    async run(world) {
      const { main, second, third, fourth, free } = world;
      const euros = { currencyCode: "EUR", countryCode: "DE" };
      await checkFinds(world, {}, [main, second, third, fourth, free], "tag");
      await checkFinds(world, { tags: [world.tag, "adventure"] }, [main], "two tags");
      await checkFinds(world, { platforms: [Platform.WINDOWS] }, [second], "platform");
      await checkFinds(world, { platforms: [Platform.WEB, Platform.WINDOWS] }, [main, second], "one of two platforms");
      await checkFinds(world, { language: "de" }, [main], "language");
      const between = { ...euros, minPriceUnitsMinor: 500n, maxPriceUnitsMinor: 1999n };
      await checkFinds(world, between, [main, second], "price from 5.00 to 19.99 €");
      await checkFinds(world, { ...euros, maxPriceUnitsMinor: 0n }, [free], "price of nothing");
      const inPoland = { currencyCode: "EUR", countryCode: "PL", maxPriceUnitsMinor: 1299n, minPriceUnitsMinor: 1000n };
      await checkFinds(world, inPoland, [main], "price in Poland");
      return "tags, platforms, language, price range, price of a country";
    },
  },
  {
    name: "sort and turn pages",
    async run(world) {
      const { searchGames } = world.buyer.playmesh.catalog;
      const request = { tags: [world.tag], currencyCode: "EUR", countryCode: "DE", pageSize: 2 };
      const walk = async (order: catalog.SearchOrder) => {
        const found: catalog.GameSummary[][] = [];
        for await (const page of pages(searchGames, { ...request, order })) found.push(page.games);
        check(
          found.every((page) => page.length <= 2) && found.length >= 3,
          `pages of ${found.map((page) => page.length)}`,
        );
        return found.flat();
      };
      const ascending = (await walk(SearchOrder.PRICE_ASCENDING)).map(({ price }) => price?.unitsMinor);
      checkSame(ascending, [0n, 499n, 999n, 1999n, 2999n], "prices, ascending");
      const descending = (await walk(SearchOrder.PRICE_DESCENDING)).map(({ price }) => price?.unitsMinor);
      checkSame(descending, [2999n, 1999n, 999n, 499n, 0n], "prices, descending");
      const titles = (await walk(SearchOrder.TITLE)).map(({ title }) => title);
      checkSame(titles, [...titles].sort(), "titles");
      check(new Set(titles).size === 5, "a game is on two pages");
      const { nextPageToken } = await searchGames(request);
      await checkFails(searchGames({ ...request, tags: [], pageToken: nextPageToken }), Code.InvalidArgument);
      return "3 pages in 3 orders; a page token of another search is refused";
    },
  },
  {
    name: "prices of the buyer",
    async run(world) {
      const { getGame } = world.buyer.playmesh.catalog;
      const { gameId } = world.main;
      const priceIn = async (currencyCode: string, countryCode: string) => {
        const { game } = await getGame({ gameId, currencyCode, countryCode });
        return game?.editions[0]?.price?.unitsMinor;
      };
      checkSame(await priceIn("EUR", "DE"), 1999n, "euros in Germany");
      checkSame(await priceIn("EUR", "PL"), 1299n, "euros in Poland");
      checkSame(await priceIn("USD", "US"), 2199n, "dollars");
      checkSame(await priceIn("JPY", "JP"), 2900n, "yen");
      checkSame(await priceIn("GBP", "GB"), undefined, "pounds, in which it is not sold");
      const yen = (await search(world, { tags: [world.tag, "adventure"], currencyCode: "JPY", countryCode: "JP" }))[0]
        ?.price;
      checkSame([yen?.currencyCode, yen?.unitsMinor], ["JPY", 2900n], "price in the list");
      const { game } = await getGame({ gameId });
      checkSame(game?.editions[0]?.prices.length, 0, "price list that a stranger sees");
      return "€, € in Poland, $ and ¥";
    },
  },
];
