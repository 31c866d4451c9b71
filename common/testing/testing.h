// What tests share: a database for each case, a broker, tokens, a clock that moves by hand, waiting
// without sleeping.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/auth/caller.h"
#include "common/auth/tokens.h"
#include "common/base/clock.h"
#include "common/db/database.h"
#include "common/db/migrate.h"

namespace playmesh::testing {

// A database of its own, with the platform's and the service's migrations; dropped at the end.
// Needs PLAYMESH_TEST_POSTGRES, the conninfo of a server where databases can be made, which
// tools/test sets.
class TestDatabase {
 public:
  explicit TestDatabase(std::span<const db::Migration> migrations = {});
  ~TestDatabase();

  Database& db() { return *db_; }
  const std::string& conninfo() const { return conninfo_; }

  // Runs one statement.
  template <typename... Args>
  absl::StatusOr<int64_t> Execute(absl::string_view sql, const Args&... args) {
    return db_->Transact([&](Transaction& tx) { return tx.Execute(sql, args...); });
  }
  // The rows of a query; see Transaction::Query.
  template <typename T, typename... Args>
  std::vector<T> Query(absl::string_view sql, const Args&... args) {
    auto rows = db_->Transact([&](Transaction& tx) { return tx.Query<T>(sql, args...); });
    return rows.ok() ? *std::move(rows) : std::vector<T>();
  }
  // Events of type Event in the outbox, in the order in which they were added.
  template <typename Event>
  std::vector<Event> Published() {
    std::vector<Event> events;
    for (const db::Blob& payload :
         Query<db::Blob>("select payload from outbox where type = :type order by outbox_id",
                         Event::descriptor()->full_name())) {
      events.emplace_back().ParseFromString(payload.data);
    }
    return events;
  }

 private:
  std::string name_;
  std::string conninfo_;
  std::unique_ptr<Database> db_;
};

class FakeClock : public Clock {
 public:
  // Starts now, cut to microseconds.
  FakeClock();
  absl::Time Now() const override;
  void Advance(absl::Duration duration);

 private:
  mutable std::mutex mutex_;
  absl::Time now_;
};

// A broker inside the process: librdkafka's mock cluster.
class MockKafka {
 public:
  MockKafka();
  ~MockKafka();
  const std::string& brokers() const { return brokers_; }
  void CreateTopic(const std::string& topic, int partitions);
  // Cuts off and restores all brokers.
  void SetDown(bool down);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string brokers_;
};

// Callers for handlers that are called directly.
Caller UserCaller(const std::string& user_id, const std::vector<std::string>& permissions = {},
                  const std::vector<std::string>& organisation_ids = {});
Caller ServiceCaller(const std::string& service);

// Keys and verifiers for a server under test.
class TestKeys {
 public:
  explicit TestKeys(const Clock& clock);
  auth::AccessVerifier& access() { return access_; }
  auth::ServiceVerifier& services() { return services_; }
  // An access token of `caller` that lives ten minutes.
  std::string AccessToken(const Caller& caller);
  // A service token for the service "testing", which is under test; the services "catalog",
  // "purchase" and "library" are known.
  std::string ServiceToken(const std::string& service);
  const auth::Key& access_key() const { return access_key_; }
  static constexpr char kIssuer[] = "https://playmesh.example";

 private:
  const Clock& clock_;
  auth::Key access_key_;
  std::vector<auth::Key> service_keys_;
  auth::AccessVerifier access_;
  auth::ServiceVerifier services_;
};

// Whether `condition` holds within `timeout`; asked every few milliseconds.
bool Eventually(const std::function<bool()>& condition, absl::Duration timeout = absl::Seconds(30));

}  // namespace playmesh::testing
