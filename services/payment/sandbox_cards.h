// The sandbox's cards: Stripe's test PaymentMethods, and two of our own.
#pragma once

#include "absl/strings/string_view.h"

namespace playmesh::payment {

struct SandboxCard {
  enum class Quirk { kNone, kTimeout, kLate, kPendingRefund };

  absl::string_view token;
  // Why the bank declines it, in Stripe's words; empty when it pays.
  absl::string_view decline_code;
  // Whether the buyer must confirm first (3-D Secure).
  bool challenge = false;
  Quirk quirk = Quirk::kNone;
};

// The card behind a token. One that nobody knows is declined with Stripe's code for it,
// "resource_missing".
SandboxCard FindSandboxCard(absl::string_view token);

// The sentence for the buyer that goes with a decline code.
absl::string_view DeclineMessage(absl::string_view decline_code);

}  // namespace playmesh::payment
