// Calls to another service: with the caller's deadline, trace and request id, and this service's
// own identity.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/auth/tokens.h"

namespace playmesh::rpc {

struct ChannelOptions {
  // Name of the service, such as "catalog".
  std::string service;
  // gRPC's name of the target: "127.0.0.1:9001", "dns:///catalog.playmesh:9000".
  std::string address;
  // Longest call, when the current context has no nearer deadline.
  absl::Duration timeout = absl::Seconds(5);
  // Calls in all, when the target is UNAVAILABLE. Mutations between services are idempotent by
  // contract.
  int max_attempts = 3;
};

// Connections to one service. Thread-safe; connects when first used, and balances over all
// addresses of the name.
class Channel {
 public:
  // `signer` says who is calling and must outlive the channel; none for public RPCs only.
  Channel(const ChannelOptions& options, auth::ServiceSigner* signer);
  ~Channel();

  // Calls `method`, such as "/playmesh.catalog.v1.CatalogService/GetGame", and waits. Errors are
  // those of the other service, with their details, and are logged; but that this service may not
  // call it is no fault of the caller's, so UNAUTHENTICATED, PERMISSION_DENIED and UNIMPLEMENTED
  // become INTERNAL. Not inside a database transaction.
  template <typename Response>
  absl::StatusOr<Response> Call(const char* method, const google::protobuf::Message& request) {
    Response response;
    absl::Status status = CallInto(method, request, response);
    if (!status.ok()) return status;
    return response;
  }

 private:
  absl::Status CallInto(const char* method, const google::protobuf::Message& request,
                        google::protobuf::Message& response);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace playmesh::rpc
