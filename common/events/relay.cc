#include "common/events/relay.h"

#include <librdkafka/rdkafkacpp.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <tuple>

#include "common/context/context.h"
#include "common/events/kafka.h"
#include "common/log/log.h"
#include "common/observe/metrics.h"

namespace playmesh::events {
namespace {

// The rest of a batch is read while the broker is at work on these.
constexpr int kRowsInOneRead = 1000;
constexpr absl::Duration kIdleWithoutLock = absl::Seconds(1);
constexpr absl::Duration kMaxBackoff = absl::Seconds(5);
constexpr absl::Duration kBatchTimeout = absl::Minutes(5);
constexpr absl::Duration kMaintenanceInterval = absl::Hours(1);

struct OutboxRow {
  std::string txid, event_id, type, key, traceparent;
  int64_t outbox_id;
  std::string payload;
  absl::Time create_time;
};

// Up to where the outbox was read: (txid, outbox_id).
using Cursor = std::tuple<std::string, int64_t>;

// Counts what the broker has said of one batch.
class DeliveryCounter : public RdKafka::DeliveryReportCb {
 public:
  void dr_cb(RdKafka::Message& message) override {
    if (message.err() == RdKafka::ERR_NO_ERROR) {
      ++delivered;
    } else {
      ++failed;
      last_error = message.errstr();
    }
  }
  void Reset() { delivered = failed = 0; }
  int delivered = 0;
  int failed = 0;
  std::string last_error;
};

// The next rows after `after`, of transactions that nothing can join any more.
absl::StatusOr<std::vector<OutboxRow>> ReadAfter(Transaction& tx, const Cursor& after, int limit) {
  using Row = std::tuple<std::string, int64_t, std::string, std::string, std::string, db::Blob,
                         std::string, absl::Time>;
  ASSIGN_OR_RETURN(auto rows, tx.Query<Row>(R"(
      select txid, outbox_id, event_id, type, key, payload, traceparent, create_time
      from outbox
      where (txid, outbox_id) > (:txid::xid8, :outbox_id)
        and txid < pg_snapshot_xmin(pg_current_snapshot())
      order by txid, outbox_id
      limit :limit)",
                                            std::get<0>(after), std::get<1>(after), limit));
  std::vector<OutboxRow> batch;
  batch.reserve(rows.size());
  for (auto& [txid, id, event_id, type, key, payload, traceparent, time] : rows) {
    batch.push_back({txid, event_id, type, key, traceparent, id, std::move(payload.data), time});
  }
  return batch;
}

}  // namespace

struct Relay::State {
  State(Database& database, RelayOptions relay_options)
      : db(database), options(std::move(relay_options)) {}

  void Loop();
  absl::StatusOr<bool> SendBatch();
  absl::StatusOr<int> ProduceAfter(Transaction& tx, Cursor& cursor);
  void DropProducer();
  absl::Time StopBy() const { return absl::FromUnixMicros(stop_by_us); }
  absl::Status Await(int expected);
  absl::Status Maintain();
  bool Wait(absl::Duration duration);

  Database& db;
  const RelayOptions options;
  DeliveryCounter deliveries;
  std::unique_ptr<RdKafka::Producer> producer;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;
  std::atomic<bool> stopping = false;
  std::atomic<int64_t> stop_by_us = INT64_MAX;  // when a stop gives up on sending
  bool locked = false;                          // whether the last batch was ours to send
  absl::Time next_maintenance = absl::InfinitePast();
  prometheus::Counter& sent =
      observe::Counter("outbox_sent_total", "Events acknowledged by Kafka.");
  prometheus::Counter& failures =
      observe::Counter("outbox_failures_total", "Batches that could not be sent.");
  prometheus::Gauge& age =
      observe::Gauge("outbox_oldest_seconds", "Age of the oldest event of the last batch sent.");
};

Relay::Relay(Database& db, RelayOptions options)
    : state_(std::make_unique<State>(db, std::move(options))) {}

Relay::~Relay() { Stop(absl::ZeroDuration()); }

void Relay::Start() {
  state_->thread = std::thread([this] { state_->Loop(); });
}

void Relay::Stop(absl::Duration grace) {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->stopping) state_->stop_by_us = absl::ToUnixMicros(absl::Now() + grace);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

void Relay::Wake() {
  {
    std::lock_guard lock(state_->mutex);
    state_->woken = true;
  }
  state_->changed.notify_all();
}

// Waits until woken, stopped or `duration` has passed.
bool Relay::State::Wait(absl::Duration duration) {
  std::unique_lock lock(mutex);
  const bool signalled = changed.wait_for(lock, absl::ToChronoMicroseconds(duration),
                                          [&] { return woken || stopping.load(); });
  woken = false;
  return signalled;
}

void Relay::State::Loop() {
  absl::Duration backoff = absl::Milliseconds(50);
  while (true) {
    if (absl::Now() >= next_maintenance) {
      absl::Status maintained = Maintain();
      if (!maintained.ok()) log::Warning("outbox not maintained", {{"error", maintained}});
      next_maintenance = absl::Now() + kMaintenanceInterval;
    }
    absl::StatusOr<bool> more = SendBatch();
    if (stopping && (!more.ok() || !*more || absl::Now() >= StopBy())) return;
    if (!more.ok()) {
      failures.Increment();
      log::Warning("outbox not sent", {{"error", more.status()}});
      Wait(backoff);
      backoff = std::min(backoff * 2, kMaxBackoff);
      continue;
    }
    backoff = absl::Milliseconds(50);
    if (!*more) Wait(locked ? options.poll_interval : kIdleWithoutLock);
  }
}

// Sends one batch; true when there may be more.
absl::StatusOr<bool> Relay::State::SendBatch() {
  Context context;
  context.deadline = std::min(absl::Now() + kBatchTimeout, StopBy() + absl::Seconds(1));
  ScopedContext scope(context);
  return db.Transact([&](Transaction& tx) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(locked,
                     tx.QueryOne<bool>("select pg_try_advisory_xact_lock(:lock)", kRelayLock));
    if (!locked) return false;
    ASSIGN_OR_RETURN(Cursor cursor,
                     tx.QueryOne<Cursor>("select txid, outbox_id from outbox_cursor"));
    deliveries.Reset();
    absl::StatusOr<int> produced = ProduceAfter(tx, cursor);
    if (produced.ok() && *produced == 0) return false;
    absl::Status status = produced.ok() ? Await(*produced) : produced.status();
    if (!status.ok()) {
      DropProducer();
      return status;
    }
    RETURN_IF_ERROR(
        tx.Execute("update outbox_cursor set txid = :txid::xid8, outbox_id = :outbox_id",
                   std::get<0>(cursor), std::get<1>(cursor)));
    sent.Increment(*produced);
    return *produced >= options.batch_size;
  });
}

// Hands up to a batch of rows to the producer, reading some while the broker works on those before;
// moves `cursor` to the last. Returns how many.
absl::StatusOr<int> Relay::State::ProduceAfter(Transaction& tx, Cursor& cursor) {
  int produced = 0;
  while (produced < options.batch_size) {
    ASSIGN_OR_RETURN(const std::vector<OutboxRow> rows, ReadAfter(tx, cursor, kRowsInOneRead));
    if (producer == nullptr && !rows.empty()) {
      ASSIGN_OR_RETURN(producer, NewProducer(options.brokers, &deliveries));
    }
    for (const OutboxRow& row : rows) {
      const EventInfo info{row.event_id, options.source,  row.type,
                           row.key,      row.create_time, row.traceparent};
      RETURN_IF_ERROR(events::Produce(*producer, options.topic, info, row.payload));
    }
    if (!rows.empty()) {
      cursor = {rows.back().txid, rows.back().outbox_id};
      age.Set(absl::ToDoubleSeconds(absl::Now() - rows.front().create_time));
    }
    produced += static_cast<int>(rows.size());
    if (static_cast<int>(rows.size()) < kRowsInOneRead) break;
  }
  return produced;
}

// A producer with undelivered messages could still deliver them after the same batch was sent
// again: the next batch starts with a new one.
void Relay::State::DropProducer() {
  if (producer == nullptr) return;
  producer->purge(RdKafka::Producer::PURGE_QUEUE | RdKafka::Producer::PURGE_INFLIGHT);
  producer.reset();
}

// Waits for the broker's word on all messages.
absl::Status Relay::State::Await(int expected) {
  while (deliveries.delivered + deliveries.failed < expected) {
    producer->poll(10);
    const absl::Time now = absl::Now();
    if (now >= CurrentContext().deadline || now >= StopBy())
      return absl::UnavailableError("Kafka does not acknowledge");
  }
  return deliveries.failed == 0 ? absl::OkStatus() : absl::UnavailableError(deliveries.last_error);
}

// Makes the partitions of today and tomorrow, drops those that were sent and are old, and forgets
// old inbox rows and answers.
absl::Status Relay::State::Maintain() {
  return db.Transact([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const bool mine,
                     tx.QueryOne<bool>("select pg_try_advisory_xact_lock(:lock)", kRelayLock));
    if (!mine) return absl::OkStatus();
    RETURN_IF_ERROR(
        tx.Execute("select maintain_platform_tables(:retention_days)", options.retention_days));
    return absl::OkStatus();
  });
}

}  // namespace playmesh::events
