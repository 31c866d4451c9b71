#include "common/db/database.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/context/context.h"
#include "common/db/connection.h"
#include "common/log/log.h"

namespace playmesh::db {
namespace {

constexpr int kMaxAttempts = 5;
constexpr absl::Duration kPingTimeout = absl::Seconds(2);

// A random pause that doubles with each attempt, so that those who collided do not collide again.
void Backoff(int attempt) {
  static thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> micros(0, 1000 << attempt);
  std::this_thread::sleep_for(std::chrono::microseconds(micros(random)));
}

}  // namespace

struct Database::Pool {
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<std::unique_ptr<Connection>> idle;  // the most recently used last
  int leased = 0;
};

absl::StatusOr<Rows> Transaction::Run(absl::string_view sql, const std::vector<Param>& params) {
  int64_t affected = 0;
  return RunOn(sql, params, affected);
}

absl::StatusOr<int64_t> Transaction::RunCounting(absl::string_view sql,
                                                 const std::vector<Param>& params) {
  int64_t affected = 0;
  RETURN_IF_ERROR(RunOn(sql, params, affected).status());
  return affected;
}

absl::StatusOr<Rows> Transaction::RunOn(absl::string_view sql, const std::vector<Param>& params,
                                        int64_t& affected) {
  SqlError error;
  absl::StatusOr<Rows> rows = absl::Now() < CurrentContext().deadline
                                  ? connection_.Run(sql, params, affected, error)
                                  : absl::DeadlineExceededError("no time left");
  if (!rows.ok()) {
    failed_ = true;
    serialization_ |= error.serialization;
    disconnected_ |= error.disconnected;
  }
  return rows;
}

Database::Database(DatabaseOptions options)
    : options_(std::move(options)), pool_(std::make_unique<Pool>()) {}
Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Connection>> Database::Lease() {
  const absl::Time deadline =
      std::min(CurrentContext().deadline, absl::Now() + options_.lease_timeout);
  {
    std::unique_lock lock(pool_->mutex);
    const bool free = pool_->returned.wait_until(
        lock, absl::ToChronoTime(deadline), [&] { return pool_->leased < options_.pool_size; });
    if (!free) return absl::UnavailableError("the database is busy");
    ++pool_->leased;
    if (!pool_->idle.empty()) {
      auto connection = std::move(pool_->idle.back());
      pool_->idle.pop_back();
      return connection;
    }
  }
  auto opened = Connection::Open(options_.conninfo);
  if (!opened.ok()) Return(nullptr);
  return opened;
}

void Database::Return(std::unique_ptr<Connection> connection) {
  {
    std::lock_guard lock(pool_->mutex);
    --pool_->leased;
    if (connection != nullptr && !connection->broken())
      pool_->idle.push_back(std::move(connection));
  }
  pool_->returned.notify_one();
}

void Database::DropIdle() {
  std::vector<std::unique_ptr<Connection>> dropped;
  std::lock_guard lock(pool_->mutex);
  dropped.swap(pool_->idle);
}

absl::Status Database::Run(const std::function<absl::Status(Transaction&)>& body) {
  for (int attempt = 1;; ++attempt) {
    bool retry = false;
    absl::Status status = RunOnce(body, retry);
    if (!retry || attempt == kMaxAttempts || absl::Now() >= CurrentContext().deadline)
      return status;
    Backoff(attempt);
  }
}

absl::Status Database::RunOnce(const std::function<absl::Status(Transaction&)>& body, bool& retry) {
  const absl::Duration left =
      std::min(CurrentContext().deadline - absl::Now(), options_.statement_timeout);
  if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no time left");
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Lease());
  // Whatever happens, an exception of `body` too, the place in the pool is given back; the
  // connection as well, once it is known to be usable.
  std::unique_ptr<Connection> usable;
  absl::Cleanup give_back = [&] { Return(std::move(usable)); };

  SqlError error;
  const int64_t timeout_ms = std::max<int64_t>(1, absl::ToInt64Milliseconds(left));
  absl::Status status = connection->RunScript(
      absl::StrCat("begin; set local statement_timeout = ", timeout_ms), error);
  if (!status.ok()) {
    // The connection had died while it was idle; nothing was done on it, so a new one may take
    // over.
    retry = error.disconnected;
    // The others have most likely died with it.
    if (error.disconnected) DropIdle();
    if (!error.disconnected) usable = std::move(connection);
    return status;
  }

  Transaction tx(*connection);
  status = body(tx);
  if (status.ok() && tx.failed_)
    status = absl::InternalError("a statement failed, and its error was not returned");
  if (status.ok()) status = connection->RunScript("commit", error);
  if (!status.ok()) {
    retry = tx.serialization_ || error.serialization;
    SqlError ignored;
    const bool rolled_back =
        !tx.disconnected_ && !error.disconnected && connection->RunScript("rollback", ignored).ok();
    if (rolled_back) usable = std::move(connection);
    return status;
  }
  usable = std::move(connection);
  std::move(give_back).Invoke();
  for (const auto& action : tx.on_commit_) action();
  return status;
}

absl::Status Database::Ping() {
  Context context;
  context.deadline = absl::Now() + kPingTimeout;
  ScopedContext scope(context);
  return Transact(
      [](Transaction& tx) -> absl::Status { return tx.Query<int64_t>("select 1").status(); });
}

}  // namespace playmesh::db
