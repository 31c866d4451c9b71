// Schema migrations: forward only, in order, each once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace playmesh::db {

struct Migration {
  int version;       // from 1, without gaps
  std::string name;  // "0001_create_games"
  std::string sql;
};

// Applies what is missing of `migrations` in one transaction under an advisory lock, so that
// several may try at once. `scope` keeps the platform's migrations apart from the service's.
// FAILED_PRECONDITION when an applied migration was edited, or when the database is ahead of this
// binary.
absl::Status Migrate(const std::string& conninfo, const std::string& scope,
                     std::span<const Migration> migrations);

// OK when all of `migrations` are applied, unedited. A database that is ahead is fine: a migration
// lets the previous release keep running. FAILED_PRECONDITION names what is missing.
absl::Status CheckMigrated(const std::string& conninfo, const std::string& scope,
                           std::span<const Migration> migrations);

}  // namespace playmesh::db
