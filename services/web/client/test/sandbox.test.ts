import assert from "node:assert/strict";
import { test } from "node:test";
import { type Card, type CardErrorCode, sandbox } from "../src/sandbox.js";

const inTwoYears = new Date().getFullYear() + 2;
const visa: Card = { number: "4242 4242 4242 4242", expMonth: 12, expYear: inTwoYears, cvc: "123" };

// From docs.stripe.com/testing.
const published: [number: string, id: string][] = [
  ["4242424242424242", "pm_card_visa"],
  ["4000000000000002", "pm_card_visa_chargeDeclined"],
  ["4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds"],
  ["4000000000009987", "pm_card_visa_chargeDeclinedLostCard"],
  ["4000000000009979", "pm_card_visa_chargeDeclinedStolenCard"],
  ["4000000000000069", "pm_card_chargeDeclinedExpiredCard"],
  ["4000000000000127", "pm_card_chargeDeclinedIncorrectCvc"],
  ["4000000000000119", "pm_card_chargeDeclinedProcessingError"],
  ["4000002760003184", "pm_card_authenticationRequired"],
  ["4000008400001629", "pm_card_threeDSecureRequiredChargeDeclined"],
  ["4000000000003220", "pm_card_threeDSecure2Required"],
];
for (const [number, id] of published) {
  test(`${number} is ${id}`, async () => {
    assert.equal((await sandbox.createPaymentMethod({ ...visa, number })).id, id);
  });
}

test("every test card passes, and its token is one that CheckoutOrder takes", async () => {
  const amex = { ...visa, number: "378282246310005", cvc: "1234" };
  assert.match((await sandbox.createPaymentMethod(amex)).id, /^[A-Za-z]+_[A-Za-z0-9_]+$/);
});

test("the token tells the last four digits and nothing more of the number", async () => {
  const method = await sandbox.createPaymentMethod(visa);
  assert.deepEqual(method, { id: "pm_card_visa", card: { last4: "4242", expMonth: 12, expYear: inTwoYears } });
});

const refused: [what: string, card: Partial<Card>, code: CardErrorCode][] = [
  ["letters", { number: "4242 4242 4242 424x" }, "invalid_number"],
  ["a wrong check digit", { number: "4242424242424241" }, "incorrect_number"],
  ["a card that is no test card", { number: "4111111111111111" }, "test_mode_live_card"],
  ["month 13", { expMonth: 13 }, "invalid_expiry_month"],
  ["last year", { expYear: new Date().getFullYear() - 1 }, "invalid_expiry_year"],
  ["two digits of security code", { cvc: "12" }, "invalid_cvc"],
];
for (const [what, card, code] of refused) {
  test(`refuses ${what}`, () =>
    assert.rejects(sandbox.createPaymentMethod({ ...visa, ...card }), { name: "CardError", code }));
}
