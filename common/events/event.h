// An event as it travels: a CloudEvent 1.0 in Kafka's binary binding.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh::events {

// What is known about an event beside its message.
struct EventInfo {
  std::string event_id;     // ce_id: a UUID, the same at every delivery
  std::string source;       // ce_source: "/playmesh/catalog"
  std::string type;         // ce_type: "playmesh.catalog.v1.GameUpdated"
  std::string key;          // ce_subject and Kafka's key: the aggregate's id
  absl::Time time;          // ce_time: when it was written to the outbox
  std::string traceparent;  // W3C
};

// The topic on which a message type is published: its package, "playmesh.catalog.v1".
std::string TopicOf(const google::protobuf::Descriptor& type);

// The value of the field that the message's `event` option names as key. INTERNAL when the message
// is no event.
absl::StatusOr<std::string> KeyOf(const google::protobuf::Message& message);

}  // namespace playmesh::events
