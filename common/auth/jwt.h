// JSON Web Tokens signed with ES256 (RFC 7515, 7517, 7519), through libcjose.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct _cjose_jwk_int;

namespace playmesh::auth {

// One EC P-256 key, public or private. Copies share it; thread-safe.
class Key {
 public:
  // Reads a JWK. INVALID_ARGUMENT unless it is a P-256 key with a `kid`.
  static absl::StatusOr<Key> FromJwk(const std::string& json);
  // Makes a private key; for tests and tools.
  static Key Generate(const std::string& kid);

  const std::string& kid() const { return kid_; }
  // The JWK, with its private part when `with_private`. Secret in that case.
  std::string ToJwk(bool with_private) const;

 private:
  friend absl::StatusOr<std::string> Sign(const Key&, absl::string_view, const std::string&);
  friend class KeySet;
  std::shared_ptr<_cjose_jwk_int> jwk_;
  std::string kid_;
};

// A JWK set.
class KeySet {
 public:
  KeySet() = default;
  explicit KeySet(std::vector<Key> keys) : keys_(std::move(keys)) {}
  // Reads {"keys": […]}; keys of other kinds are left out, as RFC 7517 asks.
  static absl::StatusOr<KeySet> FromJson(const std::string& json);

  // The set with the public parts only.
  std::string ToPublicJson() const;
  const std::vector<Key>& keys() const { return keys_; }
  const Key* Find(absl::string_view kid) const;

  // The payload of a compact JWS whose signature holds: `alg` is ES256, `typ` is `type`, and its
  // `kid` names a key of the set. UNAUTHENTICATED otherwise, and NOT_FOUND when only the key is
  // unknown, so that the caller may fetch the set anew.
  absl::StatusOr<std::string> Verify(absl::string_view token, absl::string_view type) const;

 private:
  std::vector<Key> keys_;
};

// A compact JWS of `payload`, with the headers alg ES256, `typ` and `kid`.
absl::StatusOr<std::string> Sign(const Key& key, absl::string_view type,
                                 const std::string& payload);

}  // namespace playmesh::auth
