#include "common/events/outbox.h"

#include "common/base/random.h"
#include "common/context/context.h"
#include "common/events/event.h"

namespace playmesh {

absl::Status Outbox::Add(Transaction& tx, const google::protobuf::Message& event) {
  ASSIGN_OR_RETURN(const std::string key, events::KeyOf(event));
  const std::string payload = event.SerializeAsString();
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
