#include "common/auth/tokens.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/random.h"
#include "common/status/status.h"

namespace playmesh::auth {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kAccessType = "at+jwt";
constexpr absl::string_view kServiceType = "svc+jwt";
constexpr absl::Duration kServiceTokenLifetime = absl::Minutes(1);
constexpr absl::Duration kClockSkew = absl::Seconds(5);
constexpr absl::Duration kKeysFetchInterval = absl::Seconds(10);
constexpr absl::Duration kKeysLifetime = absl::Minutes(5);
constexpr size_t kMaxVerified = 10'000;

absl::Status Invalid(absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("token: ", why));
}

std::string Text(const Json& claims, const char* name) {
  auto claim = claims.find(name);
  return claim != claims.end() && claim->is_string() ? claim->get<std::string>() : "";
}

absl::Time Seconds(const Json& claims, const char* name) {
  auto claim = claims.find(name);
  return claim != claims.end() && claim->is_number_integer()
             ? absl::FromUnixSeconds(claim->get<int64_t>())
             : absl::InfinitePast();
}

// What both kinds of token share.
absl::StatusOr<Json> CheckClaims(const std::string& payload, absl::string_view audience,
                                 absl::Time now) {
  Json claims = Json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object()) return Invalid("malformed");
  if (Text(claims, "aud") != audience) return Invalid("for another audience");
  if (Seconds(claims, "exp") <= now) return Invalid("expired");
  if (Seconds(claims, "iat") > now + kClockSkew) return Invalid("from the future");
  return claims;
}

Caller ToCaller(const Json& claims) {
  Caller caller;
  caller.user_id = Text(claims, "sub");
  caller.session_id = Text(claims, "sid");
  caller.token_expire_time = Seconds(claims, "exp");
  for (absl::string_view permission :
       absl::StrSplit(Text(claims, "scope"), ' ', absl::SkipEmpty())) {
    caller.permissions.emplace(permission);
  }
  auto organisations = claims.find("orgs");
  if (organisations != claims.end() && organisations->is_object()) {
    for (const auto& [id, role] : organisations->items()) {
      if (role.is_string()) caller.organisations[id] = role.get<std::string>();
    }
  }
  return caller;
}

}  // namespace

absl::StatusOr<std::string> SignAccessToken(const Key& key, const AccessClaims& claims) {
  Json json = {{"iss", claims.issuer},
               {"aud", std::string(kAudience)},
               {"sub", claims.user_id},
               {"client_id", "playmesh"},
               {"sid", claims.session_id},
               {"jti", claims.token_id},
               {"iat", absl::ToUnixSeconds(claims.issue_time)},
               {"exp", absl::ToUnixSeconds(claims.expire_time)},
               {"scope", absl::StrJoin(claims.permissions, " ")},
               {"roles", claims.roles},
               {"orgs", Json::object()}};
  for (const auto& [id, role] : claims.organisations) json["orgs"][id] = role;
  return Sign(key, kAccessType, json.dump());
}

AccessVerifier::AccessVerifier(std::string issuer, const Clock& clock, Fetch fetch)
    : issuer_(std::move(issuer)), clock_(clock), fetch_(std::move(fetch)) {}

absl::StatusOr<KeySet> AccessVerifier::Keys(bool unknown_key) {
  const absl::Time now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    const absl::Duration age = now - fetch_time_;
    const bool fresh = unknown_key ? age < kKeysFetchInterval : age < kKeysLifetime;
    if (fresh && !keys_.keys().empty()) return keys_;
    if (age < absl::Seconds(1) && unknown_key) return keys_;
    fetch_time_ = now;
  }
  std::lock_guard fetching(fetch_mutex_);
  {
    std::lock_guard lock(mutex_);
    if (!keys_.keys().empty() && fetched_time_ >= now) return keys_;  // another thread was faster
  }
  absl::StatusOr<KeySet> fetched = fetch_();
  std::lock_guard lock(mutex_);
  if (fetched.ok()) fetched_time_ = clock_.Now();
  if (fetched.ok()) {
    keys_ = *std::move(fetched);
  } else if (keys_.keys().empty()) {
    fetch_time_ = absl::InfinitePast();
    return absl::UnavailableError("tokens cannot be verified now");
  }
  return keys_;
}

absl::StatusOr<std::string> AccessVerifier::VerifySignature(absl::string_view token) {
  ASSIGN_OR_RETURN(KeySet keys, Keys(/*unknown_key=*/false));
  absl::StatusOr<std::string> payload = keys.Verify(token, kAccessType);
  if (absl::IsNotFound(payload.status())) {
    ASSIGN_OR_RETURN(keys, Keys(/*unknown_key=*/true));
    payload = keys.Verify(token, kAccessType);
  }
  if (absl::IsNotFound(payload.status())) return Invalid("signed by an unknown key");
  return payload;
}

absl::StatusOr<Caller> AccessVerifier::Verify(absl::string_view token) {
  const std::string digest = Sha256(token);
  const absl::Time now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    auto known = verified_.find(digest);
    if (known != verified_.end() && known->second.token_expire_time > now) return known->second;
  }
  ASSIGN_OR_RETURN(const std::string payload, VerifySignature(token));
  ASSIGN_OR_RETURN(const Json claims, CheckClaims(payload, kAudience, now));
  if (Text(claims, "iss") != issuer_) return Invalid("of another issuer");
  if (!IsUuid(Text(claims, "sub"))) return Invalid("without a subject");
  Caller caller = ToCaller(claims);
  std::lock_guard lock(mutex_);
  if (verified_.size() >= kMaxVerified) verified_.clear();
  verified_[digest] = caller;
  return caller;
}

absl::StatusOr<std::string> ServiceSigner::Token(const std::string& callee) {
  const absl::Time now = clock_.Now();
  std::lock_guard lock(mutex_);
  auto& [token, renew_time] = tokens_[callee];
  if (!token.empty() && now < renew_time) return token;
  const Json claims = {{"iss", key_.kid()},
                       {"sub", key_.kid()},
                       {"aud", callee},
                       {"iat", absl::ToUnixSeconds(now)},
                       {"exp", absl::ToUnixSeconds(now + kServiceTokenLifetime)}};
  ASSIGN_OR_RETURN(token, Sign(key_, kServiceType, claims.dump()));
  renew_time = now + kServiceTokenLifetime / 2;
  return token;
}

absl::StatusOr<std::string> ServiceVerifier::Verify(absl::string_view token) {
  const std::string digest = Sha256(token);
  const absl::Time now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    auto known = verified_.find(digest);
    if (known != verified_.end() && known->second.second > now) return known->second.first;
  }
  absl::StatusOr<std::string> payload = keys_.Verify(token, kServiceType);
  if (absl::IsNotFound(payload.status())) return Invalid("of an unknown service");
  RETURN_IF_ERROR(payload);
  ASSIGN_OR_RETURN(const Json claims, CheckClaims(*payload, own_name_, now));
  const std::string service = Text(claims, "iss");
  // The key that signed is the one named by `kid`; a service may only speak for itself.
  const Key* key = keys_.Find(service);
  if (key == nullptr || !KeySet({*key}).Verify(token, kServiceType).ok())
    return Invalid("of another service");
  std::lock_guard lock(mutex_);
  if (verified_.size() >= kMaxVerified) verified_.clear();
  verified_[digest] = {service, Seconds(claims, "exp")};
  return service;
}

}  // namespace playmesh::auth
