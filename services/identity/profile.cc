#include "services/identity/profile.h"

#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace playmesh::identity {
namespace {

constexpr std::array<const char*, 3> kChangeable = {"display_name", "locale", "country_code"};

}  // namespace

absl::StatusOr<v1::User> Updated(v1::User user, const v1::UpdateProfileRequest& request) {
  google::protobuf::FieldMask mask = request.update_mask();
  for (const std::string& path : mask.paths()) {
    if (std::find(kChangeable.begin(), kChangeable.end(), path) == kChangeable.end()) {
      return InvalidField("update_mask", absl::StrCat(path, " cannot be changed"));
    }
  }
  if (mask.paths().empty()) {
    for (const char* name : kChangeable) {
      const auto* field = v1::User::descriptor()->FindFieldByName(name);
      if (v1::User::GetReflection()->HasField(request.user(), field)) mask.add_paths(name);
    }
  }
  google::protobuf::util::FieldMaskUtil::MergeMessageTo(request.user(), mask, {}, &user);
  if (user.display_name().empty()) return InvalidField("user.display_name", "is required");
  if (user.country_code().empty()) return InvalidField("user.country_code", "is required");
  if (user.locale().empty()) user.set_locale(kDefaultLocale);
  return user;
}

}  // namespace playmesh::identity
