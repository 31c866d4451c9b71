// The example page in a real Chromium, and the quickstart, against a running mesh: npm run test:browser.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createPlaymesh, identity } from "@playmesh/client";
import { type Browser, type Page, chromium } from "playwright-core";
import { edgeUrl } from "../../mesh_env.js";
import { serve } from "./serve.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const HERE = dirname(fileURLToPath(import.meta.url));
const SCREENSHOT = join(HERE, ".out/example.png");
const LIMIT_MS = 20_000;

const edge = edgeUrl();
const word = Array.from(
  crypto.getRandomValues(new Uint8Array(10)),
  (byte) => "abcdefghijklmnopqrstuvwxyz"[byte % 26],
).join("");
const title = `Lighthouse ${word}`;
const complaints: string[] = [];
let sent = "";
let browser: Browser;
let page: Page;
let closeServer: () => void;

before(async () => {
  await publish(title, `Chess ${word}`);
  const { url, server } = await serve(edge, 0);
  closeServer = () => server.close();
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
  page = await (await browser.newContext({ viewport: { width: 1200, height: 720 } })).newPage();
  page.setDefaultTimeout(LIMIT_MS);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on(
    "request",
    (request) => (sent += `${request.url()}\n${request.postDataBuffer()?.toString("latin1") ?? ""}\n`),
  );
  await page.goto(url);
});

after(async () => {
  await browser?.close();
  closeServer?.();
});

test("registers and signs in", async () => {
  await page.fill("[name=email]", `browser.${word}@story.example.com`);
  await page.fill("[name=password]", `${word} ${word}`);
  await page.click("text=Register");
  await page.waitForSelector("#signed-in:not([hidden])");
  assert.match(await page.innerText("#who"), /^browser\./);
});

test("finds a game by a misspelt name, with its price", async () => {
  await page.fill("[name=query]", word.slice(0, 4) + word.slice(5));
  await page.click("text=Search");
  await page.waitForSelector(`#games >> text=${title}`);
  assert.equal(await game().locator("button").innerText(), "Buy for €19.99");
});

test("says why a card was declined", async () => {
  await page.waitForSelector("#notifications[data-state=open]");
  await page.fill("[name=number]", "4000 0000 0000 9995");
  await game().locator("button").click();
  await page.waitForFunction(() => /enough money/i.test(document.querySelector("#order")?.textContent ?? ""));
});

test("buys after the bank's question", async () => {
  await page.fill("[name=number]", "4000 0027 6000 3184");
  await game().locator("button").click();
  await page.click("#bank >> text=Confirm");
  await page.waitForSelector("#order >> text=Order COMPLETED");
});

test("the stream tells of the purchase, and the library has the game", async () => {
  await page.waitForSelector(`#library >> text=${title}`);
  await page.waitForFunction(
    (bought) => document.querySelector("#notifications")?.textContent?.includes(bought),
    title,
  );
  mkdirSync(dirname(SCREENSHOT), { recursive: true });
  await page.screenshot({ path: SCREENSHOT });
});

test("is still signed in after a reload", async () => {
  await page.reload();
  await page.waitForSelector(`#library >> text=${title}`);
  await page.waitForSelector("#notifications[data-state=open]");
});

test("signs out, in all tabs", async () => {
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.waitForSelector("#signed-in:not([hidden])");
  await page.click("text=Sign out");
  for (const tab of [page, other]) await tab.waitForSelector("#account:not([hidden])");
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

test("no card number left the page, and nothing complained", () => {
  assert.ok(sent.includes("pm_card_visa_chargeDeclinedInsufficientFunds"), "the requests were not recorded");
  assert.doesNotMatch(sent.replaceAll(/[\s-]/g, ""), /4000000000009995|4000002760003184/);
  assert.deepEqual(complaints, []);
});

test("the quickstart buys a game", async () => {
  const env = { ...process.env, PLAYMESH_EDGE_URL: edge };
  const arguments_ = ["--import", "tsx", join(HERE, "quickstart.ts")];
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, { env, timeout: 3 * LIMIT_MS });
  assert.match(stdout, /^[^🔔].* is yours$/mu);
  assert.match(stdout, /^🔔 .+ is yours$/mu);
});

function game() {
  return page.locator("#games li", { hasText: title });
}

// A publisher with games for 19.99 € each.
async function publish(...titles: string[]): Promise<void> {
  const playmesh = createPlaymesh({ baseUrl: edge });
  const credentials = { email: `publisher.${word}@story.example.com`, password: `${word} ${word}` };
  await playmesh.identity.register({ ...credentials, displayName: "Publisher", countryCode: "DE" });
  await playmesh.session.signIn(credentials);
  const kind = identity.OrganisationKind.PUBLISHER;
  const { organisation } = await playmesh.identity.createOrganisation({ displayName: "Browser games", kind });
  await playmesh.session.refresh();
  const { organisationId } = organisation!;
  const prices = [{ amount: { currencyCode: "EUR", unitsMinor: 1999n } }];
  for (const gameTitle of titles) {
    const texts = [{ language: "en", title: gameTitle, summary: "Keep the light burning." }];
    const { gameId } = (await playmesh.catalog.createGame({ game: { organisationId, texts } })).game!;
    await playmesh.catalog.createEdition({ gameId, name: "Standard", prices });
    await playmesh.catalog.publishGame({ gameId });
  }
}
