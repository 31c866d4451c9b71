#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <tuple>

#include "common/base/random.h"
#include "common/context/context.h"
#include "common/db/connection.h"
#include "common/db/database.h"
#include "common/db/migrate.h"
#include "common/testing/testing.h"
#include "playmesh/testing/v1/testing_service.pb.h"

namespace playmesh::db {
namespace {

using playmesh::testing::TestDatabase;
using playmesh::testing::v1::Thing;

const Migration kThings{1, "0001_create_things", R"(
    create table things (
      thing_id uuid primary key,
      name text not null unique check (name <> 'forbidden'),
      count bigint not null default 0);)"};

// Conninfo of a database, cut from one that has a dbname.
std::string Dsn(const TestDatabase& database) { return database.conninfo(); }

}  // namespace

TEST_CASE("Parameters are found once each, and casts and quoted text are left alone") {
  CHECK(ParameterNames("select :a::text, ':b', x from t where y = :c and z = :a") ==
        std::vector<std::string>{"a", "c"});
}

TEST_CASE("Values go in and come out unchanged") {
  TestDatabase database;
  const std::string text = "Grüße 'quoted' \"double\" \\ backslash, {braces}\n🎮";
  const std::string bytes("\0\x01\xff", 3);
  const absl::Time time = absl::FromUnixMicros(1'700'000'000'123'456);
  using Row = std::tuple<std::string, int64_t, bool, absl::Time, Blob, std::vector<std::string>,
                         std::optional<std::string>>;
  auto rows = database.Query<Row>(
      "select :text::text, :number::bigint, :flag::boolean, :time::timestamptz, :bytes::bytea, "
      ":array::text[], :none::text",
      text, INT64_MIN, true, time, Bytes{bytes}, std::vector<std::string>{text, "", "NULL", "a,b"},
      std::optional<std::string>());
  REQUIRE(rows.size() == 1);
  const auto& [t, number, flag, when, data, array, none] = rows[0];
  CHECK(t == text);
  CHECK(number == INT64_MIN);
  CHECK(flag);
  CHECK(when == time);
  CHECK(data.data == bytes);
  CHECK(array == std::vector<std::string>{text, "", "NULL", "a,b"});
  CHECK_FALSE(none.has_value());
}

TEST_CASE("An exception gives the connection back") {
  TestDatabase database;
  Database db({.conninfo = Dsn(database), .pool_size = 1, .lease_timeout = absl::Seconds(1)});
  const auto throws = [](Transaction&) -> absl::Status { throw std::runtime_error("oops"); };
  CHECK_THROWS(db.Transact(throws));
  CHECK(db.Ping().ok());
}

TEST_CASE("A statement that has failed forgets its values") {
  TestDatabase database;
  Database db({.conninfo = Dsn(database), .pool_size = 1});
  using Row = std::tuple<int64_t, std::optional<std::string>, std::string>;
  const auto divide = [&](int64_t divisor, const std::optional<std::string>& maybe) {
    return db.Transact([&](Transaction& tx) {
      return tx.QueryOne<Row>("select 6 / :divisor::bigint, :maybe::text, :text::text", divisor,
                              maybe, std::string("text"));
    });
  };
  CHECK(divide(0, "of the failure").status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(divide(2, std::nullopt).value() == Row(3, std::nullopt, "text"));
  CHECK(divide(3, "new").value() == Row(2, "new", "text"));
}

TEST_CASE("A row is read into a message by the names of its columns") {
  TestDatabase database;
  auto things = database.Query<Thing>(R"(
      select '0190163d-8694-739b-aea5-966c26f8ad91'::uuid as thing_id, 'deep_red' as colour, 'EUR' as "price.currency_code",
             1999::bigint as "price.units_minor", array['a','b'] as tags, array['blue','deep_red'] as colours,
             '2026-01-02 03:04:05.678901+00'::timestamptz as create_time, '\x00ff'::bytea as data, true as flag,
             jsonb_build_array(jsonb_build_object('name', 'part', 'count', '7')) as parts, null::text as email)");
  REQUIRE(things.size() == 1);
  const Thing& thing = things[0];
  CHECK(thing.thing_id() == "0190163d-8694-739b-aea5-966c26f8ad91");
  CHECK(thing.colour() == playmesh::testing::v1::COLOUR_DEEP_RED);
  CHECK(thing.price().units_minor() == 1999);
  CHECK(thing.tags_size() == 2);
  CHECK(thing.colours(0) == playmesh::testing::v1::COLOUR_BLUE);
  CHECK(thing.create_time().nanos() == 678'901'000);
  CHECK(thing.data() == std::string("\0\xff", 2));
  CHECK(thing.flag());
  REQUIRE(thing.parts_size() == 1);
  CHECK(thing.parts(0).count() == 7);
}

TEST_CASE("A column without a field is an error, not a silence") {
  TestDatabase database;
  auto result = database.db().Transact(
      [](Transaction& tx) { return tx.Query<Thing>("select 1 as nonsense"); });
  CHECK(absl::IsInternal(result.status()));
}

TEST_CASE("Enums go in by their SQL names") {
  TestDatabase database;
  auto rows =
      database.Query<std::string>("select :colour::text", playmesh::testing::v1::COLOUR_DEEP_RED);
  CHECK(rows == std::vector<std::string>{"deep_red"});
}

TEST_CASE("A failed body rolls back, a finished one commits and then acts") {
  TestDatabase database({&kThings, 1});
  bool acted = false;
  auto insert = [&](const std::string& name, absl::Status result) {
    return database.db().Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(tx.Execute("insert into things (thing_id, name) values (:id, :name)",
                                 NewUuid(absl::Now()), name));
      tx.OnCommit([&] { acted = true; });
      return result;
    });
  };
  CHECK(absl::IsNotFound(insert("lost", absl::NotFoundError("no"))));
  CHECK_FALSE(acted);
  CHECK(insert("kept", absl::OkStatus()).ok());
  CHECK(acted);
  CHECK(database.Query<std::string>("select name from things") == std::vector<std::string>{"kept"});
}

TEST_CASE("SQLSTATEs become status codes without a word of SQL") {
  TestDatabase database({&kThings, 1});
  const std::string insert = "insert into things (thing_id, name) values (:id, :name)";
  REQUIRE(database.Execute(insert, NewUuid(absl::Now()), "one").ok());
  CHECK(absl::IsAlreadyExists(database.Execute(insert, NewUuid(absl::Now()), "one").status()));
  CHECK(absl::IsFailedPrecondition(
      database.Execute(insert, NewUuid(absl::Now()), "forbidden").status()));
  const absl::Status broken = database.Execute("select secret from nowhere").status();
  CHECK(absl::IsInternal(broken));
  CHECK(broken.message().find("nowhere") == absl::string_view::npos);
  CHECK(absl::IsInvalidArgument(
      database.Execute(insert, NewUuid(absl::Now()), std::string("a\0b", 3)).status()));
}

TEST_CASE("An error that the body swallows does not commit") {
  TestDatabase database({&kThings, 1});
  absl::Status status = database.db().Transact([&](Transaction& tx) -> absl::Status {
    (void)tx.Execute("insert into things (thing_id, name) values (:id, 'forbidden')",
                     NewUuid(absl::Now()));
    return absl::OkStatus();
  });
  CHECK(absl::IsInternal(status));
}

TEST_CASE("Deadlocks are run again until all succeed") {
  TestDatabase database({&kThings, 1});
  const std::vector<std::string> ids = {NewUuid(absl::Now()), NewUuid(absl::Now())};
  for (const auto& id : ids)
    REQUIRE(
        database.Execute("insert into things (thing_id, name) values (:id, :name)", id, id).ok());
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round) {
        absl::Status status = database.db().Transact([&](Transaction& tx) -> absl::Status {
          RETURN_IF_ERROR(
              tx.Execute("update things set count = count + 1 where thing_id = :id", ids[i % 2]));
          return AsStatus(tx.Execute("update things set count = count + 1 where thing_id = :id",
                                     ids[1 - i % 2]));
        });
        if (status.ok()) ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(database.Query<int64_t>("select sum(count)::bigint from things") ==
        std::vector<int64_t>{2 * done});
  CHECK(done == 12);
}

TEST_CASE("A statement ends at the caller's deadline") {
  TestDatabase database;
  Context context;
  context.deadline = absl::Now() + absl::Milliseconds(100);
  ScopedContext scope(context);
  CHECK(absl::IsDeadlineExceeded(database.Execute("select pg_sleep(5)").status()));
}

TEST_CASE("Connections that died are replaced") {
  TestDatabase database;
  const std::string name = database.Query<std::string>("select current_database()").at(0);
  TestDatabase other;
  REQUIRE(other.Query<bool>(R"(
      select bool_and(pg_terminate_backend(pid)) from pg_stat_activity where datname = :name)",
                            name) == std::vector<bool>{true});
  CHECK(database.Query<int64_t>("select 1") == std::vector<int64_t>{1});
}

TEST_CASE("A pool that is exhausted refuses in time") {
  TestDatabase database;
  Database small({database.conninfo(), 1, absl::Milliseconds(50)});
  absl::Status status = small.Transact([&](Transaction&) -> absl::Status {
    return small.Transact([](Transaction&) { return absl::OkStatus(); });
  });
  CHECK(absl::IsUnavailable(status));
}

TEST_CASE("Migrations are applied once, in order, also by several at once") {
  TestDatabase database;
  std::vector<std::thread> threads;
  std::atomic<int> applied = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(
        [&] { applied += Migrate(Dsn(database), "service", {&kThings, 1}).ok() ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  CHECK(applied == 4);
  CHECK(CheckMigrated(Dsn(database), "service", {&kThings, 1}).ok());
}

TEST_CASE("A schema that is behind, edited or ahead is told apart") {
  TestDatabase database({&kThings, 1});
  const std::vector<Migration> newer = {
      kThings, {2, "0002_add_colour", "alter table things add colour text"}};
  CHECK(absl::IsFailedPrecondition(CheckMigrated(Dsn(database), "service", newer)));
  const Migration edited{1, "0001_create_things", "create table other ()"};
  CHECK(absl::IsFailedPrecondition(Migrate(Dsn(database), "service", {&edited, 1})));
  REQUIRE(Migrate(Dsn(database), "service", newer).ok());
  CHECK(CheckMigrated(Dsn(database), "service", {&kThings, 1}).ok());
  CHECK(absl::IsFailedPrecondition(Migrate(Dsn(database), "service", {&kThings, 1})));
}

TEST_CASE("A migration that fails leaves nothing behind") {
  TestDatabase database;
  const std::vector<Migration> bad = {kThings,
                                      {2, "0002_break", "create table later (); select nonsense"}};
  CHECK_FALSE(Migrate(Dsn(database), "service", bad).ok());
  CHECK(database.Query<bool>("select to_regclass('things') is null") == std::vector<bool>{true});
}

}  // namespace playmesh::db
