#include "common/events/kafka.h"

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/log/log.h"
#include "common/status/status.h"

namespace playmesh::events {
namespace {

constexpr absl::Duration kQueueFullTimeout = absl::Seconds(10);

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// Puts librdkafka's own lines among ours.
class LogLines : public RdKafka::EventCb {
 public:
  void event_cb(RdKafka::Event& event) override {
    if (event.type() != RdKafka::Event::EVENT_LOG && event.type() != RdKafka::Event::EVENT_ERROR)
      return;
    log::Warning("Kafka", {{"detail", event.str()}});
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<RdKafka::Conf>> NewConf(
    const std::map<std::string, std::string>& settings) {
  std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  static LogLines log_lines;
  std::string error;
  conf->set("event_cb", &log_lines, error);
  for (const auto& [name, value] : settings) {
    if (conf->set(name, value, error) != RdKafka::Conf::CONF_OK) {
      return absl::InternalError(absl::StrCat("Kafka setting ", name, ": ", error));
    }
  }
  return conf;
}

absl::StatusOr<std::unique_ptr<RdKafka::Producer>> NewProducer(
    const std::string& brokers, RdKafka::DeliveryReportCb* deliveries) {
  ASSIGN_OR_RETURN(auto conf, NewConf({{"bootstrap.servers", brokers},
                                       {"enable.idempotence", "true"},
                                       {"acks", "all"},
                                       {"linger.ms", "0.5"},
                                       {"compression.codec", "lz4"},
                                       {"message.timeout.ms", "0"},
                                       {"reconnect.backoff.ms", "50"},
                                       {"reconnect.backoff.max.ms", "1000"},
                                       {"log_level", "3"}}));
  std::string error;
  if (conf->set("dr_cb", deliveries, error) != RdKafka::Conf::CONF_OK)
    return absl::InternalError(error);
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(conf.get(), error));
  if (producer == nullptr) return absl::UnavailableError(error);
  return producer;
}

absl::Status Produce(RdKafka::Producer& producer, const std::string& topic, const EventInfo& info,
                     absl::string_view payload) {
  const absl::Time deadline = absl::Now() + kQueueFullTimeout;
  while (true) {
    std::unique_ptr<RdKafka::Headers> headers(RdKafka::Headers::create());
    headers->add("ce_specversion", "1.0");
    headers->add("ce_id", info.event_id);
    headers->add("ce_source", info.source);
    headers->add("ce_type", info.type);
    headers->add("ce_subject", info.key);
    headers->add("ce_time", Rfc3339(info.time));
    headers->add("traceparent", info.traceparent);
    headers->add("content-type", "application/protobuf");
    const RdKafka::ErrorCode code =
        producer.produce(topic, RdKafka::Topic::PARTITION_UA, RdKafka::Producer::RK_MSG_COPY,
                         const_cast<char*>(payload.data()), payload.size(), info.key.data(),
                         info.key.size(), absl::ToUnixMillis(info.time), headers.get(), nullptr);
    if (code == RdKafka::ERR_NO_ERROR) {
      [[maybe_unused]] auto* owned_by_the_message = headers.release();
      return absl::OkStatus();
    }
    if (code != RdKafka::ERR__QUEUE_FULL) return absl::UnavailableError(RdKafka::err2str(code));
    if (absl::Now() >= deadline) return absl::ResourceExhaustedError("Kafka's send queue is full");
    producer.poll(100);
  }
}

absl::StatusOr<EventInfo> ReadHeaders(RdKafka::Message& message) {
  auto header = [&](const char* name) -> std::string {
    if (message.headers() == nullptr) return "";
    RdKafka::Headers::Header last = message.headers()->get_last(name);
    if (last.err() != RdKafka::ERR_NO_ERROR || last.value() == nullptr) return "";
    return std::string(static_cast<const char*>(last.value()), last.value_size());
  };
  EventInfo info{header("ce_id"),
                 header("ce_source"),
                 header("ce_type"),
                 message.key() ? *message.key() : "",
                 absl::FromUnixMillis(message.timestamp().timestamp),
                 header("traceparent")};
  if (!IsUuid(info.event_id)) return absl::InvalidArgumentError("the ce_id header is no UUID");
  if (info.type.empty()) return absl::InvalidArgumentError("the ce_type header is missing");
  std::string error;
  absl::ParseTime("%Y-%m-%dT%H:%M:%E*SZ", header("ce_time"), &info.time, &error);
  return info;
}

}  // namespace playmesh::events
