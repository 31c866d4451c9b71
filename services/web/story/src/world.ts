// What the steps of the story know of each other.
import type { purchase } from "@playmesh/client";
import type { Mesh } from "./mesh.js";
import type { Person } from "./people.js";
import type { NotificationTape } from "./notification_tape.js";

/** A game that the publisher sells. */
export interface StoryGame {
  gameId: string;
  editionId: string;
  title: string;
}

/** How the story is told. */
export interface Options {
  /** Whether real games were imported, so that they must be there. */
  imported: boolean;
  /** Parts of the mesh that cannot be looked into from here. */
  skip: ReadonlySet<"kafka" | "mail">;
}

/** Filled in step by step, in the order of the story. */
export class World {
  /** Begin of the story, in milliseconds since 1970: older events are not its own. */
  readonly startMs = Date.now();
  buyer!: Person;
  publisher!: Person;
  organisationId!: string;
  /** Tag and word that only this run's games have. */
  tag!: string;
  word!: string;
  /** Word that only stands in the main game's German text. */
  germanWord!: string;
  /** 19.99 €; 12.99 € in Poland; 21.99 $; 2900 ¥. */
  main!: StoryGame;
  /** 9.99 €, on Windows, in Japanese. */
  second!: StoryGame;
  /** 29.99 €. */
  third!: StoryGame;
  /** 4.99 €. */
  fourth!: StoryGame;
  free!: StoryGame;
  /** The buyer's notifications, as they come over the open stream. */
  tape!: NotificationTape;
  /** The order of the main game. */
  order!: purchase.Order;
  /** What the publisher gets of it, in cents. */
  share!: bigint;

  constructor(
    readonly mesh: Mesh,
    readonly options: Options,
  ) {}
}

/** Something that the story does and checks. Returns what is worth telling about it. */
export interface Step {
  name: string;
  run(world: World): Promise<string>;
}
