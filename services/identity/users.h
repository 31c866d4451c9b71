// Accounts in the database.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/db/database.h"
#include "playmesh/identity/v1/identity_service.pb.h"

namespace playmesh::identity {

// The account. NOT_FOUND.
absl::StatusOr<v1::User> LoadUser(Transaction& tx, const std::string& user_id);

// The account, which nobody else can change until `tx` ends. NOT_FOUND.
absl::StatusOr<v1::User> LockUser(Transaction& tx, const std::string& user_id);

}  // namespace playmesh::identity
