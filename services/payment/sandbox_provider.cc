#include "services/payment/sandbox_provider.h"

#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/random.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/payment/sandbox_cards.h"
#include "services/payment/stripe_wire.h"

namespace playmesh::payment {
namespace {

using nlohmann::json;
using Kind = Outcome::Kind;
using Quirk = SandboxCard::Quirk;

constexpr char kSecretSeparator[] = "_secret_";
constexpr size_t kSecretBytes = 16;
constexpr int kDeliveryBatch = 20;
constexpr int kMaxDeliveries = 50;

// A row of sandbox_charges.
struct Charged {
  std::string intent_id;
  ProviderPayment made{};  // with what it was made
  std::string client_secret{};
  std::string state{};
  std::string decline_code{};
  absl::Time settle_time{};
  std::optional<absl::Time> refund_time{};
};

std::string IntentId(const std::string& payment_id) {
  return absl::StrCat("pi_", absl::StrReplaceAll(payment_id, {{"-", ""}}));
}

// The row, locked, so that what follows from it is written once.
absl::StatusOr<Charged> Lock(Transaction& tx, const std::string& intent_id) {
  using Row = std::tuple<std::string, std::string, std::string, std::string, int64_t, std::string,
                         std::string, std::string, absl::Time, std::optional<absl::Time>>;
  ASSIGN_OR_RETURN(Row row, tx.QueryOne<Row>(R"(
      select idempotency_key, order_id, payment_method, currency_code, units_minor, client_secret, state, decline_code,
             settle_time, refund_time
      from sandbox_charges where intent_id = :intent_id for update)",
                                             intent_id));
  Charged charged{.intent_id = intent_id};
  auto& [payment_id, order_id, token, currency_code, units_minor, secret, state, decline_code,
         settle_time, refund_time] = row;
  charged.made.payment.set_payment_id(payment_id);
  charged.made.payment.set_order_id(order_id);
  charged.made.payment.mutable_amount()->set_currency_code(currency_code);
  charged.made.payment.mutable_amount()->set_units_minor(units_minor);
  charged.made.token = token;
  charged.client_secret = secret;
  charged.state = state;
  charged.decline_code = decline_code;
  charged.settle_time = settle_time;
  charged.refund_time = refund_time;
  return charged;
}

bool IsSame(const ProviderPayment& a, const ProviderPayment& b) {
  return a.payment.order_id() == b.payment.order_id() && a.token == b.token &&
         a.payment.amount().currency_code() == b.payment.amount().currency_code() &&
         a.payment.amount().units_minor() == b.payment.amount().units_minor();
}

// What the sandbox says of a charge at `now`.
Outcome Tell(const Charged& charged, absl::Time now, const std::string& challenge_url) {
  Outcome outcome{.reference = charged.intent_id};
  if (charged.settle_time > now) return outcome;
  if (charged.state == "succeeded") {
    outcome.kind = Kind::kCaptured;
  } else if (charged.state == "failed") {
    outcome.kind = Kind::kFailed;
    outcome.decline_code = charged.decline_code;
    outcome.decline_message = std::string(DeclineMessage(charged.decline_code));
  } else {
    outcome.kind = Kind::kRequiresAction;
    outcome.client_secret = charged.client_secret;
    outcome.redirect_url = challenge_url;
  }
  return outcome;
}

// Queues an event about `object`, in Stripe's format.
absl::Status AddWebhook(Transaction& tx, const std::string& type, const json& object,
                        absl::Time deliver_time) {
  const std::string event_id = absl::StrCat("evt_", absl::BytesToHexString(RandomBytes(12)));
  const json event = {{"id", event_id},
                      {"object", "event"},
                      {"api_version", kStripeVersion},
                      {"created", absl::ToUnixSeconds(deliver_time)},
                      {"livemode", false},
                      {"type", type},
                      {"data", {{"object", object}}}};
  return AsStatus(tx.Execute(R"(
      insert into sandbox_webhooks (event_id, body, deliver_time) values (:event_id, :body, :deliver_time))",
                             event_id, event.dump(), deliver_time));
}

absl::StatusOr<json> Describe(const Charged& charged, const std::string& object,
                              const std::string& id) {
  const type::v1::Money& amount = charged.made.payment.amount();
  ASSIGN_OR_RETURN(const int64_t units, ToStripeAmount(amount));
  return json{{"id", id},
              {"object", object},
              {"amount", units},
              {"currency", absl::AsciiStrToLower(amount.currency_code())},
              {"metadata",
               {{"payment_id", charged.made.payment.payment_id()},
                {"order_id", charged.made.payment.order_id()}}}};
}

// Queues the webhook that tells the state of a charge, to go out once it is settled.
absl::Status Announce(Transaction& tx, const Charged& charged, const std::string& challenge_url) {
  ASSIGN_OR_RETURN(json intent, Describe(charged, "payment_intent", charged.intent_id));
  intent["client_secret"] = charged.client_secret;
  std::string type = "payment_intent.succeeded";
  intent["status"] = "succeeded";
  if (charged.state == "requires_action") {
    type = "payment_intent.requires_action";
    intent["status"] = "requires_action";
    intent["next_action"] = {{"type", "redirect_to_url"},
                             {"redirect_to_url", {{"url", challenge_url}}}};
  } else if (charged.state == "failed") {
    type = "payment_intent.payment_failed";
    intent["status"] = "requires_payment_method";
    intent["last_payment_error"] = {{"type", "card_error"},
                                    {"code", "card_declined"},
                                    {"decline_code", charged.decline_code},
                                    {"message", std::string(DeclineMessage(charged.decline_code))}};
  }
  return AddWebhook(tx, type, intent, charged.settle_time);
}

absl::Status AnnounceRefund(Transaction& tx, const Charged& charged, absl::Time refund_time) {
  ASSIGN_OR_RETURN(json charge, Describe(charged, "charge",
                                         absl::StrReplaceAll(charged.intent_id, {{"pi_", "ch_"}})));
  charge["payment_intent"] = charged.intent_id;
  charge["amount_refunded"] = charge["amount"];
  charge["refunded"] = true;
  return AddWebhook(tx, "charge.refunded", charge, refund_time);
}

absl::StatusOr<bool> Insert(Transaction& tx, const ProviderPayment& payment,
                            const SandboxCard& card, absl::Time settle_time) {
  const std::string intent_id = IntentId(payment.payment.payment_id());
  const char* state = card.challenge              ? "requires_action"
                      : card.decline_code.empty() ? "succeeded"
                                                  : "failed";
  ASSIGN_OR_RETURN(
      const int64_t inserted,
      tx.Execute(R"(
      insert into sandbox_charges (intent_id, idempotency_key, order_id, payment_method, currency_code, units_minor,
                                   client_secret, state, decline_code, settle_time)
      values (:intent_id, :idempotency_key, :order_id, :payment_method, :currency_code, :units_minor,
              :client_secret, :state, :decline_code, :settle_time)
      on conflict do nothing)",
                 intent_id, payment.payment.payment_id(), payment.payment.order_id(), payment.token,
                 payment.payment.amount().currency_code(), payment.payment.amount().units_minor(),
                 absl::StrCat(intent_id, kSecretSeparator,
                              absl::BytesToHexString(RandomBytes(kSecretBytes))),
                 state, db::NullIfEmpty(card.challenge ? "" : card.decline_code), settle_time));
  return inserted == 1;
}

}  // namespace

SandboxProvider::SandboxProvider(Database& db, const Clock& clock, SandboxOptions options)
    : db_(db), clock_(clock), options_(std::move(options)) {}

absl::StatusOr<Outcome> SandboxProvider::Charge(const ProviderPayment& payment) {
  const absl::Status amount = ToStripeAmount(payment.payment.amount()).status();
  if (!amount.ok()) return RefusedAmount(amount);
  const SandboxCard card = FindSandboxCard(payment.token);
  const absl::Time now = clock_.Now();
  const absl::Time settle_time = card.quirk == Quirk::kLate ? now + options_.webhook_delay : now;
  bool first = false;
  absl::StatusOr<Outcome> outcome = db_.Transact([&](Transaction& tx) -> absl::StatusOr<Outcome> {
    ASSIGN_OR_RETURN(first, Insert(tx, payment, card, settle_time));
    ASSIGN_OR_RETURN(const Charged charged, Lock(tx, IntentId(payment.payment.payment_id())));
    if (!IsSame(charged.made, payment)) {
      return absl::InvalidArgumentError("the key was used for another charge");
    }
    // Who never answers does not tell by webhook either, or nobody would have to ask again.
    if (first && card.quirk != Quirk::kTimeout) {
      RETURN_IF_ERROR(Announce(tx, charged, options_.challenge_url));
    }
    return Tell(charged, now, options_.challenge_url);
  });
  if (outcome.ok() && first && card.quirk == Quirk::kTimeout) {
    return absl::DeadlineExceededError("the sandbox is silent");
  }
  return outcome;
}

absl::StatusOr<Outcome> SandboxProvider::Retrieve(const ProviderPayment& payment) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<Outcome> {
    ASSIGN_OR_RETURN(const Charged charged, Lock(tx, IntentId(payment.payment.payment_id())));
    return Tell(charged, clock_.Now(), options_.challenge_url);
  });
}

absl::StatusOr<Outcome> SandboxProvider::Cancel(const ProviderPayment& payment) {
  return Decide(payment.reference, "authentication_failed", /*announce=*/false);
}

absl::StatusOr<Outcome> SandboxProvider::Refund(const ProviderPayment& payment) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<Outcome> {
    ASSIGN_OR_RETURN(Charged charged, Lock(tx, payment.reference));
    if (charged.state != "succeeded") {
      return absl::FailedPreconditionError("there is nothing to give back");
    }
    const absl::Time now = clock_.Now();
    if (!charged.refund_time) {
      const bool pending = FindSandboxCard(charged.made.token).quirk == Quirk::kPendingRefund;
      charged.refund_time = pending ? now + options_.webhook_delay : now;
      RETURN_IF_ERROR(tx.Execute(
          "update sandbox_charges set refund_time = :refund_time where intent_id = :intent_id",
          charged.refund_time, charged.intent_id));
      RETURN_IF_ERROR(AnnounceRefund(tx, charged, *charged.refund_time));
    }
    return Outcome{.kind = *charged.refund_time <= now ? Kind::kRefunded : Kind::kPending};
  });
}

absl::StatusOr<ProviderEvent> SandboxProvider::ParseWebhook(const std::string& body,
                                                            const std::string& signature,
                                                            absl::Time now) const {
  RETURN_IF_ERROR(VerifyWebhook(options_.webhook_secret, body, signature, now));
  return ReadEvent(body);
}

absl::Status SandboxProvider::CompleteChallenge(const std::string& client_secret, bool approve) {
  const std::string intent_id = client_secret.substr(0, client_secret.find(kSecretSeparator));
  const absl::Status unknown = absl::NotFoundError("there is no such payment");
  absl::StatusOr<Charged> charged =
      db_.Transact([&](Transaction& tx) { return Lock(tx, intent_id); });
  if (absl::IsNotFound(charged.status())) return unknown;
  RETURN_IF_ERROR(charged);
  if (!EqualInConstantTime(charged->client_secret, client_secret)) return unknown;
  const SandboxCard card = FindSandboxCard(charged->made.token);
  return Decide(intent_id, approve ? std::string(card.decline_code) : "authentication_failed",
                /*announce=*/true)
      .status();
}

absl::StatusOr<Outcome> SandboxProvider::Decide(const std::string& intent_id,
                                                const std::string& decline_code, bool announce) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<Outcome> {
    ASSIGN_OR_RETURN(Charged charged, Lock(tx, intent_id));
    if (charged.state == "requires_action") {
      charged.state = decline_code.empty() ? "succeeded" : "failed";
      charged.decline_code = decline_code;
      charged.settle_time = clock_.Now();
      RETURN_IF_ERROR(tx.Execute(R"(
          update sandbox_charges set state = :state, decline_code = :decline_code, settle_time = :settle_time
          where intent_id = :intent_id)",
                                 charged.state, db::NullIfEmpty(decline_code), charged.settle_time,
                                 intent_id));
      if (announce) RETURN_IF_ERROR(Announce(tx, charged, options_.challenge_url));
    }
    return Tell(charged, clock_.Now(), options_.challenge_url);
  });
}

absl::Status SandboxProvider::DeliverWebhooks(const Endpoint& endpoint) {
  using Due = std::tuple<std::string, std::string, int64_t>;
  // A webhook that is being sent is due again later, at most a minute, so that a crash or a refusal
  // only delays it.
  ASSIGN_OR_RETURN(const std::vector<Due> due, db_.Transact([&](Transaction& tx) {
    return tx.Query<Due>(R"(
        update sandbox_webhooks
        set attempts = attempts + 1,
            deliver_time = cast(:now as timestamptz) + least(power(2, attempts), 60) * interval '1 second'
        where event_id in (select event_id from sandbox_webhooks where deliver_time <= :now
                           order by deliver_time limit :limit for update skip locked)
        returning event_id, body, attempts)",
                         clock_.Now(), kDeliveryBatch);
  }));
  for (const auto& [event_id, body, attempts] : due) {
    const absl::Status status =
        endpoint(body, SignWebhook(options_.webhook_secret, body, clock_.Now()));
    if (!status.ok()) {
      log::Warning("webhook not acknowledged", {{"event_id", event_id}, {"error", status}});
    }
    if (!status.ok() && attempts < kMaxDeliveries) continue;
    RETURN_IF_ERROR(db_.Transact([&, &id = event_id](Transaction& tx) {
      return tx.Execute("delete from sandbox_webhooks where event_id = :event_id", id);
    }));
  }
  return absl::OkStatus();
}

}  // namespace playmesh::payment
