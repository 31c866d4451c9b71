#include "common/rpc/idempotency.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "common/base/random.h"

namespace playmesh::rpc {
namespace {

// Maps and unknown fields in a fixed order, so that the same request has the same hash.
std::string Serialize(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

}  // namespace

absl::Status RunIdempotent(Transaction& tx, const Caller& caller,
                           const google::protobuf::Message& request,
                           google::protobuf::Message& response,
                           const std::function<absl::Status()>& create) {
  const auto* type = request.GetDescriptor();
  const std::string request_id =
      request.GetReflection()->GetString(request, type->FindFieldByName("request_id"));
  if (request_id.empty()) return create();

  const std::string hash = Sha256(Serialize(request));
  ASSIGN_OR_RETURN(const int64_t inserted,
                   tx.Execute(R"(
      insert into idempotency_keys (subject, method, request_id, request_hash)
      values (:subject, :method, :request_id, :request_hash) on conflict do nothing)",
                              caller.subject(), type->full_name(), request_id, db::Bytes{hash}));
  if (inserted == 0) {
    using Kept = std::tuple<db::Blob, db::Blob>;
    ASSIGN_OR_RETURN(const Kept kept,
                     tx.QueryOne<Kept>(R"(
        select request_hash, response from idempotency_keys
        where subject = :subject and method = :method and request_id = :request_id)",
                                       caller.subject(), type->full_name(), request_id));
    if (std::get<0>(kept).data != hash)
      return InvalidField("request_id", "was used for another request");
    if (!response.ParseFromString(std::get<1>(kept).data))
      return absl::InternalError("a kept answer does not parse");
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(create());
  const std::string answer = Serialize(response);
  return AsStatus(tx.Execute(R"(
      update idempotency_keys set response = :response
      where subject = :subject and method = :method and request_id = :request_id)",
                             db::Bytes{answer}, caller.subject(), type->full_name(), request_id));
}

}  // namespace playmesh::rpc
