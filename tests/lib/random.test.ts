import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "./random.js";

const draw = (name: string, seed: number) => {
  const random = new Random(name, seed);
  return Array.from({ length: 20 }, () => random.below(1_000));
};

test("one seed gives the same choices again", () => {
  assert.deepEqual(draw("shopper 1", 42), draw("shopper 1", 42));
});

test("another seed, or another name, gives others", () => {
  assert.notDeepEqual(draw("shopper 1", 42), draw("shopper 1", 43));
  assert.notDeepEqual(draw("shopper 1", 42), draw("shopper 2", 42));
});

test("choices reach all of their range and nothing beyond", () => {
  const random = new Random("range", 7);
  const seen = new Set(Array.from({ length: 500 }, () => random.below(6)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5]);
});

test("shuffling loses nothing", () => {
  const items = Array.from({ length: 50 }, (_, index) => index);
  const shuffled = new Random("cards", 7).shuffled(items);
  assert.notDeepEqual(shuffled, items);
  assert.deepEqual(
    shuffled.sort((a, b) => a - b),
    items,
  );
});
