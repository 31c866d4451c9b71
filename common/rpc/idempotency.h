// Mutations that may be sent again (AIP-155): the same `request_id` and the same request get the
// same answer.
//
//   return db.Transact([&](Transaction& tx) -> absl::StatusOr<CreateOrderResponse> {
//     return rpc::Idempotent<CreateOrderResponse>(tx, caller, request, [&] { return Create(tx); });
//   });
#pragma once

#include <google/protobuf/message.h>

#include <functional>

#include "absl/status/statusor.h"
#include "common/auth/caller.h"
#include "common/db/database.h"

namespace playmesh::rpc {

// Runs `create` in `tx`, or fills `response` with what it answered when this request came before.
// The request's type has a `request_id`; when that is empty, `create` runs. INVALID_ARGUMENT
// (request_id) when it came with another request. A request that is under way in another
// transaction is waited for. Only success is kept: after an error the same id may try again.
absl::Status RunIdempotent(Transaction& tx, const Caller& caller,
                           const google::protobuf::Message& request,
                           google::protobuf::Message& response,
                           const std::function<absl::Status()>& create);

template <typename Response>
absl::StatusOr<Response> Idempotent(Transaction& tx, const Caller& caller,
                                    const google::protobuf::Message& request,
                                    const std::function<absl::StatusOr<Response>()>& create) {
  Response response;
  absl::Status status = RunIdempotent(tx, caller, request, response, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(response, create());
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

}  // namespace playmesh::rpc
