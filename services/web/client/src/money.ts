// Money for people to read.

/** An amount as Playmesh writes it; `Money` of the contracts is one. */
export interface Amount {
  /** ISO 4217 code. */
  currencyCode: string;
  /** In the currency's minor unit: 1999n with "EUR" is 19.99, with "JPY" it is 1999 yen. */
  unitsMinor: bigint;
}

/**
 * Digits of the minor unit by ISO 4217, where they are not two. Not asked from `Intl`, which goes by how prices are usually
 * written and has none for forints.
 */
const EXPONENTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"].map((code) => [code, 0]),
  ),
  ...Object.fromEntries(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"].map((code) => [code, 3])),
};

/** The amount as the locale writes it, such as "19,99 €" for "de". The locale is the device's when absent. */
export function formatMoney({ currencyCode, unitsMinor }: Amount, locale?: string): string {
  const exponent = EXPONENTS[currencyCode] ?? 2;
  const isWhole = unitsMinor % 10n ** BigInt(exponent) === 0n;
  const format = new Intl.NumberFormat(locale, {
    style: "currency",
    currency: currencyCode,
    // Whole amounts look as usual in the currency; others show all that is charged.
    ...(!isWhole && { minimumFractionDigits: exponent, maximumFractionDigits: exponent }),
  });
  return format.format(decimal(unitsMinor, exponent));
}

// As a string, which is formatted exactly (ECMA-402, Intl.NumberFormat v3): a number would round large amounts.
function decimal(unitsMinor: bigint, exponent: number): Intl.StringNumericLiteral {
  const sign = unitsMinor < 0n ? "-" : "";
  const digits = unitsMinor
    .toString()
    .replace("-", "")
    .padStart(exponent + 1, "0");
  const split = digits.length - exponent;
  return `${sign}${digits.slice(0, split)}.${digits.slice(split) || "0"}` as Intl.StringNumericLiteral;
}
