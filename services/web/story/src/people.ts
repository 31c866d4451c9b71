// Who plays a part in the story: new people with every run, so that it can be told again on the same mesh.
import { type Playmesh, type SessionStorage, createPlaymesh, memoryStorage } from "@playmesh/client";

/** Somebody who is signed in. */
export interface Person {
  email: string;
  password: string;
  userId: string;
  playmesh: Playmesh;
  storage: SessionStorage;
}

const CONSONANTS = "bdfgklmnprstvz";
const VOWELS = "aeiou";

/** A word that nobody has used before, and that reads like one: "velomikarudo". */
export function newWord(syllables = 6): string {
  const pick = (letters: string) => letters[crypto.getRandomValues(new Uint8Array(1))[0]! % letters.length]!;
  return Array.from({ length: syllables }, () => pick(CONSONANTS) + pick(VOWELS)).join("");
}

/** Registers somebody in Germany and signs them in. */
export async function newPerson(edgeUrl: string, displayName: string): Promise<Person> {
  const storage = memoryStorage();
  const playmesh = createPlaymesh({ baseUrl: edgeUrl, storage });
  const credentials = { email: `${newWord()}@story.example.com`, password: `${newWord()} ${newWord()}` };
  await playmesh.identity.register({ ...credentials, displayName, locale: "en", countryCode: "DE" });
  const user = await playmesh.session.signIn({ ...credentials, deviceName: "story" });
  return { ...credentials, userId: user.userId, playmesh, storage };
}
