// A publisher with games on sale, made anew for each test so that it can count what is its own.
import { identity } from "@playmesh/client";
import { type Person, newPerson, newWord } from "../../services/web/story/src/people.js";
import { EDGE_URL } from "./mesh.js";

/** A game that can be bought. */
export interface Game {
  gameId: string;
  editionId: string;
  title: string;
}

export interface Store {
  publisher: Person;
  organisationId: string;
  /** Each costs 19.99 €, 21.99 $ or 2900 ¥. */
  games: Game[];
  free: Game;
}

export const PRICES = [
  { currencyCode: "EUR", unitsMinor: 1999n },
  { currencyCode: "USD", unitsMinor: 2199n },
  { currencyCode: "JPY", unitsMinor: 2900n },
];

export const FREE = PRICES.map((price) => ({ ...price, unitsMinor: 0n }));

/** Registers a publisher that sells `count` games and gives one away. */
export async function openStore(count: number): Promise<Store> {
  const publisher = await newPerson(EDGE_URL, "Publisher of the tests");
  const { organisation } = await publisher.playmesh.identity.createOrganisation({
    displayName: `${newWord(3)} games`,
    kind: identity.OrganisationKind.PUBLISHER,
  });
  const { organisationId } = organisation!;
  await publisher.playmesh.session.refresh(); // for its rights
  const games: Game[] = [];
  for (let number = 1; number <= count; number++) {
    games.push(await publish(publisher, organisationId, `Game ${number} of ${newWord()}`, PRICES));
  }
  const free = await publish(publisher, organisationId, `Gift of ${newWord()}`, FREE);
  return { publisher, organisationId, games, free };
}

/** A draft without editions. */
export async function makeDraft(publisher: Person, organisationId: string, title: string): Promise<string> {
  const texts = [{ language: "en", title, summary: "For the tests." }];
  const { game } = await publisher.playmesh.catalog.createGame({ game: { organisationId, texts } });
  return game!.gameId;
}

/** A game of one edition, on sale. */
export async function publish(
  publisher: Person,
  organisationId: string,
  title: string,
  amounts: typeof PRICES,
): Promise<Game> {
  const { catalog } = publisher.playmesh;
  const gameId = await makeDraft(publisher, organisationId, title);
  const prices = amounts.map((amount) => ({ amount }));
  const { edition } = await catalog.createEdition({ gameId, name: "Standard", prices });
  await catalog.publishGame({ gameId });
  return { gameId, editionId: edition!.editionId, title };
}
