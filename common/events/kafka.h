// Producers, consumers and headers: what relay and consumer share of librdkafka.
#pragma once

#include <librdkafka/rdkafkacpp.h>

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/events/event.h"

namespace playmesh::events {

// A configuration with `settings` (librdkafka's CONFIGURATION.md). INTERNAL when one is unknown.
absl::StatusOr<std::unique_ptr<RdKafka::Conf>> NewConf(
    const std::map<std::string, std::string>& settings);

// An idempotent producer that waits for all replicas and never gives up on a message by itself: so
// a later message of a key cannot overtake it. `deliveries` must outlive the producer.
absl::StatusOr<std::unique_ptr<RdKafka::Producer>> NewProducer(
    const std::string& brokers, RdKafka::DeliveryReportCb* deliveries);

// Queues one event as a CloudEvent. RESOURCE_EXHAUSTED when the queue stays full for ten seconds.
absl::Status Produce(RdKafka::Producer& producer, const std::string& topic, const EventInfo& info,
                     absl::string_view payload);

// Reads the CloudEvents headers of a message. INVALID_ARGUMENT when the id is no UUID or the type
// is missing.
absl::StatusOr<EventInfo> ReadHeaders(RdKafka::Message& message);

}  // namespace playmesh::events
