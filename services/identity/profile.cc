#include "services/identity/profile.h"

#include "common/rpc/update_mask.h"

namespace playmesh::identity {
namespace {

rpc::FieldMask ChangeableFields() {
  rpc::FieldMask fields;
  for (const char* name : {"display_name", "locale", "country_code"}) fields.add_paths(name);
  return fields;
}

}  // namespace

absl::StatusOr<v1::User> Updated(v1::User user, const v1::UpdateProfileRequest& request) {
  Violations violations;
  rpc::ApplyUpdate(
      request.user(),
      rpc::ReadUpdateMask(request.user(), request.update_mask(), ChangeableFields(), violations),
      user);
  if (user.display_name().empty()) violations.Add("user.display_name", "is required");
  if (user.country_code().empty()) violations.Add("user.country_code", "is required");
  RETURN_IF_ERROR(violations.status());
  if (user.locale().empty()) user.set_locale(kDefaultLocale);
  return user;
}

}  // namespace playmesh::identity
