#include "common/events/outbox.h"

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/context/context.h"
#include "common/events/event.h"

namespace playmesh {
namespace {

// Kafka takes a megabyte with headers (its message.max.bytes), and one event that it refuses would
// hold up all that come after it.
constexpr size_t kMaxPayloadBytes = 900'000;

}  // namespace

absl::Status Outbox::Add(Transaction& tx, const google::protobuf::Message& event) {
  ASSIGN_OR_RETURN(const std::string key, events::KeyOf(event));
  const std::string payload = event.SerializeAsString();
  if (payload.size() > kMaxPayloadBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event of ", payload.size(), " bytes is more than Kafka takes"));
  }
  const TraceContext& trace = CurrentContext().trace;
  RETURN_IF_ERROR(tx.Execute(
      R"(
      insert into outbox (event_id, type, key, payload, traceparent)
      values (:event_id, :type, :key, :payload, :traceparent))",
      NewUuid(clock_.Now()), event.GetDescriptor()->full_name(), key, db::Bytes{payload},
      trace.trace_id.empty() ? TraceContext::FromHeader("").ToHeader() : trace.ToHeader()));
  tx.OnCommit(on_commit_);
  return absl::OkStatus();
}

}  // namespace playmesh
