// Who is calling, as the adapter found out from the token. Handlers get it; they never believe ids
// in a request.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/status/status.h"

namespace playmesh {

struct Caller {
  std::string user_id;     // empty when nobody is signed in, or a service calls
  std::string session_id;  // the token's `sid`
  std::string service;     // name of the calling service; empty for users
  absl::flat_hash_set<std::string> permissions;  // "catalog.games.publish"
  absl::flat_hash_map<std::string, std::string>
      organisations;  // id → role within: "owner", "member"
  absl::Time token_expire_time = absl::InfiniteFuture();

  bool signed_in() const { return !user_id.empty(); }
  bool Has(absl::string_view permission) const { return permissions.contains(permission); }
  bool IsMember(absl::string_view organisation_id) const {
    return organisations.contains(organisation_id);
  }

  // PERMISSION_DENIED (NOT_A_MEMBER) unless the caller belongs to the organisation.
  absl::Status RequireMember(absl::string_view organisation_id) const {
    if (IsMember(organisation_id)) return absl::OkStatus();
    return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_A_MEMBER",
                           "you are not a member of this organisation");
  }

  // Who it is, for logs and idempotency keys: the user id, "service:NAME", or "anonymous".
  std::string subject() const {
    if (signed_in()) return user_id;
    return service.empty() ? "anonymous" : absl::StrCat("service:", service);
  }
};

}  // namespace playmesh
