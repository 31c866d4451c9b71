#include "common/base/currency.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace playmesh {
namespace {

// ISO 4217 codes with their exponents.
const absl::flat_hash_map<absl::string_view, int>& Exponents() {
  static const auto* exponents = new absl::flat_hash_map<absl::string_view, int>{
      {"AED", 2}, {"ARS", 2}, {"AUD", 2}, {"BGN", 2}, {"BHD", 3}, {"BRL", 2}, {"CAD", 2},
      {"CHF", 2}, {"CLP", 0}, {"CNY", 2}, {"COP", 2}, {"CRC", 2}, {"CZK", 2}, {"DKK", 2},
      {"EUR", 2}, {"GBP", 2}, {"HKD", 2}, {"HUF", 2}, {"IDR", 2}, {"ILS", 2}, {"INR", 2},
      {"ISK", 0}, {"JPY", 0}, {"KRW", 0}, {"KWD", 3}, {"KZT", 2}, {"MXN", 2}, {"MYR", 2},
      {"NOK", 2}, {"NZD", 2}, {"PEN", 2}, {"PHP", 2}, {"PLN", 2}, {"QAR", 2}, {"RON", 2},
      {"SAR", 2}, {"SEK", 2}, {"SGD", 2}, {"THB", 2}, {"TND", 3}, {"TRY", 2}, {"TWD", 2},
      {"UAH", 2}, {"USD", 2}, {"UYU", 2}, {"VND", 0}, {"ZAR", 2}};
  return *exponents;
}

}  // namespace

bool IsCurrency(absl::string_view code) { return Exponents().contains(code); }

int CurrencyExponent(absl::string_view code) {
  auto found = Exponents().find(code);
  return found == Exponents().end() ? 2 : found->second;
}

std::string FormatMoney(absl::string_view currency_code, int64_t units_minor) {
  const int exponent = CurrencyExponent(currency_code);
  if (exponent == 0) return absl::StrCat(units_minor, " ", currency_code);
  int64_t scale = 1;
  for (int i = 0; i < exponent; ++i) scale *= 10;
  const uint64_t magnitude = units_minor < 0 ? 0 - static_cast<uint64_t>(units_minor) : units_minor;
  return absl::StrFormat("%s%d.%0*d %s", units_minor < 0 ? "-" : "", magnitude / scale, exponent,
                         magnitude % scale, currency_code);
}

}  // namespace playmesh
