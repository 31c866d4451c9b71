#include "common/auth/jwt.h"

#include <cjose/cjose.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace playmesh::auth {
namespace {

// Longer tokens are refused unread.
constexpr size_t kMaxTokenBytes = 8 * 1024;

struct Free {
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
  void operator()(char* text) const { std::free(text); }
};

absl::Status Invalid(absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("token: ", why));
}

std::string Header(cjose_jws_t* jws, const char* name) {
  cjose_err error;
  const char* value = cjose_header_get(cjose_jws_get_protected(jws), name, &error);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<Key> Key::FromJwk(const std::string& json) {
  cjose_err error;
  cjose_jwk_t* jwk = cjose_jwk_import(json.data(), json.size(), &error);
  if (jwk == nullptr) return absl::InvalidArgumentError("not a JWK");
  Key key;
  key.jwk_ = std::shared_ptr<_cjose_jwk_int>(jwk, &cjose_jwk_release);
  const char* kid = cjose_jwk_get_kid(jwk, &error);
  if (cjose_jwk_get_kty(jwk, &error) != CJOSE_JWK_KTY_EC ||
      cjose_jwk_EC_get_curve(jwk, &error) != CJOSE_JWK_EC_P_256 || kid == nullptr) {
    return absl::InvalidArgumentError("not an EC P-256 key with a kid");
  }
  key.kid_ = kid;
  return key;
}

Key Key::Generate(const std::string& kid) {
  cjose_err error;
  Key key;
  key.jwk_ = std::shared_ptr<_cjose_jwk_int>(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error),
                                             &cjose_jwk_release);
  if (key.jwk_ == nullptr || !cjose_jwk_set_kid(key.jwk_.get(), kid.data(), kid.size(), &error))
    std::abort();
  key.kid_ = kid;
  return key;
}

std::string Key::ToJwk(bool with_private) const {
  cjose_err error;
  std::unique_ptr<char, Free> json(cjose_jwk_to_json(jwk_.get(), with_private, &error));
  return json == nullptr ? "" : json.get();
}

absl::StatusOr<KeySet> KeySet::FromJson(const std::string& json) {
  const auto set = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return absl::InvalidArgumentError("not a JWK set");
  }
  KeySet keys;
  for (const auto& jwk : set["keys"]) {
    absl::StatusOr<Key> key = Key::FromJwk(jwk.dump());
    if (key.ok()) keys.keys_.push_back(*std::move(key));
  }
  return keys;
}

std::string KeySet::ToPublicJson() const {
  nlohmann::json set = {{"keys", nlohmann::json::array()}};
  for (const Key& key : keys_) {
    auto jwk = nlohmann::json::parse(key.ToJwk(/*with_private=*/false));
    jwk["use"] = "sig";
    jwk["alg"] = "ES256";
    set["keys"].push_back(std::move(jwk));
  }
  return set.dump();
}

const Key* KeySet::Find(absl::string_view kid) const {
  for (const Key& key : keys_) {
    if (key.kid() == kid) return &key;
  }
  return nullptr;
}

absl::StatusOr<std::string> KeySet::Verify(absl::string_view token, absl::string_view type) const {
  if (token.size() > kMaxTokenBytes) return Invalid("too long");
  cjose_err error;
  std::unique_ptr<cjose_jws_t, Free> jws(cjose_jws_import(token.data(), token.size(), &error));
  if (jws == nullptr) return Invalid("malformed");
  if (Header(jws.get(), CJOSE_HDR_ALG) != CJOSE_HDR_ALG_ES256) return Invalid("alg is not ES256");
  if (Header(jws.get(), "typ") != type) return Invalid("of another type");
  const Key* key = Find(Header(jws.get(), CJOSE_HDR_KID));
  if (key == nullptr) return absl::NotFoundError("token: signed by an unknown key");
  if (!cjose_jws_verify(jws.get(), key->jwk_.get(), &error))
    return Invalid("the signature does not hold");
  uint8_t* payload = nullptr;
  size_t size = 0;
  if (!cjose_jws_get_plaintext(jws.get(), &payload, &size, &error)) return Invalid("malformed");
  return std::string(reinterpret_cast<const char*>(payload), size);
}

absl::StatusOr<std::string> Sign(const Key& key, absl::string_view type,
                                 const std::string& payload) {
  cjose_err error;
  cjose_header_t* header = cjose_header_new(&error);
  std::unique_ptr<cjose_header_t, decltype(&cjose_header_release)> header_owner(
      header, &cjose_header_release);
  if (!cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &error) ||
      !cjose_header_set(header, "typ", std::string(type).c_str(), &error) ||
      !cjose_header_set(header, CJOSE_HDR_KID, key.kid().c_str(), &error)) {
    return absl::InternalError("cannot make a token's header");
  }
  std::unique_ptr<cjose_jws_t, Free> jws(
      cjose_jws_sign(key.jwk_.get(), header, reinterpret_cast<const uint8_t*>(payload.data()),
                     payload.size(), &error));
  const char* compact = nullptr;
  if (jws == nullptr || !cjose_jws_export(jws.get(), &compact, &error)) {
    return absl::InternalError("cannot sign a token");
  }
  return std::string(compact);
}

}  // namespace playmesh::auth
