#include "common/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/impl/rpc_service_method.h>

#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/rpc/adapter.h"
#include "common/rpc/stream_call.h"

namespace playmesh::rpc {
namespace {

constexpr int kMaxConcurrentStreamsPerConnection = 20'000;

class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  void OnDone() override { delete this; }
};

// The streams that are open, so that a drain can end them.
class OpenStreams {
 public:
  void Add(const std::shared_ptr<StreamCall>& call) {
    const StreamCall* key = call.get();
    {
      std::lock_guard lock(mutex_);
      calls_[key] = call;
    }
    static_cast<StreamSink&>(*call).OnDone([this, key] {
      std::lock_guard lock(mutex_);
      calls_.erase(key);
    });
  }

  void FinishAll(const absl::Status& status) {
    std::vector<std::shared_ptr<StreamCall>> open;
    {
      std::lock_guard lock(mutex_);
      for (const auto& [key, weak] : calls_) {
        if (auto call = weak.lock()) open.push_back(std::move(call));
      }
    }
    for (const auto& call : open) call->Finish(status);
  }

 private:
  std::mutex mutex_;
  absl::flat_hash_map<const StreamCall*, std::weak_ptr<StreamCall>> calls_;
};

// Hands gRPC the methods of a service as raw bytes, with the same calls that gRPC's generated code
// makes. Raw, because a request that does not parse must name its field, which gRPC's own parsing
// cannot; and because one adapter then serves all types.
class RawService : public grpc::Service {
 public:
  RawService(const rpc::Service& service, AdapterDeps& deps, OpenStreams& streams) {
    for (const Method& method : service.methods()) {
      adapters_.push_back(std::make_unique<MethodAdapter>(service, method, deps));
      const int index = static_cast<int>(adapters_.size()) - 1;
      method.unary ? AddUnary(index, *adapters_.back())
                   : AddStream(index, *adapters_.back(), streams);
    }
  }

 private:
  using Buffer = grpc::ByteBuffer;

  void AddUnary(int index, MethodAdapter& adapter) {
    AddMethod(new grpc::internal::RpcServiceMethod(adapter.path().c_str(),
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(
        index, new grpc::internal::CallbackUnaryHandler<Buffer, Buffer>(
                   [&adapter](grpc::CallbackServerContext* context, const Buffer* request,
                              Buffer* response) -> grpc::ServerUnaryReactor* {
                     auto* call = new UnaryCall;
                     const bool accepted = adapter.deps().pool.Submit(
                         [=, &adapter, made = adapter.MakeContext(*context)]() mutable {
                           call->Finish(adapter.RunUnary(std::move(made), *request, *response));
                         });
                     if (!accepted) call->Finish(adapter.Refuse());
                     return call;
                   }));
  }

  void AddStream(int index, MethodAdapter& adapter, OpenStreams& streams) {
    AddMethod(new grpc::internal::RpcServiceMethod(
        adapter.path().c_str(), grpc::internal::RpcMethod::SERVER_STREAMING, nullptr));
    MarkMethodRawCallback(
        index,
        new grpc::internal::CallbackServerStreamingHandler<Buffer, Buffer>(
            [&adapter, &streams](grpc::CallbackServerContext* context,
                                 const Buffer* request) -> grpc::ServerWriteReactor<Buffer>* {
              auto call = StreamCall::Open(adapter, *context, *request);
              streams.Add(call);
              return call.get();
            }));
  }

  std::vector<std::unique_ptr<MethodAdapter>> adapters_;
};

}  // namespace

struct Server::State {
  const ServerOptions options;
  WorkerPool pool;
  AdapterDeps deps;
  OpenStreams streams;
  std::vector<std::unique_ptr<RawService>> services;
  std::unique_ptr<grpc::Server> server;
  int port = 0;

  State(ServerOptions server_options, auth::AccessVerifier& access, auth::ServiceVerifier& verifier,
        const Clock& clock)
      : options(std::move(server_options)),
        pool(options.workers, options.queue_limit),
        deps{options, access, verifier, clock, pool} {}
};

Server::Server(ServerOptions options, auth::AccessVerifier& access, auth::ServiceVerifier& services,
               const Clock& clock)
    : state_(std::make_unique<State>(std::move(options), access, services, clock)) {}

Server::~Server() { Stop(absl::ZeroDuration()); }

void Server::Add(Service& service) {
  state_->services.push_back(std::make_unique<RawService>(service, state_->deps, state_->streams));
}

absl::Status Server::Start() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(state_->options.address, grpc::InsecureServerCredentials(),
                           &state_->port);
  builder.SetMaxReceiveMessageSize(state_->options.max_request_bytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreamsPerConnection);
  // Lets peers ping often enough to notice a dead connection.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  for (auto& service : state_->services) builder.RegisterService(service.get());
  state_->server = builder.BuildAndStart();
  if (state_->server == nullptr || state_->port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", state_->options.address, ": is the port taken?"));
  }
  SetServing(false);
  return absl::OkStatus();
}

int Server::port() const { return state_->port; }

void Server::SetServing(bool serving) {
  if (state_->server != nullptr) state_->server->GetHealthCheckService()->SetServingStatus(serving);
}

void Server::Stop(absl::Duration grace) {
  if (state_->server == nullptr) return;
  SetServing(false);
  state_->streams.FinishAll(absl::UnavailableError("this server is going away: reconnect"));
  state_->server->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  state_->server->Wait();
  state_->pool.Stop();
  state_->server.reset();
}

}  // namespace playmesh::rpc
