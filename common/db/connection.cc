#include "common/db/connection.h"

#include <libpq-fe.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/status.h"

namespace playmesh::db {
namespace {

// Statements kept on a connection. Services have some tens; past this, something assembles SQL.
constexpr size_t kMaxStatements = 500;

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// The first line only: the lines of detail, and what SOCI adds, hold values.
absl::string_view Primary(absl::string_view text) { return text.substr(0, text.find('\n')); }

SqlError FromSqlState(absl::string_view state, absl::string_view detailed, bool broken) {
  const absl::string_view text = Primary(detailed);
  // Without a SQLSTATE it is not the server's word but libpq's: the connection is gone.
  broken |= absl::StripAsciiWhitespace(state).empty();
  auto is = [&](absl::string_view prefix) { return absl::StartsWith(state, prefix); };
  if (broken || is("08") || is("57P0") || is("53")) {
    log::Warning("database unavailable", {{"sqlstate", state}, {"error", text}});
    return {absl::UnavailableError("the database is unavailable"), false, broken || !is("53")};
  }
  if (is("40001") || is("40P01")) return {absl::AbortedError("try again"), true, false};
  if (is("23505")) return {absl::AlreadyExistsError("already exists"), false, false};
  if (is("23503") || is("23514") || is("23P01")) {
    log::Info("database constraint refused", {{"sqlstate", state}, {"error", text}});
    return {absl::FailedPreconditionError("refused by a constraint"), false, false};
  }
  if (is("22")) {
    log::Warning("database refused a value", {{"sqlstate", state}});  // its text quotes the value
    return {absl::InvalidArgumentError("a value is malformed or out of range"), false, false};
  }
  // Somebody holds a lock for longer than a lock_timeout.
  if (is("55P03")) return {absl::UnavailableError("the database is busy"), false, false};
  if (is("57014")) return {absl::DeadlineExceededError("the database took too long"), false, false};
  if (is("0A000")) {
    // After a migration, plans of kept statements may no longer fit ("cached plan must not change
    // result type"): a new connection has none.
    log::Warning("database plan is stale", {{"sqlstate", state}, {"error", text}});
    return {absl::UnavailableError("the database is being migrated"), true, true};
  }
  log::Error("database error", {{"sqlstate", state}, {"error", text}});
  return {absl::InternalError("database error"), false, false};
}

}  // namespace

std::vector<std::string> ParameterNames(absl::string_view sql) {
  std::vector<std::string> names;
  bool quoted = false;
  for (size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '\'') quoted = !quoted;
    if (quoted || sql[i] != ':') continue;
    if (i + 1 < sql.size() && sql[i + 1] == ':') {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < sql.size() && IsNameCharacter(sql[end])) ++end;
    std::string name(sql.substr(i + 1, end - i - 1));
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  return names;
}

Connection::Connection(const std::string& conninfo) : session_(soci::postgresql, conninfo) {}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& conninfo) {
  try {
    // A server that has vanished is noticed within ten seconds or so: by what it does not
    // acknowledge, and by keepalives while an answer is waited for.
    auto connection = std::unique_ptr<Connection>(new Connection(
        conninfo +
        " connect_timeout=3 tcp_user_timeout=10000 keepalives_idle=5 keepalives_interval=2"
        " keepalives_count=3 options='-c TimeZone=UTC'"));
    return connection;
  } catch (const std::exception& e) {
    log::Warning("cannot connect to the database", {{"error", Primary(e.what())}});
    return absl::UnavailableError("the database is unavailable");
  }
}

PGconn* Connection::handle() const {
  return static_cast<const soci::postgresql_session_backend*>(
             const_cast<soci::session&>(session_).get_backend())
      ->conn_;
}

bool Connection::broken() const { return PQstatus(handle()) != CONNECTION_OK; }

Connection::Statement::Statement(soci::session& session, absl::string_view sql)
    : names(ParameterNames(sql)),
      values(names.size()),
      indicators(names.size(), soci::i_ok),
      statement(session) {
  for (size_t i = 0; i < names.size(); ++i)
    statement.exchange(soci::use(values[i], indicators[i], names[i]));
  statement.alloc();
  statement.prepare(std::string(sql));
  statement.define_and_bind();
}

absl::StatusOr<Connection::Statement*> Connection::Prepare(absl::string_view sql) {
  auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  if (statements_.size() >= kMaxStatements)
    return absl::InternalError("too many different statements");
  auto statement = std::make_unique<Statement>(session_, sql);
  return statements_.emplace(std::string(sql), std::move(statement)).first->second.get();
}

absl::StatusOr<Rows> Connection::Run(absl::string_view sql, const std::vector<Param>& params,
                                     int64_t& affected, SqlError& error) {
  Statement* statement = nullptr;
  try {
    ASSIGN_OR_RETURN(statement, Prepare(sql));
    if (params.size() != statement->names.size()) {
      log::Error("wrong number of parameters", {{"sql", sql}, {"given", params.size()}});
      return absl::InternalError("wrong number of parameters");
    }
    for (size_t i = 0; i < params.size(); ++i) {
      // libpq ends text at a NUL byte, so what follows it would be lost without a word.
      if (absl::StrContains(params[i].text(), '\0'))
        return absl::InvalidArgumentError("text holds a NUL byte");
      statement->values[i] = params[i].text();
      statement->indicators[i] = params[i].is_null() ? soci::i_null : soci::i_ok;
    }
    statement->statement.execute(false);
    affected = statement->statement.get_affected_rows();
    // SOCI's row type would read times without zone and microseconds, so cells are read from
    // libpq's result; it is taken out of SOCI's hands, since the statement may be run again before
    // the rows are read.
    auto* backend =
        static_cast<soci::postgresql_statement_backend*>(statement->statement.get_backend());
    std::shared_ptr<PGresult> result(PQcopyResult(backend->result_.get_result(), PG_COPYRES_TUPLES),
                                     &PQclear);
    return Rows(result.get(), result);
  } catch (const soci::postgresql_soci_error& e) {
    error = FromSqlState(e.sqlstate(), e.get_error_message(), broken());
  } catch (const soci::soci_error& e) {
    error = FromSqlState("XX000", e.get_error_message(), broken());
  } catch (const std::exception& e) {
    error = FromSqlState("XX000", e.what(), broken());
  }
  // SOCI lets go of what it has bound after a success only: after this failure, a parameter that is
  // null the next time would be sent with the value it has now.
  if (statement != nullptr) statement->statement.undefine_and_bind();
  return error.status;
}

absl::Status Connection::RunScript(const std::string& sql, SqlError& error) {
  std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(handle(), sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
    return absl::OkStatus();
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  error = FromSqlState(state == nullptr ? "" : state, PQerrorMessage(handle()), broken());
  return error.status;
}

}  // namespace playmesh::db
