#include "services/notification/notification_hub.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/observe/metrics.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "services/notification/stream_recorder.h"

namespace playmesh::notification {
namespace {

using testing::Eventually;
using Titles = std::vector<std::string>;

absl::Status Insert(Transaction& tx, const std::string& user_id, absl::string_view title) {
  return AsStatus(tx.Execute(R"(
      insert into notifications (user_id, notification_id, kind, source_id, title, body, create_time)
      values (:user_id, gen_random_uuid(), 'game_updated', gen_random_uuid(), :title, '', now()))",
                             user_id, title));
}

// The titles from `begin` up to `end`, as NotifyMany gives them.
Titles Numbers(int begin, int end) {
  Titles titles;
  for (int i = begin; i < end; ++i) titles.push_back(absl::StrCat(i));
  return titles;
}

struct HubTest {
  void Notify(const std::string& user_id, absl::string_view title) {
    REQUIRE(
        database.db().Transact([&](Transaction& tx) { return Insert(tx, user_id, title); }).ok());
  }

  // `count` notifications with the titles 0, 1, …
  void NotifyMany(const std::string& user_id, int count) {
    REQUIRE(database
                .Execute(R"(
                    insert into notifications (user_id, notification_id, kind, source_id, title, body,
                                               create_time)
                    select :user_id, gen_random_uuid(), 'game_updated', gen_random_uuid(), i, '', now()
                    from generate_series(0, :count - 1) as i order by i)",
                         user_id, count)
                .ok());
  }

  // Waits until transactions that were under way at the same time have ended: as long as there is
  // one, what was committed meanwhile is not "before now".
  void Settle() {
    const auto next = database.Query<int64_t>("select pg_current_xact_id()");
    REQUIRE(Eventually([&] {
      auto horizon = ReadHorizon(database.db());
      return horizon.ok() && horizon->settled.txid > static_cast<uint64_t>(next[0]);
    }));
  }

  std::shared_ptr<StreamRecorder> Watch(NotificationHub& at, const std::string& user_id,
                                        const std::string& cursor = "") {
    auto sink = std::make_shared<StreamRecorder>();
    REQUIRE(Open(at, user_id, sink, cursor).ok());
    return sink;
  }

  static absl::Status Open(NotificationHub& at, const std::string& user_id,
                           std::shared_ptr<StreamRecorder> sink, const std::string& cursor = "") {
    std::optional<Cursor> from;
    if (!cursor.empty()) from = *ParseCursor(cursor);
    return at.Open(user_id, from, NotificationHub::Stream(std::move(sink)));
  }

  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  NotificationHub hub{database.db(), clock};
  NotificationHub other_replica{database.db(), clock};
  const std::string ada = NewUuid(clock.Now());
  const std::string bob = NewUuid(clock.Now());
};

TEST_CASE_METHOD(HubTest, "A stream opens with a cursor for now, and shows what comes after") {
  Notify(ada, "before");
  Settle();
  auto sink = Watch(hub, ada);
  REQUIRE(sink->size() == 1);
  CHECK_FALSE(sink->messages()[0].has_notification());
  CHECK_FALSE(sink->messages()[0].cursor().empty());
  Notify(ada, "after");
  REQUIRE(Eventually([&] { return sink->size() == 2; }));
  CHECK(sink->titles() == Titles{"after"});
}

TEST_CASE_METHOD(HubTest,
                 "Every stream of a user at every replica gets the user's, and no other's") {
  auto first = Watch(hub, ada);
  auto second = Watch(hub, ada);
  auto elsewhere = Watch(other_replica, ada);
  auto stranger = Watch(hub, bob);
  Notify(ada, "for ada");
  Notify(bob, "for bob");
  for (const auto& sink : {first, second, elsewhere}) {
    REQUIRE(Eventually([&] { return sink->titles() == Titles{"for ada"}; }));
  }
  REQUIRE(Eventually([&] { return stranger->titles() == Titles{"for bob"}; }));
}

TEST_CASE_METHOD(HubTest, "A client that comes back gets what it missed, once, then what comes") {
  auto busy = Watch(hub, bob);  // one replica has a position, the other has none
  for (NotificationHub* replica : {&hub, &other_replica}) {
    for (const int missed : {0, 1, 499}) {
      const std::string user = NewUuid(clock.Now());
      auto before = Watch(hub, user);
      Notify(user, "seen");
      REQUIRE(Eventually([&] { return before->titles() == Titles{"seen"}; }));
      before->End();
      NotifyMany(bob, 10);
      NotifyMany(user, missed);

      auto after = Watch(*replica, user, before->last_cursor());
      CHECK(after->messages()[0].cursor() == before->last_cursor());
      Notify(user, "live");
      Titles expected = Numbers(0, missed);
      expected.push_back("live");
      REQUIRE(Eventually([&] { return after->titles().size() == expected.size(); }));
      CHECK(after->titles() == expected);
      after->End();
    }
  }
}

TEST_CASE_METHOD(HubTest, "A client that missed thousands gets 500 with each stream, none twice") {
  const int missed = GENERATE(500, 501, 2'600);
  auto busy = Watch(hub, bob);
  auto sink = Watch(hub, ada);
  sink->End();
  NotifyMany(ada, missed);
  NotifyMany(bob, 1);  // the hub stands behind what ada missed
  REQUIRE(Eventually([&] { return busy->titles() == Titles{"0"}; }));
  for (int seen = 0; seen < missed; seen += 500) {
    sink = Watch(hub, ada, sink->last_cursor());
    const int expected = std::min(missed - seen, 500);
    CHECK(sink->titles() == Numbers(seen, seen + expected));
    CHECK(sink->ended() == (expected == 500));
  }
  if (sink->ended()) sink = Watch(hub, ada, sink->last_cursor());
  Notify(ada, "live");
  REQUIRE(Eventually([&] { return !sink->titles().empty() && sink->titles().back() == "live"; }));
}

TEST_CASE_METHOD(HubTest, "A stream that showed nothing yet can be resumed too") {
  auto before = Watch(hub, ada);
  before->End();
  Notify(ada, "missed");
  auto after = Watch(hub, ada, before->last_cursor());
  REQUIRE(Eventually([&] { return after->titles() == Titles{"missed"}; }));
}

TEST_CASE_METHOD(HubTest, "A notification that commits late is not skipped") {
  auto sink = Watch(hub, ada);
  REQUIRE(database.db()
              .Transact([&](Transaction& tx) -> absl::Status {
                RETURN_IF_ERROR(Insert(tx, ada, "late"));
                Notify(ada, "early");  // in a later transaction, which commits first
                // Signs of life show that the thread has looked, the second one that it did so
                // after the commit.
                for (const size_t count : {2, 3}) {
                  clock.Advance(absl::Seconds(30));
                  REQUIRE(Eventually([&] { return sink->size() == count; }));
                }
                CHECK(sink->titles().empty());
                return absl::OkStatus();
              })
              .ok());
  REQUIRE(Eventually([&] { return sink->titles().size() == 2; }));
  CHECK(sink->titles() == Titles{"late", "early"});

  const std::string after_late = sink->messages()[3].cursor();
  auto resumed = Watch(other_replica, ada, after_late);
  REQUIRE(Eventually([&] { return resumed->titles() == Titles{"early"}; }));
}

TEST_CASE_METHOD(HubTest, "An eleventh stream of a user is refused, until one ends") {
  std::vector<std::shared_ptr<StreamRecorder>> open;
  open.reserve(10);
  for (int i = 0; i < 10; ++i) open.push_back(Watch(hub, ada));
  auto refused = std::make_shared<StreamRecorder>();
  const absl::Status status = Open(hub, ada, refused);
  CHECK(absl::IsResourceExhausted(status));
  CHECK(ReasonOf(status) == "TOO_MANY_STREAMS");
  CHECK(refused->size() == 0);
  Watch(hub, bob);

  open[3]->End();
  auto again = Watch(hub, ada);
  Notify(ada, "title");
  REQUIRE(Eventually([&] { return again->titles() == Titles{"title"}; }));
  CHECK(open[3]->titles().empty());
}

TEST_CASE_METHOD(HubTest, "Many at once get no more than ten streams") {
  constexpr int kThreads = 64;
  std::vector<std::shared_ptr<StreamRecorder>> sinks(kThreads);
  std::atomic<int> opened = 0;
  std::vector<std::thread> threads;
  for (auto& sink : sinks) {
    sink = std::make_shared<StreamRecorder>();
    threads.emplace_back([&] { opened += Open(hub, ada, sink).ok() ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  CHECK(opened == 10);
}

TEST_CASE_METHOD(HubTest, "A client that left before it was served counts no more") {
  for (int i = 0; i < 20; ++i) {
    auto sink = std::make_shared<StreamRecorder>();
    sink->End();
    CHECK(Open(hub, ada, sink).ok());
    CHECK(sink->size() == 0);
  }
}

// A client that takes a message and leaves at once.
class FleetingClient : public StreamRecorder {
 public:
  bool Write(std::string message) override {
    const bool written = StreamRecorder::Write(std::move(message));
    End();
    return written;
  }
};

TEST_CASE_METHOD(HubTest, "The thread rests when the last stream has ended") {
  const auto fed = [] { return absl::StrContains(observe::Expose(), "_notification_streams 1\n"); };
  auto sink = Watch(hub, ada);
  CHECK(fed());
  sink->End();
  CHECK_FALSE(fed());
  auto fleeting = std::make_shared<FleetingClient>();
  REQUIRE(Open(hub, ada, fleeting).ok());
  CHECK(fleeting->size() == 1);
  CHECK_FALSE(fed());
}

TEST_CASE_METHOD(HubTest, "A sign of life comes every 30 seconds") {
  auto sink = Watch(hub, ada);
  Notify(ada, "title");
  REQUIRE(Eventually([&] { return sink->size() == 2; }));
  for (size_t count = 3; count < 6; ++count) {
    clock.Advance(absl::Seconds(29));
    Notify(bob, "so that the thread has looked");
    clock.Advance(absl::Seconds(1));
    REQUIRE(Eventually([&] { return sink->size() == count; }));
    const auto sign = sink->messages().back();
    CHECK_FALSE(sign.has_notification());
    CHECK(*ParseCursor(sign.cursor()) >= *ParseCursor(sink->messages()[1].cursor()));
  }
}

TEST_CASE_METHOD(HubTest, "A cursor from the future is refused") {
  auto sink = std::make_shared<StreamRecorder>();
  CHECK(absl::IsInvalidArgument(Open(hub, ada, sink, "9000000000000-1")));
  CHECK(sink->size() == 0);
}

TEST_CASE_METHOD(HubTest, "A burst for many users reaches each of them") {
  constexpr int kUsers = 2'500;  // more than one query of the thread returns
  std::vector<std::string> users;
  std::vector<std::shared_ptr<StreamRecorder>> sinks;
  for (int i = 0; i < kUsers; ++i) {
    users.push_back(NewUuid(clock.Now()));
    sinks.push_back(Watch(hub, users.back()));
  }
  REQUIRE(database
              .Execute(R"(
                  insert into notifications (user_id, notification_id, kind, source_id, title, body,
                                             create_time)
                  select unnest(:users::uuid[]), gen_random_uuid(), 'game_updated',
                         gen_random_uuid(), 'title', '', now())",
                       users)
              .ok());
  for (const auto& sink : sinks) {
    REQUIRE(Eventually([&] { return sink->titles() == Titles{"title"}; }));
  }
}

// Writes notifications of which the first half of each pair commits after the second.
void WritePairs(Database& db, const std::vector<std::string>& users, int writer, int pairs,
                std::atomic<int>& failures) {
  for (int i = 0; i < pairs; ++i) {
    const std::string& user = users[(writer + i) % users.size()];
    absl::Status status = db.Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(Insert(tx, user, absl::StrCat(writer, " ", i, " late")));
      return db.Transact([&](Transaction& inner) {
        return Insert(inner, user, absl::StrCat(writer, " ", i, " early"));
      });
    });
    if (!status.ok()) ++failures;
  }
}

// Watches, leaves after some messages and comes back at another replica, until `expected`
// notifications came. Returns their titles.
Titles WatchInPieces(const std::vector<NotificationHub*>& replicas, const std::string& user,
                     const std::string& cursor_before, size_t expected, unsigned seed) {
  std::minstd_rand random(seed);
  Titles titles;
  std::string cursor = cursor_before;
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (titles.size() < expected && absl::Now() < deadline) {
    const size_t limit = 1 + random() % 20;
    auto sink = std::make_shared<StreamRecorder>(limit);
    if (!HubTest::Open(*replicas[random() % replicas.size()], user, sink, cursor).ok()) return {};
    Eventually(
        [&] { return sink->size() == limit || titles.size() + sink->titles().size() >= expected; });
    sink->End();
    cursor = sink->last_cursor();
    for (std::string& title : sink->titles()) titles.push_back(std::move(title));
  }
  return titles;
}

TEST_CASE_METHOD(HubTest, "Clients that come and go miss nothing and see nothing twice") {
  const int writers = GENERATE(2, 8);
  constexpr int kPairs = 48;
  constexpr unsigned kSeed = 20260301;
  const std::vector<std::string> users = {ada, bob, NewUuid(clock.Now()), NewUuid(clock.Now())};
  const size_t expected = writers * kPairs * 2 / users.size();
  Database pool({database.conninfo(), 40});
  auto opened = Watch(hub, ada);
  const std::string start = opened->last_cursor();
  opened->End();

  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  threads.reserve(writers);
  for (int i = 0; i < writers; ++i) {
    threads.emplace_back([&, i] { WritePairs(pool, users, i, kPairs, failures); });
  }
  std::vector<std::future<Titles>> clients;
  clients.reserve(users.size() * 2);
  for (size_t i = 0; i < users.size() * 2; ++i) {
    clients.push_back(std::async(std::launch::async, [&, i] {
      return WatchInPieces({&hub, &other_replica}, users[i % users.size()], start, expected,
                           kSeed + i);
    }));
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(failures == 0);
  for (auto& client : clients) {
    const Titles titles = client.get();
    CHECK(titles.size() == expected);
    CHECK(std::set<std::string>(titles.begin(), titles.end()).size() == expected);
  }
}

}  // namespace
}  // namespace playmesh::notification
