#include "common/rpc/channel.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_method.h>

#include <algorithm>
#include <random>
#include <thread>

#include "common/context/context.h"
#include "common/log/log.h"
#include "common/rpc/convert.h"
#include "common/rpc/headers.h"
#include "common/status/status.h"

namespace playmesh::rpc {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(20);

// A missing key, a clock that is off, a release that does not know the RPC.
bool IsOurFault(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnimplemented(status);
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  // A peer that vanished without a word is noticed within half a minute.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct Channel::State {
  absl::Status CallOnce(const char* method, absl::Time deadline,
                        const google::protobuf::Message& request,
                        google::protobuf::Message& response);

  const ChannelOptions options;
  auth::ServiceSigner* const signer;
  const std::shared_ptr<grpc::Channel> channel;
};

Channel::Channel(const ChannelOptions& options, auth::ServiceSigner* signer)
    : state_(new State{options, signer, Connect(options.address)}) {}
Channel::~Channel() = default;

absl::Status Channel::State::CallOnce(const char* method, absl::Time deadline,
                                      const google::protobuf::Message& request,
                                      google::protobuf::Message& response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  const Context& current = CurrentContext();
  if (!current.request_id.empty()) context.AddMetadata(kRequestIdHeader, current.request_id);
  if (!current.trace.trace_id.empty())
    context.AddMetadata(kTraceparentHeader, current.trace.NewSpan().ToHeader());
  if (signer != nullptr) {
    ASSIGN_OR_RETURN(std::string token, signer->Token(options.service));
    context.AddMetadata(kServiceTokenHeader, token);
  }
  using Message = google::protobuf::MessageLite;
  const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  return FromGrpc(grpc::internal::BlockingUnaryCall<Message, Message, Message, Message>(
      channel.get(), rpc, &context, request, &response));
}

absl::Status Channel::CallInto(const char* method, const google::protobuf::Message& request,
                               google::protobuf::Message& response) {
  const absl::Time deadline =
      std::min(CurrentContext().deadline, absl::Now() + state_->options.timeout);
  absl::Duration backoff = kFirstBackoff;
  for (int attempt = 1;; ++attempt) {
    response.Clear();
    absl::Status status = state_->CallOnce(method, deadline, request, response);
    if (status.ok()) return status;
    if (!absl::IsUnavailable(status) || attempt >= state_->options.max_attempts ||
        absl::Now() + backoff >= deadline) {
      log::Warning("call failed", {{"callee", method}, {"attempt", attempt}, {"error", status}});
      return IsOurFault(status) ? absl::InternalError("a service refused another") : status;
    }
    static thread_local std::minstd_rand random(std::random_device{}());
    std::this_thread::sleep_for(
        absl::ToChronoMicroseconds(backoff * std::uniform_real_distribution<>(0.5, 1.0)(random)));
    backoff *= 3;
  }
}

}  // namespace playmesh::rpc
