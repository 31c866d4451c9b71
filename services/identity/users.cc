#include "services/identity/users.h"

#include <optional>
#include <utility>

namespace playmesh::identity {

using v1::User;

absl::StatusOr<User> LoadUser(Transaction& tx, const std::string& user_id) {
  ASSIGN_OR_RETURN(std::optional<User> user, tx.QueryMaybe<User>(R"(
      select user_id, email, display_name, locale, country_code, create_time, version as etag,
             array(select role from user_roles r where r.user_id = u.user_id
                   order by grant_time, role) as roles
      from users u where user_id = :user_id)",
                                                                 user_id));
  if (!user) return absl::NotFoundError("there is no such user");
  return *std::move(user);
}

absl::StatusOr<User> LockUser(Transaction& tx, const std::string& user_id) {
  // On its own, so that the query after it sees what the one who held the lock has changed.
  RETURN_IF_ERROR(tx.Execute("select from users where user_id = :user_id for update", user_id));
  return LoadUser(tx, user_id);
}

}  // namespace playmesh::identity
