// The only way to publish an event: a row, in the transaction that makes it true.
#pragma once

#include <google/protobuf/message.h>

#include <functional>

#include "common/base/clock.h"
#include "common/db/database.h"

namespace playmesh {

// Writes events beside the rows that they tell of. Thread-safe.
class Outbox {
 public:
  // `on_commit` is called after a transaction with events has committed, to wake the relay.
  explicit Outbox(
      const Clock& clock, std::function<void()> on_commit = [] {})
      : clock_(clock), on_commit_(std::move(on_commit)) {}

  // Publishes `event`, a message with the option `event`, once `tx` commits; never, when it does
  // not. INVALID_ARGUMENT when it has more than 900,000 bytes.
  absl::Status Add(Transaction& tx, const google::protobuf::Message& event);

 private:
  const Clock& clock_;
  std::function<void()> on_commit_;
};

}  // namespace playmesh
