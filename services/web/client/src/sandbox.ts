// The payment provider's script of the sandbox: turns a card into a token, in the page. In production this is Stripe.js.

/** What each of Stripe's published test cards (docs.stripe.com/testing) stands for, as Stripe's test PaymentMethod. */
const TEST_CARDS: Readonly<Record<string, string>> = {
  // Succeed, by brand.
  "4242424242424242": "pm_card_visa",
  "4000056655665556": "pm_card_visa_debit",
  "5555555555554444": "pm_card_mastercard",
  "5200828282828210": "pm_card_mastercard_debit",
  "5105105105105100": "pm_card_mastercard_prepaid",
  "378282246310005": "pm_card_amex",
  "6011111111111117": "pm_card_discover",
  "3056930009020004": "pm_card_diners",
  "3566002020360505": "pm_card_jcb",
  "6200000000000005": "pm_card_unionpay",
  // Declined.
  "4000000000000002": "pm_card_visa_chargeDeclined",
  "4000000000009995": "pm_card_visa_chargeDeclinedInsufficientFunds",
  "4000000000009987": "pm_card_visa_chargeDeclinedLostCard",
  "4000000000009979": "pm_card_visa_chargeDeclinedStolenCard",
  "4000000000000069": "pm_card_chargeDeclinedExpiredCard",
  "4000000000000127": "pm_card_chargeDeclinedIncorrectCvc",
  "4000000000000119": "pm_card_chargeDeclinedProcessingError",
  "4000000000006975": "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
  // 3-D Secure. The first asks once for a card that is kept, the second always; for a single payment both ask.
  "4000002500003155": "pm_card_authenticationRequired",
  "4000002760003184": "pm_card_authenticationRequired",
  "4000000000003220": "pm_card_threeDSecure2Required",
  "4000008260003178": "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
  "4000008400001629": "pm_card_threeDSecureRequiredChargeDeclined",
};

/** A card, as the buyer types it. */
export interface Card {
  /** Spaces and dashes are ignored. */
  number: string;
  /** 1 to 12. */
  expMonth: number;
  /** Four digits. */
  expYear: number;
  /** Three digits, four for American Express. */
  cvc: string;
}

/** A card behind a token. */
export interface PaymentMethod {
  /** For `paymentMethodToken` of `checkoutOrder`. */
  id: string;
  /** What a page may show and keep. */
  card: { last4: string; expMonth: number; expYear: number };
}

/** Why a card could not be made a token, in Stripe's words. */
export type CardErrorCode =
  | "incorrect_number"
  | "invalid_number"
  | "invalid_expiry_month"
  | "invalid_expiry_year"
  | "invalid_cvc"
  | "test_mode_live_card";

/** The card was refused in the page, before anything was sent. */
export class CardError extends Error {
  override readonly name = "CardError";
  constructor(
    readonly code: CardErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Stands in for the provider's script wherever the mesh runs with its sandbox provider. */
export const sandbox = {
  /** Tokens for what Stripe has no test card for. */
  paymentMethods: {
    /** Is charged, but the provider's answer is lost: the order stays PAYING until reconciliation finds the charge. */
    timeoutAfterCharge: "pm_card_timeoutAfterCharge",
    /** Is charged, and the provider tells so only by a webhook, seconds later. */
    lateWebhook: "pm_card_lateWebhook",
  },

  /**
   * Makes a token of a test card. The number never leaves the page. Rejects with `CardError`; one that is no test card is
   * refused (`test_mode_live_card`), so that nobody's real card is tried here.
   */
  async createPaymentMethod(card: Card): Promise<PaymentMethod> {
    const number = card.number.replace(/[\s-]/g, "");
    if (!/^\d{12,19}$/.test(number)) throw new CardError("invalid_number", "The card number is not valid.");
    if (!passesLuhn(number)) throw new CardError("incorrect_number", "The card number is incorrect.");
    checkExpiry(card, new Date());
    const cvcLength = /^3[47]/.test(number) ? 4 : 3;
    if (!/^\d+$/.test(card.cvc) || card.cvc.length !== cvcLength) {
      throw new CardError("invalid_cvc", "The card's security code is not valid.");
    }
    const id = TEST_CARDS[number];
    if (!id) throw new CardError("test_mode_live_card", "Only test cards work here; see docs.stripe.com/testing.");
    return { id, card: { last4: number.slice(-4), expMonth: card.expMonth, expYear: card.expYear } };
  },
};

function checkExpiry({ expMonth, expYear }: Card, now: Date): void {
  if (!Number.isInteger(expMonth) || expMonth < 1 || expMonth > 12) {
    throw new CardError("invalid_expiry_month", "The card's expiration month is not valid.");
  }
  const year = now.getFullYear();
  if (!Number.isInteger(expYear) || expYear < year || expYear > year + 50) {
    throw new CardError("invalid_expiry_year", "The card's expiration year is not valid.");
  }
  if (expYear === year && expMonth < now.getMonth() + 1) {
    throw new CardError("invalid_expiry_month", "The card has expired.");
  }
}

// ISO/IEC 7812-1, annex B.
function passesLuhn(number: string): boolean {
  const sum = [...number].reverse().reduce((total, char, index) => {
    const digit = Number(char) * (index % 2 === 0 ? 1 : 2);
    return total + (digit > 9 ? digit - 9 : digit);
  }, 0);
  return sum % 10 === 0;
}
