#include "services/identity/identity_config.h"

#include "common/status/status.h"

namespace playmesh::identity {

absl::StatusOr<auth::KeySet> ReadSigningKeys(const std::string& jwks) {
  ASSIGN_OR_RETURN(auth::KeySet keys, auth::KeySet::FromJson(jwks));
  if (keys.keys().empty() || !auth::Sign(keys.keys()[0], "check", "{}").ok()) {
    return absl::InvalidArgumentError(
        "PLAYMESH_SIGNING_KEYS_FILE must be a JWK set that begins with a private EC P-256 key");
  }
  return keys;
}

}  // namespace playmesh::identity
