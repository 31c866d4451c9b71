#include "services/catalog/pricing.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace playmesh::catalog {
namespace {

auto Market(const Price& price) {
  return std::tie(price.amount().currency_code(), price.country_code());
}

}  // namespace

void CheckPrices(const Prices& prices, Violations& violations) {
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < prices.size(); ++i) {
    const std::string path = absl::StrCat("prices[", i, "]");
    const int64_t units_minor = prices[i].amount().units_minor();
    if (units_minor < 0) violations.Add(path + ".amount.units_minor", "is less than 0");
    if (units_minor > kMaxPriceUnitsMinor) {
      violations.Add(path + ".amount.units_minor",
                     absl::StrCat("is more than ", kMaxPriceUnitsMinor));
    }
    const auto& [currency, country] = Market(prices[i]);
    if (!seen.emplace(currency, country).second) {
      violations.Add(path, absl::StrCat("is a second price in ", currency, " for ",
                                        country.empty() ? "all countries" : country));
    }
  }
}

Prices Sorted(Prices prices) {
  std::sort(prices.begin(), prices.end(),
            [](const Price& a, const Price& b) { return Market(a) < Market(b); });
  return prices;
}

bool SamePrices(const Prices& a, const Prices& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Price& x, const Price& y) {
    return Market(x) == Market(y) && x.amount().units_minor() == y.amount().units_minor();
  });
}

}  // namespace playmesh::catalog
