// Between absl::Status and gRPC's, details included.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace playmesh::rpc {

// What a caller may see: INTERNAL, UNKNOWN and DATA_LOSS become "internal error", all others go as
// they are. Details travel in grpc-status-details-bin as google.rpc.Status.
grpc::Status ToGrpc(const absl::Status& status);

absl::Status FromGrpc(const grpc::Status& status);

}  // namespace playmesh::rpc
