// What the README tells to type, typed: its blocks in a shell of their own, one paragraph after the other.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "../../services/web/story/src/check.js";
import { newWord } from "../../services/web/story/src/people.js";
import { HOME, ROOT } from "../lib/mesh.js";
import { FREE, openStore, publish } from "../lib/store.js";

const END = "=== end of a paragraph ===";

/** A bash that keeps its variables from one run to the next, and ends at the first command that fails. */
class Shell {
  readonly #bash: ChildProcess;
  #said = "";
  #status: number | null = null;

  constructor(folder: string) {
    this.#bash = spawn("bash", ["-e", "-o", "pipefail"], { cwd: folder });
    for (const stream of [this.#bash.stdout!, this.#bash.stderr!]) stream.on("data", (chunk) => (this.#said += chunk));
    this.#bash.on("close", (status) => (this.#status = status ?? 1));
  }

  /** What the commands print. Throws when one fails. */
  async run(commands: string): Promise<string> {
    this.#said = "";
    this.#bash.stdin!.write(`${commands}\necho "${END}"\n`);
    return eventually(`the end of: ${commands}`, async () => {
      assert.equal(this.#status, null, `${commands}\n\nends with: ${this.#said}`);
      return this.#said.includes(END) && this.#said.replace(END, "").trim();
    });
  }

  end(): void {
    this.#bash.kill();
  }
}

const readme = readFileSync(join(ROOT, "README.md"), "utf8");
const blocks = Array.from(readme.matchAll(/^```bash\n(.*?)^```/gms), ([, block]) => block!.trim());
const paragraphs = blocks.flatMap((block) => block.split("\n\n"));
const [preparation, account, claim, owned, purchase] = paragraphs as [string, string, string, string, string];
const title = `Chess of ${newWord()}`;

const folder = mkdtempSync(join(tmpdir(), "playmesh-readme-"));
let shell: Shell;

before(async () => {
  assert.equal(paragraphs.length, 5, "the README has other paragraphs than this test knows");
  const { publisher, organisationId } = await openStore(1);
  await publish(publisher, organisationId, title, FREE);
  symlinkSync(HOME, join(folder, ".playmesh"));
  shell = new Shell(folder);
});

after(() => {
  shell?.end();
  rmSync(folder, { recursive: true });
});

test("the README opens an account and a session", async () => {
  const { user } = JSON.parse(await shell.run(`${preparation}\n${account}`)) as { user: Record<string, unknown> };
  assert.equal(user.display_name, "Reader");
  assert.match(await shell.run("echo $token"), /^\S+\.\S+\.\S+$/);
});

test("the README finds a free game in spite of a typing error, and claims it", async () => {
  const lines = (await shell.run(claim)).split("\n");
  assert.equal(lines.pop(), '"ORDER_STATE_COMPLETED"');
  assert.ok(lines.includes(`${title}: For the tests.`), `found ${lines}`);
});

test("what the README claims is in the library, the inbox and the mail, a moment later", async () => {
  await eventually("a licence, a notification and a mail", async () => {
    const said = await shell.run(owned);
    const license = /"game_title": "(.*)",\s*"state": "LICENSE_STATE_ACTIVE"/.exec(said);
    return license && said.split(license[1]!).length >= 4;
  });
});

test("the README buys a game with a test card and gets the money back", async () => {
  const said = await shell.run(purchase);
  assert.match(
    said,
    /^{\s*"currency_code": "EUR",\s*"units_minor": "\d+"\s*}\s*"ORDER_STATE_COMPLETED"\s*"ORDER_STATE_REFUND/,
  );
});
