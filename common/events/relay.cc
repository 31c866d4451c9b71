#include "common/events/relay.h"

#include <librdkafka/rdkafkacpp.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/context/context.h"
#include "common/events/kafka.h"
#include "common/events/outbox_cursor.h"
#include "common/log/log.h"
#include "common/observe/metrics.h"

namespace playmesh::events {
namespace {

constexpr int64_t kMaxBatchBytes = 16 << 20;
constexpr absl::Duration kIdleWithoutLock = absl::Seconds(1);
constexpr absl::Duration kMaxBackoff = absl::Seconds(5);
constexpr absl::Duration kBatchTimeout = absl::Minutes(5);
constexpr absl::Duration kMaintenanceInterval = absl::Hours(1);
// When there is more to do, or it did not work.
constexpr absl::Duration kNextMaintenanceStep = absl::Seconds(5);
constexpr int kRowsForgottenAtOnce = 10'000;

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

}  // namespace

struct Relay::State {
  State(Database& database, RelayOptions relay_options)
      : db(database), options(std::move(relay_options)) {}

  void Loop();
  absl::StatusOr<bool> SendBatch();
  absl::StatusOr<int> ProduceNext(Transaction& tx, OutboxCursor& cursor);
  void DropProducer();
  absl::Time StopBy() const { return absl::FromUnixMicros(stop_by_us); }
  absl::Status Await(int expected);
  absl::StatusOr<bool> Maintain();
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
      absl::StatusOr<bool> more = Maintain();
      if (!more.ok()) log::Warning("outbox not maintained", {{"error", more.status()}});
      const bool done = more.ok() && !*more;
      next_maintenance = absl::Now() + (done ? kMaintenanceInterval : kNextMaintenanceStep);
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
    ASSIGN_OR_RETURN(const OutboxCursor before, LoadCursor(tx));
    OutboxCursor cursor = before;
    deliveries.Reset();
    absl::StatusOr<int> produced = ProduceNext(tx, cursor);
    if (produced.ok() && cursor == before) return false;
    absl::Status status = produced.ok() ? Await(*produced) : produced.status();
    if (!status.ok()) {
      DropProducer();
      return status;
    }
    RETURN_IF_ERROR(StoreCursor(tx, cursor));
    sent.Increment(*produced);
    return cursor.open();
  });
}

// Hands a batch of rows to the producer, reading some while the broker works on those before.
// Returns how many.
absl::StatusOr<int> Relay::State::ProduceNext(Transaction& tx, OutboxCursor& cursor) {
  ReadLimit limit;
  limit.rows = std::min(limit.rows, options.batch_size);
  int produced = 0;
  int64_t bytes = 0;
  do {
    ASSIGN_OR_RETURN(const std::vector<OutboxRow> rows, ReadNext(tx, cursor, limit));
    if (producer == nullptr && !rows.empty()) {
      ASSIGN_OR_RETURN(producer, NewProducer(options.brokers, &deliveries));
    }
    for (const OutboxRow& row : rows) {
      const EventInfo info{row.event_id, options.source,  row.type,
                           row.key,      row.create_time, row.traceparent};
      RETURN_IF_ERROR(events::Produce(*producer, options.topic, info, row.payload));
      bytes += static_cast<int64_t>(row.payload.size());
    }
    if (!rows.empty()) age.Set(absl::ToDoubleSeconds(absl::Now() - rows.front().create_time));
    produced += static_cast<int>(rows.size());
  } while (cursor.open() && produced < options.batch_size && bytes < kMaxBatchBytes);
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

// One limited step of it, so that events do not wait for it. True when there may be more to do.
absl::StatusOr<bool> Relay::State::Maintain() {
  const auto step = [&](const std::function<absl::StatusOr<bool>(Transaction&)>& work) {
    return db.Transact([&](Transaction& tx) -> absl::StatusOr<bool> {
      ASSIGN_OR_RETURN(const bool mine,
                       tx.QueryOne<bool>("select pg_try_advisory_xact_lock(:lock)", kRelayLock));
      return mine ? work(tx) : false;
    });
  };
  ASSIGN_OR_RETURN(const bool more, step([&](Transaction& tx) {
                     return tx.QueryOne<bool>("select forget_old_rows(:retention_days, :limit)",
                                              options.retention_days, kRowsForgottenAtOnce);
                   }));
  RETURN_IF_ERROR(step([&](Transaction& tx) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(
        tx.Execute("select maintain_outbox_partitions(:retention_days)", options.retention_days));
    return true;
  }));
  return more;
}

}  // namespace playmesh::events
