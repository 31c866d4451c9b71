// Sends the outbox to Kafka: every event at least once, those of one key in the order of their
// commits.
//
// One relay of a service works at a time, under an advisory lock; the replicas' relays wait for it.
// The cursor (outbox_cursor.h) moves only after the broker has acknowledged all of a batch, so a
// crash sends a batch again and the consumers' inboxes drop the repetition. The order holds for
// events whose writers hold a lock on what the key names, as handlers do: of those that do not wait
// for each other neither is first.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/db/database.h"

namespace playmesh::events {

// The advisory lock of the relay that works; any number that nothing else locks.
inline constexpr int64_t kRelayLock = 720175;

struct RelayOptions {
  std::string brokers;  // "host:port,…"
  std::string topic;    // "playmesh.catalog.v1"
  std::string source;   // "/playmesh/catalog"
  // Events sent before the broker's word on all of them is waited for.
  int batch_size = 10'000;
  // How often to look without being woken: rows that another replica wrote.
  absl::Duration poll_interval = absl::Milliseconds(50);
  // How long rows are kept after they were sent, in whole days.
  int retention_days = 2;
};

class Relay {
 public:
  // `db` must outlive the relay.
  Relay(Database& db, RelayOptions options);
  ~Relay();

  // Begins to send, on a thread of its own.
  void Start();
  // Sends what is committed, for `grace` at most, and ends.
  void Stop(absl::Duration grace);
  // There is something to send. Cheap; thread-safe.
  void Wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace playmesh::events
