#include "common/events/consumer.h"

#include <librdkafka/rdkafkacpp.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/utf8.h"
#include "common/context/context.h"
#include "common/events/kafka.h"
#include "common/log/log.h"
#include "common/observe/metrics.h"

namespace playmesh {
namespace {

constexpr int kPollTimeoutMs = 100;
constexpr absl::Duration kBatchDeadline = absl::Seconds(30);
constexpr int kSeekTimeoutMs = 1000;
constexpr int kReplayBatch = 100;

// A message as taken from Kafka. `info` is set when it is for us.
struct Delivery {
  std::unique_ptr<RdKafka::Message> message;
  EventInfo info;
  absl::Status malformed;  // why it is no CloudEvent

  absl::string_view payload() const {
    return {static_cast<const char*>(message->payload()), message->len()};
  }
};

using Partition = std::pair<std::string, int32_t>;

// Headers and keys come from outside and may be any bytes, which a text column would refuse.
std::string Printable(const std::string& bytes) {
  const bool text = IsUtf8(bytes) && bytes.find('\0') == std::string::npos;
  return text ? bytes : absl::CHexEscape(bytes);
}

}  // namespace

struct Consumer::State {
  State(Database& database, ConsumerOptions consumer_options)
      : db(database), options(std::move(consumer_options)) {}

  absl::Status Join();
  void Rejoin();
  void Loop();
  std::vector<std::unique_ptr<RdKafka::Message>> Poll();
  bool IsPaused(const RdKafka::Message& message) const;
  static Delivery Read(std::unique_ptr<RdKafka::Message> message);
  void HandleBatch(std::vector<std::unique_ptr<RdKafka::Message>> messages);
  absl::Status HandleTogether(std::vector<Delivery>& deliveries);
  bool HandleOne(const Delivery& delivery);
  absl::Status Handle(Transaction& tx, absl::string_view payload, const EventInfo& info);
  absl::Status Bury(const Delivery& delivery, const absl::Status& reason);
  void Done(RdKafka::Message& message);
  void Hold(RdKafka::Message& message, const absl::Status& error);
  void ResumeHeld();

  Database& db;
  const ConsumerOptions options;
  absl::flat_hash_map<std::string, Handler> handlers;  // by event type
  std::set<std::string> topics;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer;
  std::thread thread;
  std::atomic<bool> stopping = false;
  bool fatal = false;  // the client is of no more use

  // Partitions that wait before a transient error is tried again.
  struct Held {
    absl::Time until;
    absl::Duration backoff;
    bool paused;
    int64_t offset;  // of the message to try again
  };
  std::map<Partition, Held> held;

  prometheus::Counter& handled =
      observe::Counter("events_handled_total", "Events that took effect.");
  prometheus::Counter& duplicates =
      observe::Counter("events_duplicate_total", "Events that had been handled before.");
  prometheus::Counter& retries =
      observe::Counter("events_retried_total", "Transient errors of event handlers.");
  prometheus::Counter& dead =
      observe::Counter("events_dead_total", "Events put into dead letters.");
};

Consumer::Consumer(Database& db, ConsumerOptions options)
    : state_(std::make_unique<State>(db, std::move(options))) {}

Consumer::~Consumer() { Stop(); }

void Consumer::Add(const google::protobuf::Descriptor& type, Handler handler) {
  state_->handlers[type.full_name()] = std::move(handler);
  state_->topics.insert(events::TopicOf(type));
}

absl::Status Consumer::Start() {
  if (state_->topics.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(state_->Join());
  state_->thread = std::thread([this] { state_->Loop(); });
  return absl::OkStatus();
}

// Joins the group with a new client.
absl::Status Consumer::State::Join() {
  fatal = false;
  held.clear();
  // Redeliveries are harmless, so the group may start from the beginning of a topic that it has not
  // read before.
  ASSIGN_OR_RETURN(
      auto conf,
      events::NewConf(
          {{"bootstrap.servers", options.brokers},
           {"group.id", options.group},
           {"group.instance.id", options.instance_id},
           {"auto.offset.reset", "earliest"},
           {"enable.auto.commit", "true"},
           {"auto.commit.interval.ms", "1000"},
           {"enable.auto.offset.store", "false"},
           {"partition.assignment.strategy", "range"},
           {"session.timeout.ms", absl::StrCat(absl::ToInt64Milliseconds(options.session_timeout))},
           {"heartbeat.interval.ms", "500"},
           {"fetch.wait.max.ms", "100"},
           {"reconnect.backoff.ms", "50"},
           {"reconnect.backoff.max.ms", "1000"},
           {"topic.metadata.refresh.interval.ms", "10000"},
           {"queued.max.messages.kbytes", "4096"},
           {"log_level", "3"}}));
  std::string error;
  consumer.reset(RdKafka::KafkaConsumer::create(conf.get(), error));
  if (consumer == nullptr) return absl::UnavailableError(error);
  const RdKafka::ErrorCode code =
      consumer->subscribe(std::vector<std::string>(topics.begin(), topics.end()));
  if (code != RdKafka::ERR_NO_ERROR) return absl::UnavailableError(RdKafka::err2str(code));
  return absl::OkStatus();
}

void Consumer::Stop() {
  state_->stopping = true;
  if (state_->thread.joinable()) state_->thread.join();
}

void Consumer::State::Loop() {
  while (!stopping) {
    if (fatal) {
      Rejoin();
      continue;
    }
    ResumeHeld();
    auto messages = Poll();
    if (!messages.empty()) HandleBatch(std::move(messages));
  }
  if (consumer != nullptr) consumer->close();
}

// A client that had a fatal error, such as being fenced while the broker restarted, never works
// again; another takes its place. What it had read and not committed comes again.
void Consumer::State::Rejoin() {
  if (consumer != nullptr) consumer->close();
  absl::Status joined = Join();
  if (joined.ok()) return;
  log::Error("cannot join the group again", {{"error", joined}});
  fatal = true;
  std::this_thread::sleep_for(absl::ToChronoMilliseconds(options.max_backoff));
}

// What has arrived: waits for the first message only.
std::vector<std::unique_ptr<RdKafka::Message>> Consumer::State::Poll() {
  std::vector<std::unique_ptr<RdKafka::Message>> messages;
  while (static_cast<int>(messages.size()) < options.batch_size) {
    std::unique_ptr<RdKafka::Message> message(
        consumer->consume(messages.empty() ? kPollTimeoutMs : 0));
    if (message->err() == RdKafka::ERR_NO_ERROR) {
      messages.push_back(std::move(message));
      continue;
    }
    if (message->err() != RdKafka::ERR__TIMED_OUT &&
        message->err() != RdKafka::ERR__PARTITION_EOF) {
      log::Warning("Kafka", {{"error", message->errstr()}});
      fatal |= message->err() == RdKafka::ERR__FATAL;
    }
    break;
  }
  return messages;
}

void Consumer::State::HandleBatch(std::vector<std::unique_ptr<RdKafka::Message>> messages) {
  std::vector<Delivery> deliveries;
  for (auto& message : messages) {
    // What was fetched before a pause comes again after the seek.
    if (IsPaused(*message)) continue;
    deliveries.push_back(Read(std::move(message)));
  }
  if (deliveries.empty()) return;
  if (HandleTogether(deliveries).ok()) {
    for (Delivery& delivery : deliveries) Done(*delivery.message);
    return;
  }
  for (const Delivery& delivery : deliveries) {
    if (IsPaused(*delivery.message)) continue;
    if (HandleOne(delivery)) Done(*delivery.message);
  }
}

bool Consumer::State::IsPaused(const RdKafka::Message& message) const {
  auto found = held.find({message.topic_name(), message.partition()});
  return found != held.end() && found->second.paused;
}

// A message that is no CloudEvent can never be handled, but somebody should see it: it gets an id
// of its own, and its turn, so that the offset does not run ahead of the messages before it.
Delivery Consumer::State::Read(std::unique_ptr<RdKafka::Message> message) {
  absl::StatusOr<EventInfo> info = events::ReadHeaders(*message);
  if (info.ok()) return {std::move(message), *std::move(info), absl::OkStatus()};
  const std::string place =
      absl::StrCat(message->topic_name(), "/", message->partition(), "/", message->offset());
  EventInfo unreadable;
  unreadable.event_id = DerivedUuid("00000000-0000-0000-0000-000000000000", place);
  unreadable.key = message->key() ? *message->key() : "";
  unreadable.time = absl::Now();
  return {std::move(message), std::move(unreadable), info.status()};
}

// All of a batch in one transaction: the usual case, and much cheaper.
absl::Status Consumer::State::HandleTogether(std::vector<Delivery>& deliveries) {
  Context context;
  context.deadline = absl::Now() + kBatchDeadline;
  ScopedContext scope(context);
  for (const Delivery& delivery : deliveries) RETURN_IF_ERROR(delivery.malformed);
  int64_t fresh_count = 0;
  int64_t known_count = 0;
  absl::Status status = db.Transact([&](Transaction& tx) -> absl::Status {
    std::vector<std::string> ids;
    for (const Delivery& delivery : deliveries) {
      if (handlers.contains(delivery.info.type)) ids.push_back(delivery.info.event_id);
    }
    if (ids.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(std::vector<std::string> inserted, tx.Query<std::string>(R"(
        insert into inbox (event_id) select distinct unnest(:ids::uuid[]) on conflict do nothing returning event_id)",
                                                                              ids));
    absl::flat_hash_set<std::string> fresh(inserted.begin(), inserted.end());
    fresh_count = static_cast<int64_t>(fresh.size());
    known_count = static_cast<int64_t>(ids.size()) - fresh_count;
    for (const Delivery& delivery : deliveries) {
      if (fresh.erase(delivery.info.event_id) == 0) continue;
      RETURN_IF_ERROR(Handle(tx, delivery.payload(), delivery.info));
    }
    return absl::OkStatus();
  });
  if (status.ok()) {
    handled.Increment(static_cast<double>(fresh_count));
    duplicates.Increment(static_cast<double>(known_count));
  }
  return status;
}

// Whether the event is done with, one way or the other.
bool Consumer::State::HandleOne(const Delivery& delivery) {
  Context context;
  context.deadline = absl::Now() + kBatchDeadline;
  ScopedContext scope(context);
  bool fresh = true;
  absl::Status status = delivery.malformed;
  if (status.ok() && handlers.contains(delivery.info.type)) {
    status = db.Transact([&](Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(
          const int64_t inserted,
          tx.Execute("insert into inbox (event_id) values (:event_id) on conflict do nothing",
                     delivery.info.event_id));
      fresh = inserted == 1;
      return fresh ? Handle(tx, delivery.payload(), delivery.info) : absl::OkStatus();
    });
  }
  const bool dies = !status.ok() && !IsTransient(status);
  if (dies) status = Bury(delivery, status);
  if (!status.ok()) {
    Hold(*delivery.message, status);
    return false;
  }
  if (!dies) (fresh ? handled : duplicates).Increment();
  return true;
}

absl::Status Consumer::State::Handle(Transaction& tx, absl::string_view payload,
                                     const EventInfo& info) {
  auto handler = handlers.find(info.type);
  if (handler == handlers.end()) return absl::OkStatus();
  Context context;
  context.deadline = CurrentContext().deadline;
  context.method = info.type;
  context.request_id = info.event_id;
  context.trace = TraceContext::FromHeader(info.traceparent).NewSpan();
  ScopedContext scope(context);
  try {
    return handler->second(tx, payload, info);
  } catch (const std::exception& e) {
    log::Error("event handler threw", {{"error", e.what()}});
    return absl::InternalError("exception");
  }
}

absl::Status Consumer::State::Bury(const Delivery& delivery, const absl::Status& reason) {
  const EventInfo& info = delivery.info;
  absl::Status status = db.Transact([&](Transaction& tx) -> absl::Status {
    return AsStatus(tx.Execute(
        R"(
        insert into dead_letters (event_id, source, type, key, payload, traceparent, event_time, topic, partition,
                                  kafka_offset, reason)
        values (:event_id, :source, :type, :key, :payload, :traceparent, :event_time, :topic, :partition, :kafka_offset,
                :reason)
        on conflict do nothing)",
        info.event_id, Printable(info.source), Printable(info.type), Printable(info.key),
        db::Bytes{delivery.payload()}, Printable(info.traceparent),
        std::clamp(info.time, absl::UnixEpoch(), absl::Now()), delivery.message->topic_name(),
        delivery.message->partition(), delivery.message->offset(), reason.ToString()));
  });
  if (status.ok()) {
    dead.Increment();
    log::Error("event put into dead letters",
               {{"event_id", info.event_id}, {"type", info.type}, {"reason", reason}});
  }
  // Whatever refused the row, the event is not done with.
  return status.ok() ? status : absl::UnavailableError(status.message());
}

// The partition goes on after the message, and the next error starts from a short pause again.
void Consumer::State::Done(RdKafka::Message& message) {
  held.erase({message.topic_name(), message.partition()});
  std::unique_ptr<RdKafka::TopicPartition> partition(RdKafka::TopicPartition::create(
      message.topic_name(), message.partition(), message.offset() + 1));
  std::vector<RdKafka::TopicPartition*> offsets = {partition.get()};
  // Fails when the partition was taken away meanwhile: its next owner sees the event again and
  // finds it in the inbox.
  consumer->offsets_store(offsets);
}

// Pauses the partition, and goes back to the message.
void Consumer::State::Hold(RdKafka::Message& message, const absl::Status& error) {
  Held& hold = held[{message.topic_name(), message.partition()}];
  hold.backoff = hold.backoff == absl::ZeroDuration()
                     ? absl::Milliseconds(50)
                     : std::min(hold.backoff * 2, options.max_backoff);
  hold.until = absl::Now() + hold.backoff;
  hold.paused = true;
  retries.Increment();
  log::Warning("event is tried again", {{"topic", message.topic_name()},
                                        {"partition", message.partition()},
                                        {"offset", message.offset()},
                                        {"pause_ms", hold.backoff},
                                        {"error", error}});
  std::unique_ptr<RdKafka::TopicPartition> partition(
      RdKafka::TopicPartition::create(message.topic_name(), message.partition(), message.offset()));
  std::vector<RdKafka::TopicPartition*> partitions = {partition.get()};
  consumer->pause(partitions);
  hold.offset = message.offset();
}

void Consumer::State::ResumeHeld() {
  for (auto& [partition, hold] : held) {
    if (!hold.paused || absl::Now() < hold.until) continue;
    std::unique_ptr<RdKafka::TopicPartition> resumed(
        RdKafka::TopicPartition::create(partition.first, partition.second, hold.offset));
    const RdKafka::ErrorCode code = consumer->seek(*resumed, kSeekTimeoutMs);
    if (code == RdKafka::ERR__STATE || code == RdKafka::ERR__UNKNOWN_PARTITION) {
      hold.paused = false;  // another replica has it now
      continue;
    }
    if (code != RdKafka::ERR_NO_ERROR) {
      hold.until =
          absl::Now() + hold.backoff;  // without the seek, the message would be passed over
      continue;
    }
    std::vector<RdKafka::TopicPartition*> partitions = {resumed.get()};
    consumer->resume(partitions);
    hold.paused = false;
  }
}

absl::Status Consumer::Deliver(const EventInfo& info, absl::string_view payload) {
  return state_->db.Transact([&](Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(
        const int64_t inserted,
        tx.Execute("insert into inbox (event_id) values (:event_id) on conflict do nothing",
                   info.event_id));
    return inserted == 1 ? state_->Handle(tx, payload, info) : absl::OkStatus();
  });
}

absl::StatusOr<Consumer::Replayed> Consumer::Replay() {
  using Letter = std::tuple<std::string, std::string, std::string, std::string, db::Blob,
                            std::string, absl::Time, absl::Time>;
  Replayed replayed{0, 0};
  absl::Time after = absl::UnixEpoch();
  std::string after_id = "00000000-0000-0000-0000-000000000000";
  while (true) {
    ASSIGN_OR_RETURN(auto letters, state_->db.Transact([&](Transaction& tx) {
      return tx.Query<Letter>(R"(
          select event_id, source, type, key, payload, traceparent, event_time, create_time
          from dead_letters where (create_time, event_id) > (:after, :after_id)
          order by create_time, event_id limit :limit)",
                              after, after_id, kReplayBatch);
    }));
    if (letters.empty()) return replayed;
    for (const auto& [event_id, source, type, key, payload, traceparent, event_time, create_time] :
         letters) {
      after = create_time;
      after_id = event_id;
      ++replayed.still_dead;
      if (!state_->handlers.contains(type)) continue;  // a release that knows the type may come
      const EventInfo info{event_id, source, type, key, event_time, traceparent};
      absl::Status status = Deliver(info, payload.data);
      if (status.ok()) {
        status = AsStatus(state_->db.Transact([&](Transaction& tx) {
          return tx.Execute("delete from dead_letters where event_id = :event_id", event_id);
        }));
      }
      if (status.ok()) {
        ++replayed.handled;
        --replayed.still_dead;
      }
      log::Info("dead letter replayed",
                {{"event_id", event_id}, {"type", type}, {"result", status}});
    }
  }
}

}  // namespace playmesh
