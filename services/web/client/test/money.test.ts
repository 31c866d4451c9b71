import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMoney } from "../src/index.js";

const cases: [currencyCode: string, unitsMinor: bigint, locale: string, text: string][] = [
  ["EUR", 1999n, "de", "19,99 €"],
  ["USD", 5n, "en-US", "$0.05"],
  ["USD", -1999n, "en-US", "-$19.99"],
  ["JPY", 1999n, "ja", "￥1,999"],
  ["KWD", 1234n, "en", "KWD 1.234"],
  ["EUR", 900719925474099312n, "en-US", "€9,007,199,254,740,993.12"],
  ["EUR", 0n, "en-US", "€0.00"],
  ["HUF", 199950n, "hu", "1999,50 Ft"],
  ["HUF", 199900n, "hu", "1999 Ft"],
];
for (const [currencyCode, unitsMinor, locale, text] of cases) {
  test(`${unitsMinor} ${currencyCode} in ${locale} is ${text}`, () => {
    assert.equal(formatMoney({ currencyCode, unitsMinor }, locale).replaceAll(/\s/g, " "), text);
  });
}
