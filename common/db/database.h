// A service's own PostgreSQL database.
//
//   return db.Transact([&](Transaction& tx) -> absl::StatusOr<Game> {
//     RETURN_IF_ERROR(tx.Execute("update games set title = :t where game_id = :id", title, id));
//     return tx.QueryOne<Game>("select game_id, title from games where game_id = :id", id);
//   });
//
// SQL names its parameters `:name`; values follow in the order in which the names first appear, and
// a name may appear again. A statement is prepared once on each connection and kept, so SQL text is
// a literal, never assembled from values.
//
// Errors, by SQLSTATE: 23505 → ALREADY_EXISTS; 23503, 23514, 23P01 → FAILED_PRECONDITION; 22* →
// INVALID_ARGUMENT; 40001, 40P01 → the transaction is run again, then ABORTED; 57014 →
// DEADLINE_EXCEEDED; 08*, 57P0*, 53*, 55P03 → UNAVAILABLE; all others → INTERNAL, with SQLSTATE and
// text in the log, never in the status.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/db/param.h"
#include "common/db/rows.h"
#include "common/status/status.h"

namespace playmesh::db {

class Connection;

// A transaction under way, READ COMMITTED. Used by one thread. Made by Database::Transact only.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs a statement and returns how many rows it touched.
  template <typename... Args>
  absl::StatusOr<int64_t> Execute(absl::string_view sql, const Args&... args) {
    return RunCounting(sql, {Param(args)...});
  }

  // All rows as T: a Protobuf message by column names, std::tuple by position, or a single value. A
  // query that could grow without bound has a LIMIT.
  template <typename T, typename... Args>
  absl::StatusOr<std::vector<T>> Query(absl::string_view sql, const Args&... args) {
    ASSIGN_OR_RETURN(Rows rows, Run(sql, {Param(args)...}));
    std::vector<T> result;
    result.reserve(rows.size());
    for (int row = 0; row < rows.size(); ++row) {
      ASSIGN_OR_RETURN(T value, RowReader<T>::Read(rows, row));
      result.push_back(std::move(value));
    }
    return result;
  }

  // The first row, or none.
  template <typename T, typename... Args>
  absl::StatusOr<std::optional<T>> QueryMaybe(absl::string_view sql, const Args&... args) {
    ASSIGN_OR_RETURN(Rows rows, Run(sql, {Param(args)...}));
    if (rows.size() == 0) return std::optional<T>();
    ASSIGN_OR_RETURN(T value, RowReader<T>::Read(rows, 0));
    return std::optional<T>(std::move(value));
  }

  // The first row; NOT_FOUND when there is none.
  template <typename T, typename... Args>
  absl::StatusOr<T> QueryOne(absl::string_view sql, const Args&... args) {
    ASSIGN_OR_RETURN(std::optional<T> value, (QueryMaybe<T>(sql, args...)));
    if (!value) return absl::NotFoundError("not found");
    return *std::move(value);
  }

  // Calls `action` once the transaction has committed, on the same thread.
  void OnCommit(std::function<void()> action) { on_commit_.push_back(std::move(action)); }

 private:
  friend class Database;
  absl::StatusOr<Rows> Run(absl::string_view sql, const std::vector<Param>& params);
  absl::StatusOr<int64_t> RunCounting(absl::string_view sql, const std::vector<Param>& params);
  absl::StatusOr<Rows> RunOn(absl::string_view sql, const std::vector<Param>& params,
                             int64_t& affected);

  Connection& connection_;
  std::vector<std::function<void()>> on_commit_;
  // PostgreSQL refuses further statements, and would turn COMMIT into ROLLBACK.
  bool failed_ = false;
  bool serialization_ = false;  // 40001 or 40P01: run it again
  bool disconnected_ = false;
};

struct DatabaseOptions {
  // libpq's keywords: "host=/run/postgresql dbname=catalog user=catalog passfile=…".
  std::string conninfo;
  // Connections, made when first needed and kept.
  int pool_size = 8;
  // Longest wait for a connection when all are leased; then UNAVAILABLE.
  absl::Duration lease_timeout = absl::Seconds(5);
  // Longest statement when the caller has no deadline that is nearer.
  absl::Duration statement_timeout = absl::Seconds(10);
};

// A small pool of connections. Thread-safe.
class Database {
 public:
  explicit Database(DatabaseOptions options);
  ~Database();

  // Runs `body` in a transaction, commits when it returns OK and rolls back otherwise. After a
  // serialization failure or a deadlock, `body` is run again, five times in all, so it must have no
  // effect outside of the transaction. It must not call other services. No statement begins after
  // the deadline of the current context, and none runs for longer than was left of it when the
  // transaction began. UNAVAILABLE from a commit leaves open whether it took effect:
  // repeat under the same idempotency key.
  template <typename Body>
  auto Transact(Body&& body) -> std::invoke_result_t<Body&, Transaction&> {
    std::optional<std::invoke_result_t<Body&, Transaction&>> result;
    absl::Status status = Run([&](Transaction& tx) -> absl::Status {
      result.emplace(body(tx));
      return AsStatus(*result);
    });
    if (!status.ok()) return status;
    return *std::move(result);
  }

  // Whether the database answers, for a readiness probe. Waits two seconds at most.
  absl::Status Ping();

 private:
  absl::Status Run(const std::function<absl::Status(Transaction&)>& body);
  absl::Status RunOnce(const std::function<absl::Status(Transaction&)>& body, bool& retry);
  absl::StatusOr<std::unique_ptr<Connection>> Lease();
  void Return(std::unique_ptr<Connection> connection);
  void DropIdle();

  struct Pool;
  const DatabaseOptions options_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace playmesh::db

namespace playmesh {
using db::Database;     // NOLINT: these two names stand in every handler
using db::Transaction;  // NOLINT
}  // namespace playmesh
