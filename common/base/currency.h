// The one place that knows the currencies.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace playmesh {

// Whether Playmesh trades in the currency with this ISO 4217 code.
bool IsCurrency(absl::string_view code);

// Digits of the minor unit of a currency that `IsCurrency` knows (ISO 4217): 2 for EUR, 0 for JPY,
// 3 for KWD.
int CurrencyExponent(absl::string_view code);

// An amount for people, such as "19.99 EUR" or "1999 JPY".
std::string FormatMoney(absl::string_view currency_code, int64_t units_minor);

}  // namespace playmesh
