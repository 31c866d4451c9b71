#include <utility>

#include "playmesh/identity/v1/identity_events.pb.h"
#include "services/identity/identity_service.h"
#include "services/identity/users.h"

namespace playmesh::identity {
namespace {

// The role is part of the account, so its etag changes.
absl::Status BumpVersion(Transaction& tx, const std::string& user_id) {
  return AsStatus(
      tx.Execute("update users set version = version + 1 where user_id = :user_id", user_id));
}

}  // namespace

absl::StatusOr<GrantRoleResponse> IdentityService::GrantRole(const Caller& caller,
                                                             const GrantRoleRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<GrantRoleResponse> {
    RETURN_IF_ERROR(LockUser(tx, request.user_id()));
    RETURN_IF_ERROR(AddRole(tx, request.user_id(), request.role()));
    GrantRoleResponse response;
    ASSIGN_OR_RETURN(*response.mutable_user(), LoadUser(tx, request.user_id()));
    return response;
  });
}

absl::StatusOr<RevokeRoleResponse> IdentityService::RevokeRole(const Caller& caller,
                                                               const RevokeRoleRequest& request) {
  if (request.role() == ROLE_PLAYER) return InvalidField("role", "player cannot be taken");
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<RevokeRoleResponse> {
    RETURN_IF_ERROR(LockUser(tx, request.user_id()));
    ASSIGN_OR_RETURN(const int64_t deleted, tx.Execute(R"(
        delete from user_roles where user_id = :user_id and role = :role)",
                                                       request.user_id(), request.role()));
    if (deleted > 0) {
      RoleRevoked event;
      event.set_user_id(request.user_id());
      event.set_role(request.role());
      RETURN_IF_ERROR(BumpVersion(tx, request.user_id()));
      RETURN_IF_ERROR(outbox_.Add(tx, event));
    }
    RevokeRoleResponse response;
    ASSIGN_OR_RETURN(*response.mutable_user(), LoadUser(tx, request.user_id()));
    return response;
  });
}

absl::Status IdentityService::AddRole(Transaction& tx, const std::string& user_id, Role role) {
  ASSIGN_OR_RETURN(const int64_t inserted, tx.Execute(R"(
      insert into user_roles (user_id, role, grant_time) values (:user_id, :role, :now)
      on conflict do nothing)",
                                                      user_id, role, clock_.Now()));
  if (inserted == 0) return absl::OkStatus();
  RoleGranted event;
  event.set_user_id(user_id);
  event.set_role(role);
  RETURN_IF_ERROR(BumpVersion(tx, user_id));
  return outbox_.Add(tx, event);
}

}  // namespace playmesh::identity
