// Receives events: each takes effect once, those of one key in order.
//
//   void LibraryEvents::Register(Consumer& consumer) {
//     consumer.On<PurchaseCompleted>(&LibraryEvents::GrantLicenses, this);
//   }
//   absl::Status LibraryEvents::GrantLicenses(Transaction& tx, const PurchaseCompleted& event,
//                                             const EventInfo& info) { … }
//
// A handler's effect and the inbox row commit together, then the offset is stored: a redelivery has
// no effect. A transient error (see IsTransient) is tried again with backoff and holds the
// partition; any other puts the event into `dead_letters` with the reason, and the partition goes
// on; `--replay` handles dead letters again. Types without a handler are skipped, so producers may
// add.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/db/database.h"
#include "common/events/event.h"

namespace playmesh {

using events::EventInfo;  // NOLINT: stands in every consumer

struct ConsumerOptions {
  std::string brokers;      // "host:port,…"
  std::string group;        // the service's name
  std::string instance_id;  // static membership: the same for a replica over its restarts
  // Events in one transaction; one that fails sends the others through one by one.
  int batch_size = 100;
  // Longest pause before a transient error is tried again.
  absl::Duration max_backoff = absl::Seconds(5);
  // After this long without a sign of life, the broker gives a replica's partitions to others.
  absl::Duration session_timeout = absl::Seconds(10);
};

class Consumer {
 public:
  // `db` must outlive the consumer.
  Consumer(Database& db, ConsumerOptions options);
  ~Consumer();

  // Calls `(object->*handler)(tx, event, info)` for each event of type Event. Before Start.
  template <typename Event, typename T>
  void On(absl::Status (T::*handler)(Transaction&, const Event&, const EventInfo&), T* object) {
    Add(*Event::descriptor(),
        [=](Transaction& tx, absl::string_view payload, const EventInfo& info) -> absl::Status {
          Event event;
          if (!event.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
            return absl::InvalidArgumentError("the payload does not parse");
          }
          return (object->*handler)(tx, event, info);
        });
  }

  // Begins to receive, on a thread of its own. Nothing happens when no handler was added.
  absl::Status Start();
  // Finishes the batch under way, stores its offsets and leaves the group.
  void Stop();

  // Handles one event as a delivery would: once, whatever the number of calls. For tests, and for
  // what else delivers.
  absl::Status Deliver(const EventInfo& info, absl::string_view payload);

  struct Replayed {
    int handled;
    int still_dead;  // failed again, or of a type without a handler
  };
  // Handles all dead letters again, oldest first; those that succeed are no longer dead.
  absl::StatusOr<Replayed> Replay();

 private:
  using Handler =
      std::function<absl::Status(Transaction&, absl::string_view payload, const EventInfo&)>;
  void Add(const google::protobuf::Descriptor& type, Handler handler);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace playmesh
