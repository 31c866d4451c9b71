#include "services/payment/sandbox_cards.h"

#include "absl/container/flat_hash_map.h"

namespace playmesh::payment {
namespace {

using Quirk = SandboxCard::Quirk;

constexpr SandboxCard kCards[] = {
    {"pm_card_visa", ""},
    {"pm_card_visa_debit", ""},
    {"pm_card_mastercard", ""},
    {"pm_card_mastercard_debit", ""},
    {"pm_card_mastercard_prepaid", ""},
    {"pm_card_amex", ""},
    {"pm_card_discover", ""},
    {"pm_card_diners", ""},
    {"pm_card_jcb", ""},
    {"pm_card_unionpay", ""},
    {"pm_card_visa_chargeDeclined", "generic_decline"},
    {"pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"},
    {"pm_card_visa_chargeDeclinedLostCard", "lost_card"},
    {"pm_card_visa_chargeDeclinedStolenCard", "stolen_card"},
    {"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"},
    {"pm_card_chargeDeclinedExpiredCard", "expired_card"},
    {"pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"},
    {"pm_card_chargeDeclinedProcessingError", "processing_error"},
    {"pm_card_authenticationRequired", "", /*challenge=*/true},
    {"pm_card_authenticationRequiredOnSetup", "", /*challenge=*/true},
    {"pm_card_threeDSecureRequired", "", /*challenge=*/true},
    {"pm_card_threeDSecure2Required", "", /*challenge=*/true},
    {"pm_card_threeDSecureRequiredChargeDeclined", "generic_decline", /*challenge=*/true},
    {"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "insufficient_funds",
     /*challenge=*/true},
    {"pm_card_pendingRefund", "", /*challenge=*/false, Quirk::kPendingRefund},
    {"pm_card_timeoutAfterCharge", "", /*challenge=*/false, Quirk::kTimeout},
    {"pm_card_lateWebhook", "", /*challenge=*/false, Quirk::kLate},
};

}  // namespace

SandboxCard FindSandboxCard(absl::string_view token) {
  for (const SandboxCard& card : kCards) {
    if (card.token == token) return card;
  }
  return {token, "resource_missing"};
}

absl::string_view DeclineMessage(absl::string_view decline_code) {
  static const auto* messages = new absl::flat_hash_map<absl::string_view, absl::string_view>{
      {"insufficient_funds", "There is not enough money on the card."},
      {"card_velocity_exceeded", "The card was used too often in a short time."},
      {"expired_card", "The card has expired."},
      {"incorrect_cvc", "The card's security code is wrong."},
      {"processing_error", "The card could not be processed just now. Try again."},
      {"authentication_failed",
       "The bank could not confirm that it was you. Try again, or take another card."},
      {"resource_missing", "This card is not known. Take another one."}};
  auto found = messages->find(decline_code);
  // Also for lost and stolen cards: who holds one should not learn that it is known.
  return found == messages->end() ? "The card was declined." : found->second;
}

}  // namespace playmesh::payment
