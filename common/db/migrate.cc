#include "common/db/migrate.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/db/connection.h"
#include "common/log/log.h"
#include "common/status/status.h"

namespace playmesh::db {
namespace {

// Any number will do, as long as nothing else locks it.
constexpr absl::string_view kLock = "select pg_advisory_xact_lock(720174)";

std::string Checksum(const Migration& migration) {
  return absl::BytesToHexString(Sha256(migration.sql));
}

absl::StatusOr<Rows> Run(Connection& connection, absl::string_view sql,
                         const std::vector<Param>& params) {
  int64_t affected = 0;
  SqlError error;
  return connection.Run(sql, params, affected, error);
}

// Versions that are applied, with their checksums.
absl::StatusOr<absl::flat_hash_map<int64_t, std::string>> Applied(Connection& connection,
                                                                  const std::string& scope) {
  ASSIGN_OR_RETURN(Rows exists,
                   Run(connection, "select to_regclass('schema_migrations') is not null", {}));
  absl::flat_hash_map<int64_t, std::string> applied;
  if (!ReadCell<bool>(exists, 0, 0)) return applied;
  ASSIGN_OR_RETURN(
      Rows rows,
      Run(connection, "select version, checksum from schema_migrations where scope = :scope",
          {scope}));
  for (int row = 0; row < rows.size(); ++row) {
    applied[ReadCell<int64_t>(rows, row, 0)] = ReadCell<std::string>(rows, row, 1);
  }
  return applied;
}

absl::Status CheckUnedited(const absl::flat_hash_map<int64_t, std::string>& applied,
                           const Migration& migration) {
  auto found = applied.find(migration.version);
  if (found == applied.end() || found->second == Checksum(migration)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "migration ", migration.name, " was edited after it was applied: write a new one instead"));
}

absl::Status Apply(Connection& connection, const std::string& scope, const Migration& migration) {
  SqlError error;
  absl::Status status = connection.RunScript(migration.sql, error);
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat("migration ", migration.name, ": ", status.message()));
  }
  RETURN_IF_ERROR(Run(connection,
                      "insert into schema_migrations (scope, version, name, checksum) "
                      "values (:scope, :version, :name, :checksum)",
                      {scope, migration.version, migration.name, Checksum(migration)}));
  log::Info("migration applied", {{"scope", scope}, {"migration", migration.name}});
  return absl::OkStatus();
}

}  // namespace

absl::Status Migrate(const std::string& conninfo, const std::string& scope,
                     std::span<const Migration> migrations) {
  ASSIGN_OR_RETURN(auto connection, Connection::Open(conninfo));
  SqlError error;
  RETURN_IF_ERROR(connection->RunScript(absl::StrCat("begin; ", kLock, R"(;
      create table if not exists schema_migrations (
        scope text not null,
        version integer not null,
        name text not null,
        checksum text not null,
        apply_time timestamptz not null default now(),
        primary key (scope, version)))"),
                                        error));
  ASSIGN_OR_RETURN(auto applied, Applied(*connection, scope));
  for (const auto& [version, checksum] : applied) {
    if (version > static_cast<int64_t>(migrations.size())) {
      return absl::FailedPreconditionError(absl::StrCat("the database has migration ", version,
                                                        " of ", scope,
                                                        ", which this release does not know"));
    }
  }
  for (const Migration& migration : migrations) {
    RETURN_IF_ERROR(CheckUnedited(applied, migration));
    if (!applied.contains(migration.version)) RETURN_IF_ERROR(Apply(*connection, scope, migration));
  }
  return connection->RunScript("commit", error);
}

absl::Status CheckMigrated(const std::string& conninfo, const std::string& scope,
                           std::span<const Migration> migrations) {
  ASSIGN_OR_RETURN(auto connection, Connection::Open(conninfo));
  ASSIGN_OR_RETURN(auto applied, Applied(*connection, scope));
  for (const Migration& migration : migrations) {
    RETURN_IF_ERROR(CheckUnedited(applied, migration));
    if (!applied.contains(migration.version)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "migration ", migration.name, " is not applied: run this binary with --migrate first"));
    }
  }
  return absl::OkStatus();
}

}  // namespace playmesh::db
