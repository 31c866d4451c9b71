// Identity's settings.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/auth/jwt.h"
#include "common/config/config.h"

namespace playmesh::identity {

struct IdentityConfig {
  explicit IdentityConfig(config::Environment& env)
      : signing_keys(env.File("PLAYMESH_SIGNING_KEYS_FILE")),
        access_token_lifetime(env.Duration("PLAYMESH_ACCESS_TOKEN_LIFETIME", absl::Minutes(15))) {}

  std::string signing_keys;  // JWK set of private keys: the first signs, all are published
  absl::Duration access_token_lifetime;
};

// The keys of `jwks`. INVALID_ARGUMENT unless the first of them can sign.
absl::StatusOr<auth::KeySet> ReadSigningKeys(const std::string& jwks);

}  // namespace playmesh::identity
