import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

test("the README's code is that of example/quickstart.ts, which test:browser runs", () => {
  const program = read("example/quickstart.ts");
  const blocks = Array.from(read("README.md").matchAll(/^```ts\n(.*?)^```/gms), ([, code]) => code!);
  assert.ok(blocks.length >= 5, "the README has lost its code");
  for (const code of blocks) assert.ok(program.includes(code), `not in example/quickstart.ts:\n${code}`);
});
