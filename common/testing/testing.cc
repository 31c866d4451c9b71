#include "common/testing/testing.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdlib>
#include <iostream>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/random.h"
#include "common/db/connection.h"
#include "common/service/platform.h"

namespace playmesh::testing {
namespace {

// Tests cannot go on without their surroundings.
[[noreturn]] void Fail(absl::string_view why) {
  std::cerr << why << std::endl;
  std::abort();
}

std::string ServerConninfo() {
  const char* conninfo = std::getenv("PLAYMESH_TEST_POSTGRES");
  if (conninfo == nullptr)
    Fail("PLAYMESH_TEST_POSTGRES is not set: run this test through tools/test");
  return conninfo;
}

void RunOrFail(db::Connection& connection, const std::string& sql) {
  db::SqlError error;
  absl::Status status = connection.RunScript(sql, error);
  if (!status.ok()) Fail(absl::StrCat(sql, ": ", status.ToString()));
}

std::unique_ptr<db::Connection> Open(const std::string& conninfo) {
  auto connection = db::Connection::Open(conninfo);
  if (!connection.ok()) Fail(connection.status().ToString());
  return *std::move(connection);
}

// The name of a template database with these migrations, made when it is not there yet; by one
// process at a time.
std::string Template(db::Connection& admin, std::span<const db::Migration> migrations) {
  std::string all;
  for (const db::Migration& migration : PlatformMigrations()) all += migration.sql;
  for (const db::Migration& migration : migrations) all += migration.sql;
  const std::string name =
      absl::StrCat("template_", absl::BytesToHexString(Sha256(all).substr(0, 8)));
  RunOrFail(admin, "select pg_advisory_lock(4711)");
  int64_t affected = 0;
  db::SqlError error;
  auto found =
      admin.Run("select 1 from pg_database where datname = :name", {name}, affected, error);
  if (found.ok() && found->size() == 0) {
    const std::string making = name + "_making";
    RunOrFail(admin, absl::StrCat("drop database if exists ", making));
    RunOrFail(admin, absl::StrCat("create database ", making));
    const std::string conninfo = absl::StrCat(ServerConninfo(), " dbname=", making);
    absl::Status status = db::Migrate(conninfo, "platform", PlatformMigrations());
    if (status.ok()) status = db::Migrate(conninfo, "service", migrations);
    if (!status.ok()) Fail(status.ToString());
    RunOrFail(admin, absl::StrCat("alter database ", making, " rename to ", name));
  }
  RunOrFail(admin, "select pg_advisory_unlock(4711)");
  return name;
}

}  // namespace

TestDatabase::TestDatabase(std::span<const db::Migration> migrations) {
  auto admin = Open(absl::StrCat(ServerConninfo(), " dbname=postgres"));
  const std::string from = Template(*admin, migrations);
  name_ = absl::StrCat("test_", absl::StrReplaceAll(NewUuid(absl::Now()), {{"-", ""}}));
  RunOrFail(*admin, absl::StrCat("create database ", name_, " template ", from));
  conninfo_ = absl::StrCat(ServerConninfo(), " dbname=", name_);
  db_ = std::make_unique<Database>(db::DatabaseOptions{conninfo_});
}

TestDatabase::~TestDatabase() {
  db_.reset();
  auto admin = Open(absl::StrCat(ServerConninfo(), " dbname=postgres"));
  RunOrFail(*admin, absl::StrCat("drop database ", name_, " with (force)"));
}

FakeClock::FakeClock() : now_(absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()))) {}

absl::Time FakeClock::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

void FakeClock::Advance(absl::Duration duration) {
  std::lock_guard lock(mutex_);
  now_ += duration;
}

struct MockKafka::State {
  rd_kafka_t* client;
  rd_kafka_mock_cluster_t* cluster;
};

MockKafka::MockKafka() {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "log_level", "0", error, sizeof(error));
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
  if (client == nullptr) Fail(error);
  state_ = std::make_unique<State>(State{client, rd_kafka_mock_cluster_new(client, 1)});
  brokers_ = rd_kafka_mock_cluster_bootstraps(state_->cluster);
}

MockKafka::~MockKafka() {
  rd_kafka_mock_cluster_destroy(state_->cluster);
  rd_kafka_destroy(state_->client);
}

void MockKafka::CreateTopic(const std::string& topic, int partitions) {
  rd_kafka_mock_topic_create(state_->cluster, topic.c_str(), partitions, 1);
}

void MockKafka::SetDown(bool down) {
  down ? rd_kafka_mock_broker_set_down(state_->cluster, 1)
       : rd_kafka_mock_broker_set_up(state_->cluster, 1);
}

Caller UserCaller(const std::string& user_id, const std::vector<std::string>& permissions,
                  const std::vector<std::string>& organisation_ids) {
  Caller caller;
  caller.user_id = user_id;
  caller.permissions.insert(permissions.begin(), permissions.end());
  for (const std::string& id : organisation_ids) caller.organisations[id] = "owner";
  return caller;
}

Caller ServiceCaller(const std::string& service) {
  Caller caller;
  caller.service = service;
  return caller;
}

TestKeys::TestKeys(const Clock& clock)
    : clock_(clock),
      access_key_(auth::Key::Generate("access")),
      service_keys_{auth::Key::Generate("catalog"), auth::Key::Generate("purchase"),
                    auth::Key::Generate("library")},
      access_(kIssuer, clock,
              [this]() -> absl::StatusOr<auth::KeySet> { return auth::KeySet({access_key_}); }),
      services_(auth::KeySet(service_keys_), "testing", clock) {}

std::string TestKeys::AccessToken(const Caller& caller) {
  auth::AccessClaims claims;
  claims.issuer = kIssuer;
  claims.user_id = caller.user_id;
  claims.permissions.assign(caller.permissions.begin(), caller.permissions.end());
  claims.organisations = caller.organisations;
  claims.issue_time = clock_.Now();
  claims.expire_time = clock_.Now() + absl::Minutes(10);
  return *auth::SignAccessToken(access_key_, claims);
}

std::string TestKeys::ServiceToken(const std::string& service) {
  return *auth::ServiceSigner(*auth::KeySet(service_keys_).Find(service), clock_).Token("testing");
}

bool Eventually(const std::function<bool()>& condition, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace playmesh::testing
