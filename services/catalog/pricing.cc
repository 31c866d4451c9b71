#include "services/catalog/pricing.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace playmesh::catalog {
namespace {

auto Market(const Price& price) {
  return std::tie(price.amount().currency_code(), price.country_code());
}

}  // namespace

absl::Status CheckPrices(const Prices& prices) {
  google::rpc::BadRequest violations;
  const auto add = [&](const std::string& field, const std::string& description) {
    auto* violation = violations.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
  };
  std::set<std::pair<std::string, std::string>> seen;
  for (int i = 0; i < prices.size(); ++i) {
    const auto& [currency, country] = Market(prices[i]);
    if (prices[i].amount().units_minor() < 0) {
      add(absl::StrCat("prices[", i, "].amount.units_minor"), "is less than 0");
    }
    if (!seen.emplace(currency, country).second) {
      add(absl::StrCat("prices[", i, "]"),
          absl::StrCat("is a second price in ", currency, " for ",
                       country.empty() ? "all countries" : country));
    }
  }
  return violations.field_violations().empty() ? absl::OkStatus() : InvalidFields(violations);
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
