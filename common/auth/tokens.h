// The two kinds of token: access tokens of users, signed by identity, and service tokens, signed by
// the calling service.
//
// Access tokens are JWTs as in RFC 9068: typ "at+jwt", claims iss, aud, sub, sid, iat, exp, jti,
// client_id, `scope` (the permissions, parted by spaces), `roles`, and `orgs` (organisation id →
// role within).
//
// Service tokens have typ "svc+jwt", iss = sub = kid = the service's name, aud = the callee's name,
// and live one minute. Every service holds its own private key and the public keys of all, so one
// that is taken over can speak for itself only.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/auth/caller.h"
#include "common/auth/jwt.h"
#include "common/base/clock.h"

namespace playmesh::auth {

inline constexpr absl::string_view kAudience = "playmesh";

// What identity puts into an access token.
struct AccessClaims {
  std::string issuer;
  std::string user_id;
  std::string session_id;
  std::vector<std::string> roles;
  std::vector<std::string> permissions;
  absl::flat_hash_map<std::string, std::string> organisations;
  absl::Time issue_time;
  absl::Time expire_time;
  std::string token_id;
};

absl::StatusOr<std::string> SignAccessToken(const Key& key, const AccessClaims& claims);

// Verifies access tokens. Thread-safe. Remembers up to 10,000 verified tokens until they expire,
// since clients send the same one again and again.
class AccessVerifier {
 public:
  using Fetch = std::function<absl::StatusOr<KeySet>()>;
  // `fetch` gets identity's public keys; called when a token names an unknown key, once in ten
  // seconds at most, and every five minutes, so a retired key is forgotten.
  AccessVerifier(std::string issuer, const Clock& clock, Fetch fetch);

  // The caller behind `token`. UNAUTHENTICATED when it does not hold; UNAVAILABLE when no keys
  // could be had.
  absl::StatusOr<Caller> Verify(absl::string_view token);

 private:
  absl::StatusOr<std::string> VerifySignature(absl::string_view token);
  absl::StatusOr<KeySet> Keys(bool unknown_key);

  const std::string issuer_;
  const Clock& clock_;
  const Fetch fetch_;
  std::mutex fetch_mutex_;  // one thread fetches, the others wait for it
  std::mutex mutex_;
  KeySet keys_;
  absl::Time fetched_time_ = absl::InfinitePast();
  absl::Time fetch_time_ = absl::InfinitePast();
  absl::flat_hash_map<std::string, Caller> verified_;  // by SHA-256 of the token
};

// Mints this service's tokens. Thread-safe.
class ServiceSigner {
 public:
  // The key's kid is the service's name.
  ServiceSigner(Key key, const Clock& clock) : key_(std::move(key)), clock_(clock) {}
  // A token for calls to `callee`, good for 30 seconds at least. No other service accepts it, so
  // one that gets it cannot pass it on.
  absl::StatusOr<std::string> Token(const std::string& callee);

 private:
  const Key key_;
  const Clock& clock_;
  std::mutex mutex_;
  absl::flat_hash_map<std::string, std::pair<std::string, absl::Time>> tokens_;  // by callee
};

// Verifies tokens of other services. Thread-safe.
class ServiceVerifier {
 public:
  // `own_name` is the service that is called.
  ServiceVerifier(KeySet keys, std::string own_name, const Clock& clock)
      : keys_(std::move(keys)), own_name_(std::move(own_name)), clock_(clock) {}
  // The name of the calling service. UNAUTHENTICATED.
  absl::StatusOr<std::string> Verify(absl::string_view token);

 private:
  const KeySet keys_;
  const std::string own_name_;
  const Clock& clock_;
  std::mutex mutex_;
  absl::flat_hash_map<std::string, std::pair<std::string, absl::Time>>
      verified_;  // by SHA-256 of the token
};

}  // namespace playmesh::auth
