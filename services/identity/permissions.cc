#include "services/identity/permissions.h"

#include <set>
#include <utility>

#include "playmesh/identity/v1/identity_service.pb.h"

namespace playmesh::identity {
namespace {

using v1::Role;

// A role that is not here allows what every signed-in user may do. Moderators, support and finance
// get theirs with the first RPC that asks for one.
const std::vector<std::pair<Role, std::string>>& Table() {
  static const auto* table = new std::vector<std::pair<Role, std::string>>{
      {Role::ROLE_DEVELOPER, "catalog.games.import"},
      {Role::ROLE_DEVELOPER, "catalog.games.publish"},
      {Role::ROLE_DEVELOPER, "catalog.games.write"},
      {Role::ROLE_DEVELOPER, "catalog.prices.write"},
      {Role::ROLE_ADMINISTRATOR, "identity.roles.grant"},
  };
  return *table;
}

}  // namespace

std::vector<std::string> PermissionsOf(const google::protobuf::RepeatedField<int>& roles) {
  const std::set<int> held(roles.begin(), roles.end());
  const bool all = held.contains(Role::ROLE_ADMINISTRATOR);
  std::set<std::string> permissions;
  for (const auto& [role, permission] : Table()) {
    if (all || held.contains(role)) permissions.insert(permission);
  }
  return {permissions.begin(), permissions.end()};
}

}  // namespace playmesh::identity
