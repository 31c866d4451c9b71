#include <librdkafka/rdkafkacpp.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/events/consumer.h"
#include "common/events/kafka.h"
#include "common/events/outbox.h"
#include "common/events/outbox_cursor.h"
#include "common/events/relay.h"
#include "common/testing/testing.h"
#include "playmesh/testing/v1/testing_events.pb.h"

namespace playmesh {
namespace {

using testing::Eventually;
using testing::FakeClock;
using testing::MockKafka;
using testing::TestDatabase;
using testing::v1::ThingHappened;

constexpr char kTopic[] = "playmesh.testing.v1";
constexpr int kBatchSize = 7;

const db::Migration kSeen{1, "0001_create_seen", R"(
    create table seen (sequence bigserial primary key, thing_id text not null, number bigint not null);)"};

ThingHappened Event(const std::string& thing_id, int64_t number) {
  ThingHappened event;
  event.set_thing_id(thing_id);
  event.set_number(number);
  return event;
}

// A producer's side: database, outbox and relay.
struct Producer {
  explicit Producer(const MockKafka& kafka)
      : relay_db({database.conninfo(), 1}),
        relay(relay_db, {kafka.brokers(), kTopic, "/playmesh/testing", kBatchSize}),
        outbox(clock, [this] { relay.Wake(); }) {}

  absl::Status Publish(const ThingHappened& event) {
    return database.db().Transact([&](Transaction& tx) { return outbox.Add(tx, event); });
  }

  FakeClock clock;
  TestDatabase database;
  Database relay_db;
  events::Relay relay;
  Outbox outbox;
};

// A consumer's side: writes what it sees into a table.
struct Receiver {
  explicit Receiver(const MockKafka& kafka)
      : database({&kSeen, 1}),
        consumer(database.db(), {kafka.brokers(), "receiver", "receiver-1", 10,
                                 absl::Milliseconds(100), absl::Seconds(6)}) {
    consumer.On<ThingHappened>(&Receiver::See, this);
  }

  absl::Status See(Transaction& tx, const ThingHappened& event, const EventInfo& info) {
    if (event.number() < 0 && poison) return absl::InvalidArgumentError("negative");
    if (failures_left > 0 && failures_left-- > 0) return absl::UnavailableError("later");
    return AsStatus(tx.Execute("insert into seen (thing_id, number) values (:thing_id, :number)",
                               event.thing_id(), event.number()));
  }

  std::vector<int64_t> Numbers(const std::string& thing_id) {
    return database.Query<int64_t>(
        "select number from seen where thing_id = :thing_id order by sequence", thing_id);
  }
  int64_t Count() { return database.Query<int64_t>("select count(*) from seen").at(0); }

  TestDatabase database;
  Consumer consumer;
  std::atomic<int> failures_left = 0;
  std::atomic<bool> poison = true;
};

}  // namespace

TEST_CASE(
    "What is committed arrives once, in the order of its key; what is rolled back never does") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 3);
  Producer producer(kafka);
  Receiver receiver(kafka);
  producer.relay.Start();
  REQUIRE(receiver.consumer.Start().ok());
  for (int i = 0; i < 30; ++i) {
    for (const char* id : {"a", "b", "c"}) REQUIRE(producer.Publish(Event(id, i)).ok());
  }
  (void)producer.database.db().Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(producer.outbox.Add(tx, Event("never", 1)));
    return absl::CancelledError("rolled back");
  });
  REQUIRE(Eventually([&] { return receiver.Count() == 90; }));
  std::vector<int64_t> expected(30);
  for (int i = 0; i < 30; ++i) expected[i] = i;
  for (const char* id : {"a", "b", "c"}) CHECK(receiver.Numbers(id) == expected);
  CHECK(receiver.Numbers("never").empty());
}

TEST_CASE("A transaction that commits late is not skipped, and keeps its place") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  std::atomic<bool> early_done = false;
  std::thread late([&] {
    (void)producer.database.db().Transact([&](Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(producer.outbox.Add(tx, Event("late", 1)));
      Eventually([&] { return early_done.load(); });
      return absl::OkStatus();
    });
  });
  REQUIRE(Eventually([&] {
    return producer.database
               .Query<int64_t>(
                   "select count(*) from pg_stat_activity where state = 'idle in transaction' and "
                   "datname = current_database()")
               .at(0) > 0;
  }));
  for (int i = 0; i < 5; ++i) REQUIRE(producer.Publish(Event("early", i)).ok());
  early_done = true;
  late.join();
  CHECK(Eventually([&] { return receiver.Count() == 6; }));
  CHECK(receiver.Numbers("late") == std::vector<int64_t>{1});
}

TEST_CASE("Events of a key keep the order of their commits, whichever transaction began first") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  const auto publish_in_turn = [&](Transaction& tx, const std::function<absl::Status()>& before) {
    RETURN_IF_ERROR(tx.QueryOne<std::string>("select pg_current_xact_id()").status());
    RETURN_IF_ERROR(before());
    return producer.outbox.Add(tx, Event("a", 2));
  };
  // The first to begin, and one that is under way all the while.
  absl::Status status = producer.database.db().Transact([&](Transaction& tx) {
    return publish_in_turn(tx, [&] {
      return producer.database.db().Transact([&](Transaction& between) -> absl::Status {
        RETURN_IF_ERROR(between.QueryOne<std::string>("select pg_current_xact_id()").status());
        RETURN_IF_ERROR(producer.Publish(Event("a", 0)));
        return producer.Publish(Event("a", 1));
      });
    });
  });
  REQUIRE(status.ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 3; }));
  CHECK(receiver.Numbers("a") == std::vector<int64_t>{0, 1, 2});
}

TEST_CASE("A batch that is just as long as the backlog is not the last") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  for (int i = 0; i < kBatchSize; ++i) REQUIRE(producer.Publish(Event("a", i)).ok());
  producer.relay.Start();
  REQUIRE(Eventually([&] { return receiver.Count() == kBatchSize; }));
  REQUIRE(producer.Publish(Event("a", kBatchSize)).ok());
  CHECK(Eventually([&] { return receiver.Count() == kBatchSize + 1; }));
}

TEST_CASE("A read ends with the event that fills it, and the next goes on after it") {
  MockKafka kafka;
  Producer producer(kafka);
  for (int i = 0; i < 3; ++i) REQUIRE(producer.Publish(Event("a", i)).ok());
  absl::Status status = producer.database.db().Transact([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(events::OutboxCursor cursor, events::LoadCursor(tx));
    for (int i = 0; i < 3; ++i) {
      ASSIGN_OR_RETURN(const auto rows, events::ReadNext(tx, cursor, {.bytes = 1}));
      REQUIRE(rows.size() == 1);
      CHECK(rows[0].payload == Event("a", i).SerializeAsString());
    }
    ASSIGN_OR_RETURN(const auto rows, events::ReadNext(tx, cursor, {.bytes = 1}));
    CHECK(rows.empty());
    return absl::OkStatus();
  });
  CHECK(status.ok());
}

TEST_CASE("A transaction that stays open holds nobody up") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  absl::Status status = producer.database.db().Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(producer.outbox.Add(tx, Event("slow", 1)));
    RETURN_IF_ERROR(producer.Publish(Event("quick", 1)));
    CHECK(Eventually([&] { return receiver.Numbers("quick").size() == 1; }));
    return absl::OkStatus();
  });
  REQUIRE(status.ok());
  CHECK(Eventually([&] { return receiver.Numbers("slow").size() == 1; }));
}

TEST_CASE("While Kafka is away events wait, and arrive once when it is back") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 2);
  Producer producer(kafka);
  Receiver receiver(kafka);
  producer.relay.Start();
  REQUIRE(receiver.consumer.Start().ok());
  REQUIRE(producer.Publish(Event("a", 0)).ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 1; }));
  kafka.SetDown(true);
  for (int i = 1; i < 20; ++i) REQUIRE(producer.Publish(Event("a", i)).ok());
  kafka.SetDown(false);
  REQUIRE(Eventually([&] { return receiver.Count() == 20; }, absl::Seconds(30)));
  std::vector<int64_t> expected(20);
  for (int i = 0; i < 20; ++i) expected[i] = i;
  CHECK(receiver.Numbers("a") == expected);
}

TEST_CASE("An event that is sent twice takes effect once") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  for (int i = 0; i < 10; ++i) REQUIRE(producer.Publish(Event("a", i)).ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 10; }));
  // A relay that crashed before it moved the cursor sends everything again.
  REQUIRE(
      producer.database.Execute("update outbox_cursor set sent = '1:1:', reading = '1:1:'").ok());
  REQUIRE(producer.Publish(Event("a", 10)).ok());
  REQUIRE(Eventually([&] { return receiver.Numbers("a").size() == 11; }));
  CHECK(receiver.Numbers("a").back() == 10);
  CHECK(receiver.Count() == 11);
}

TEST_CASE("Two relays do not send anything twice") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Database second_db({producer.database.conninfo(), 1});
  events::Relay second(second_db, {kafka.brokers(), kTopic, "/playmesh/testing"});
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  second.Start();
  for (int i = 0; i < 50; ++i) REQUIRE(producer.Publish(Event("a", i)).ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 50; }));
  const std::vector<int64_t> numbers = receiver.Numbers("a");
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("A transient error holds the partition, and nothing is lost or reordered") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  receiver.failures_left = 5;
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  for (int i = 0; i < 10; ++i) REQUIRE(producer.Publish(Event("a", i)).ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 10; }));
  std::vector<int64_t> expected(10);
  for (int i = 0; i < 10; ++i) expected[i] = i;
  CHECK(receiver.Numbers("a") == expected);
}

TEST_CASE("A poison event goes to dead letters, the partition goes on, and replay handles it") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  producer.relay.Start();
  for (int i : {0, 1, -1, 2}) REQUIRE(producer.Publish(Event("a", i)).ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 3; }));
  CHECK(receiver.Numbers("a") == std::vector<int64_t>{0, 1, 2});
  auto reasons = receiver.database.Query<std::string>("select reason from dead_letters");
  REQUIRE(reasons.size() == 1);
  CHECK(reasons[0].find("negative") != std::string::npos);

  CHECK(receiver.consumer.Replay().value().handled == 0);
  CHECK(receiver.database.Query<int64_t>("select count(*) from dead_letters").at(0) == 1);
  receiver.poison = false;
  CHECK(receiver.consumer.Replay().value().handled == 1);
  CHECK(receiver.Numbers("a").back() == -1);
  CHECK(receiver.database.Query<int64_t>("select count(*) from dead_letters").at(0) == 0);
}

TEST_CASE(
    "A message that is no CloudEvent goes to dead letters, whatever its bytes; the next one is "
    "handled") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Receiver receiver(kafka);
  REQUIRE(receiver.consumer.Start().ok());
  class Reports : public RdKafka::DeliveryReportCb {
    void dr_cb(RdKafka::Message&) override {}
  } reports;
  auto producer = events::NewProducer(kafka.brokers(), &reports);
  REQUIRE(producer.ok());
  const std::string junk = "junk";
  const std::string key("\xff\0", 2);
  REQUIRE((*producer)->produce(kTopic, 0, RdKafka::Producer::RK_MSG_COPY,
                               const_cast<char*>(junk.data()), junk.size(), key.data(), key.size(),
                               0, nullptr) == RdKafka::ERR_NO_ERROR);
  const events::EventInfo unknown{NewUuid(absl::Now()),
                                  "/playmesh/testing",
                                  "playmesh.testing.v1.Unknown",
                                  "k",
                                  absl::Now(),
                                  ""};
  REQUIRE(events::Produce(**producer, kTopic, unknown, junk).ok());
  const events::EventInfo malformed{NewUuid(absl::Now()),
                                    "/playmesh/testing",
                                    "playmesh.testing.v1.ThingHappened",
                                    "k",
                                    absl::Now(),
                                    ""};
  REQUIRE(events::Produce(**producer, kTopic, malformed, "\xff\xff").ok());
  const events::EventInfo good{NewUuid(absl::Now()),
                               "/playmesh/testing",
                               "playmesh.testing.v1.ThingHappened",
                               "k",
                               absl::Now(),
                               ""};
  REQUIRE(events::Produce(**producer, kTopic, good, Event("k", 1).SerializeAsString()).ok());
  (*producer)->flush(5000);
  CHECK(Eventually([&] { return receiver.Count() == 1; }));
  CHECK(receiver.database.Query<int64_t>("select count(*) from dead_letters").at(0) == 2);
}

TEST_CASE("An event in front of one that is no CloudEvent is not passed over when both must wait") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Receiver receiver(kafka);
  receiver.failures_left = 3;
  class Reports : public RdKafka::DeliveryReportCb {
    void dr_cb(RdKafka::Message&) override {}
  } reports;
  auto producer = events::NewProducer(kafka.brokers(), &reports);
  REQUIRE(producer.ok());
  const events::EventInfo good{NewUuid(absl::Now()),
                               "/playmesh/testing",
                               "playmesh.testing.v1.ThingHappened",
                               "k",
                               absl::Now(),
                               ""};
  REQUIRE(events::Produce(**producer, kTopic, good, Event("k", 1).SerializeAsString()).ok());
  std::string junk = "junk";
  REQUIRE((*producer)->produce(kTopic, 0, RdKafka::Producer::RK_MSG_COPY, junk.data(), junk.size(),
                               nullptr, 0, 0, nullptr) == RdKafka::ERR_NO_ERROR);
  (*producer)->flush(5000);
  REQUIRE(receiver.consumer.Start().ok());
  CHECK(Eventually([&] {
    return receiver.database.Query<int64_t>("select count(*) from dead_letters").at(0) == 1;
  }));
  CHECK(receiver.Count() == 1);
}

TEST_CASE("A dead letter that has taken effect meanwhile is not replayed") {
  MockKafka kafka;
  Receiver receiver(kafka);
  const std::string id = NewUuid(absl::Now());
  const std::string payload = Event("k", 1).SerializeAsString();
  const events::EventInfo info{id,  "/playmesh/testing", "playmesh.testing.v1.ThingHappened",
                               "k", absl::Now(),         ""};
  REQUIRE(receiver.consumer.Deliver(info, payload).ok());
  REQUIRE(receiver.database
              .Execute(R"(
      insert into dead_letters (event_id, source, type, key, payload, traceparent, event_time, topic,
                                partition, kafka_offset, reason)
      values (:id, '', :type, 'k', :payload, '', now(), 't', 0, 0, 'r'))",
                       id, info.type, db::Bytes{payload})
              .ok());
  CHECK(receiver.consumer.Replay().value().handled == 1);
  CHECK(receiver.Count() == 1);
}

TEST_CASE("A consumer that restarts goes on where it was") {
  MockKafka kafka;
  kafka.CreateTopic(kTopic, 1);
  Producer producer(kafka);
  Receiver receiver(kafka);
  producer.relay.Start();
  REQUIRE(receiver.consumer.Start().ok());
  REQUIRE(producer.Publish(Event("a", 1)).ok());
  REQUIRE(Eventually([&] { return receiver.Count() == 1; }));
  receiver.consumer.Stop();
  REQUIRE(producer.Publish(Event("a", 2)).ok());
  Consumer next(receiver.database.db(), {kafka.brokers(), "receiver", "receiver-1", 10,
                                         absl::Milliseconds(100), absl::Seconds(6)});
  next.On<ThingHappened>(&Receiver::See, &receiver);
  REQUIRE(next.Start().ok());
  CHECK(Eventually([&] { return receiver.Count() == 2; }, absl::Seconds(20)));
}

TEST_CASE("Maintenance drops partitions that are sent and old, and keeps what is not sent") {
  TestDatabase database;
  REQUIRE(database
              .Execute("create table outbox_20200101 partition of outbox for values from "
                       "('2020-01-01') to ('2020-01-02')")
              .ok());
  REQUIRE(
      database
          .Execute(R"(insert into outbox (create_time, event_id, type, key, payload, traceparent)
                              values ('2020-01-01 12:00+00', gen_random_uuid(), 't', 'k', '', ''))")
          .ok());
  const std::string maintain = "select maintain_outbox_partitions(2)::text";
  REQUIRE(database.Query<std::string>(maintain).size() == 1);
  CHECK(database.Query<int64_t>("select count(*) from outbox_20200101") == std::vector<int64_t>{1});
  REQUIRE(database.Execute("update outbox_cursor set sent = pg_current_snapshot()").ok());
  REQUIRE(database.Query<std::string>(maintain).size() == 1);
  CHECK(database.Query<bool>("select to_regclass('outbox_20200101') is null") ==
        std::vector<bool>{true});
}

TEST_CASE("Old answers and receipts are forgotten in steps, and young ones are kept") {
  TestDatabase database;
  REQUIRE(database
              .Execute(R"(insert into inbox (event_id, receive_time)
                          select gen_random_uuid(), now() - interval '1 day' * age
                          from generate_series(29, 33) age)")
              .ok());
  const std::string forget = "select forget_old_rows(2, 2)";
  CHECK(database.Query<bool>(forget) == std::vector<bool>{true});
  CHECK(database.Query<bool>(forget) == std::vector<bool>{true});
  CHECK(database.Query<bool>(forget) == std::vector<bool>{false});
  CHECK(database.Query<int64_t>("select count(*) from inbox") == std::vector<int64_t>{1});
}

TEST_CASE("An event that Kafka would refuse is refused when it is written") {
  MockKafka kafka;
  Producer producer(kafka);
  absl::Status status = producer.Publish(Event(std::string(1'000'000, 'x'), 1));
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace playmesh
