#include "services/purchase/card_number.h"

#include <cstddef>

#include "absl/strings/ascii.h"

namespace playmesh::purchase {
namespace {

constexpr size_t kMinDigits = 12;
constexpr size_t kMaxDigits = 19;

bool CheckDigitHolds(absl::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int digit = digits[digits.size() - 1 - i] - '0';
    const int doubled = 2 * digit;
    sum += i % 2 == 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 == 0;
}

}  // namespace

bool HoldsCardNumber(absl::string_view text) {
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
    const size_t digits = end - begin;
    if (digits >= kMinDigits && digits <= kMaxDigits &&
        CheckDigitHolds(text.substr(begin, digits))) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

}  // namespace playmesh::purchase
