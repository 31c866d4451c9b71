// What an owner may change of an account, and how.
#pragma once

#include "absl/status/statusor.h"
#include "playmesh/identity/v1/identity_service.pb.h"

namespace playmesh::identity {

// Locale of an account that names none.
inline constexpr char kDefaultLocale[] = "en";

// `user` after the update. INVALID_ARGUMENT with each field that the mask names beside
// `display_name`, `locale` and `country_code`, and when a name or a country would be lost.
absl::StatusOr<v1::User> Updated(v1::User user, const v1::UpdateProfileRequest& request);

}  // namespace playmesh::identity
