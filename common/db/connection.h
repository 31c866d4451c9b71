// One connection with its prepared statements: all that touches SOCI and libpq. Used by database.cc
// and migrate.cc only.
#pragma once

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/db/param.h"
#include "common/db/rows.h"

namespace playmesh::db {

// What went wrong with a statement.
struct SqlError {
  absl::Status status;
  bool serialization = false;  // worth running the transaction again
  bool disconnected = false;   // the connection is of no more use
};

// Names of the parameters of `sql`, each once, in the order of their first appearance. `::type`
// casts and what stands in quotes are not parameters.
std::vector<std::string> ParameterNames(absl::string_view sql);

class Connection {
 public:
  // UNAVAILABLE when the server cannot be reached within three seconds.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& conninfo);

  // Runs one statement, prepared on first use.
  absl::StatusOr<Rows> Run(absl::string_view sql, const std::vector<Param>& params,
                           int64_t& affected, SqlError& error);

  // Runs several statements without parameters in one round trip.
  absl::Status RunScript(const std::string& sql, SqlError& error);

  bool broken() const;

 private:
  struct Statement {
    Statement(soci::session& session, absl::string_view sql);
    // Bound by address, so they stay where they are.
    std::vector<std::string> names;
    std::deque<std::string> values;
    std::deque<soci::indicator> indicators;
    soci::statement statement;
  };

  explicit Connection(const std::string& conninfo);
  absl::StatusOr<Statement*> Prepare(absl::string_view sql);
  PGconn* handle() const;

  soci::session session_;
  absl::flat_hash_map<std::string, std::unique_ptr<Statement>> statements_;
};

}  // namespace playmesh::db
