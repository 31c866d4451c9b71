// One measurement of how fast an outbox is drained.
//
//   outbox_bench CONNINFO BROKERS TOPIC kafka|nowhere EVENTS
//
// `kafka` is the relay as services run it. `nowhere` is a loop of the same statements, which reads
// the same rows and moves the same cursor, and sends nothing. Prints seconds and events.

#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/db/database.h"
#include "common/db/migrate.h"
#include "common/events/outbox_cursor.h"
#include "common/events/relay.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"

namespace playmesh {
namespace {

constexpr int kEventsInTransaction = 10;
constexpr size_t kBatch = 10'000;  // as the relay sends
constexpr char kDrained[] =
    "select not exists (select from outbox where txid >= pg_snapshot_xmin((select sent from "
    "outbox_cursor)) and not pg_visible_in_snapshot(txid, (select sent from outbox_cursor)))";

// Transactions as a service would write them: a few events each, 300 bytes of payload.
absl::Status Fill(Database& db, int events) {
  for (int done = 0; done < events; done += kEventsInTransaction) {
    RETURN_IF_ERROR(db.Transact([&](Transaction& tx) {
      return tx.Execute(R"(
          insert into outbox (event_id, type, key, payload, traceparent)
          select gen_random_uuid(), 'playmesh.testing.v1.ThingHappened', (random() * 1000)::int::text,
                 convert_to(repeat('x', 300), 'UTF8'), '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
          from generate_series(1, :events))",
                        kEventsInTransaction);
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> DrainToNowhere(Database& db) {
  return db.Transact([&](Transaction& tx) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(
        tx.QueryOne<bool>("select pg_try_advisory_xact_lock(:lock)", events::kRelayLock));
    ASSIGN_OR_RETURN(events::OutboxCursor cursor, events::LoadCursor(tx));
    size_t rows = 0;
    do {
      ASSIGN_OR_RETURN(const auto read, events::ReadNext(tx, cursor, {}));
      rows += read.size();
    } while (cursor.open() && rows < kBatch);
    if (rows == 0) return false;
    RETURN_IF_ERROR(events::StoreCursor(tx, cursor));
    return true;
  });
}

absl::StatusOr<double> MeasureNowhere(Database& db, int events) {
  RETURN_IF_ERROR(Fill(db, events));
  const absl::Time start = absl::Now();
  while (true) {
    ASSIGN_OR_RETURN(const bool more, DrainToNowhere(db));
    if (!more) return absl::ToDoubleSeconds(absl::Now() - start);
  }
}

bool Drained(Database& db) {
  return testing::Eventually(
      [&] {
        auto done = db.Transact([](Transaction& tx) { return tx.QueryOne<bool>(kDrained); });
        return done.ok() && *done;
      },
      absl::Minutes(2));
}

// A relay runs for as long as its service, so it is measured once it is connected. It is kept
// waiting for its lock while the outbox fills.
absl::StatusOr<double> MeasureRelay(Database& db, const std::vector<std::string>& arguments,
                                    int events) {
  Database relay_db({arguments[0], 1});
  events::Relay relay(relay_db, {arguments[1], arguments[2], "/playmesh/testing"});
  relay.Start();
  RETURN_IF_ERROR(Fill(db, kEventsInTransaction));
  if (!Drained(db)) return absl::DeadlineExceededError("the relay did not drain the outbox");
  Database lock_db({arguments[0], 1});
  RETURN_IF_ERROR(lock_db.Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(
        tx.Query<std::string>("select pg_advisory_xact_lock(:lock)::text", events::kRelayLock));
    return Fill(db, events);
  }));
  const absl::Time start = absl::Now();
  relay.Wake();
  if (!Drained(db)) return absl::DeadlineExceededError("the relay did not drain the outbox");
  return absl::ToDoubleSeconds(absl::Now() - start);
}

absl::Status Measure(const std::vector<std::string>& arguments, int events) {
  RETURN_IF_ERROR(db::Migrate(arguments[0], "platform", PlatformMigrations()));
  Database db({arguments[0]});
  ASSIGN_OR_RETURN(const double seconds, arguments[3] == "nowhere"
                                             ? MeasureNowhere(db, events)
                                             : MeasureRelay(db, arguments, events));
  std::cout << "{\"events\": " << events << ", \"seconds\": " << seconds << "}" << std::endl;
  return absl::OkStatus();
}

int Main(const std::vector<std::string>& arguments) {
  int events = 0;
  if (arguments.size() != 5 || !absl::SimpleAtoi(arguments[4], &events)) {
    std::cerr << "usage: outbox_bench CONNINFO BROKERS TOPIC kafka|nowhere EVENTS\n";
    return 2;
  }
  absl::Status status = Measure(arguments, events);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}

}  // namespace

// The relay needs no migrations of a service.
std::span<const db::Migration> ServiceMigrations() { return {}; }

}  // namespace playmesh

int main(int argc, char** argv) { return playmesh::Main({argv + 1, argv + argc}); }
