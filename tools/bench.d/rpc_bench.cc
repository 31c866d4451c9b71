// The two ends of the RPC comparison, each in a process of its own.
//
//   rpc_bench serve bare|adapter        prints its port, and serves until standard input ends
//   rpc_bench load PORT IN_FLIGHT SECONDS    prints the calls answered per second
//
// `bare` is what gRPC's generated code would do for a callback service that hands its calls to the
// same pool of threads: the same process model, without identity, permissions, field rules, metrics
// and the rest of the adapter.

#include <google/protobuf/stubs/common.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/impl/rpc_service_method.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/server.h"
#include "common/rpc/worker_pool.h"
#include "common/testing/testing.h"
#include "playmesh/testing/v1/testing_service.playmesh.h"

namespace playmesh {
namespace {

using namespace playmesh::testing::v1;  // NOLINT(google-build-using-namespace): the contract under
                                        // test

constexpr char kMethod[] = "/playmesh.testing.v1.TestingService/EchoPublic";
constexpr int kWorkers = 16;
constexpr int kQueueLimit = 4096;

class Echo : public TestingServiceBase {
 public:
  absl::StatusOr<EchoPublicResponse> EchoPublic(const Caller&,
                                                const EchoPublicRequest& request) override {
    EchoPublicResponse response;
    *response.mutable_thing() = request.thing();
    return response;
  }
  absl::StatusOr<EchoSignedInResponse> EchoSignedIn(const Caller&,
                                                    const EchoSignedInRequest&) override {
    return EchoSignedInResponse();
  }
  absl::StatusOr<EchoPermittedResponse> EchoPermitted(const Caller&,
                                                      const EchoPermittedRequest&) override {
    return EchoPermittedResponse();
  }
  absl::StatusOr<EchoInternalResponse> EchoInternal(const Caller&,
                                                    const EchoInternalRequest&) override {
    return EchoInternalResponse();
  }
  absl::Status WatchEcho(const Caller&, const WatchEchoRequest&,
                         rpc::ServerStream<WatchEchoResponse>) override {
    return absl::OkStatus();
  }
};

class Reactor : public grpc::ServerUnaryReactor {
  void OnDone() override { delete this; }
};

class BareService : public grpc::Service {
 public:
  BareService() : pool_(kWorkers, kQueueLimit) {
    AddMethod(new grpc::internal::RpcServiceMethod(kMethod, grpc::internal::RpcMethod::NORMAL_RPC,
                                                   nullptr));
    using Handler = grpc::internal::CallbackUnaryHandler<EchoPublicRequest, EchoPublicResponse>;
    MarkMethodCallback(
        0, new Handler([this](grpc::CallbackServerContext*, const EchoPublicRequest* request,
                              EchoPublicResponse* response) -> grpc::ServerUnaryReactor* {
          auto* reactor = new Reactor;
          pool_.Submit([=] {
            *response->mutable_thing() = request->thing();
            reactor->Finish(grpc::Status::OK);
          });
          return reactor;
        }));
  }

 private:
  rpc::WorkerPool pool_;
};

void ServeUntilInputEnds(int port) {
  std::cout << port << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
}

void ServeBare() {
  BareService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  ServeUntilInputEnds(port);
  server->Shutdown();
}

bool ServeAdapter() {
  const Clock clock;
  testing::TestKeys keys(clock);
  Echo service;
  rpc::Server server({.address = "127.0.0.1:0", .workers = kWorkers, .queue_limit = kQueueLimit},
                     keys.access(), keys.services(), clock);
  server.Add(service);
  if (!server.Start().ok()) return false;
  ServeUntilInputEnds(server.port());
  return true;
}

// Keeps calls in flight, each answer sending the next.
class Load {
 public:
  Load(int port, absl::Time end)
      : stub_(grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                                  grpc::InsecureChannelCredentials())),
        end_(end) {
    EchoPublicRequest request;
    request.mutable_thing()->set_thing_id("0190163d-8694-739b-aea5-966c26f8ad91");
    request.mutable_thing()->set_name("a thing");
    request_ = request.SerializeAsString();
  }

  void Run(int in_flight) {
    running_ = in_flight;
    for (int i = 0; i < in_flight; ++i) Next();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return running_ == 0; });
  }

  int64_t answered() const { return answered_; }
  int64_t failed() const { return failed_; }

 private:
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };

  void Next() {
    if (absl::Now() >= end_) {
      std::lock_guard lock(mutex_);
      if (--running_ == 0) ended_.notify_all();
      return;
    }
    auto* call = new Call;
    const grpc::Slice slice(request_);
    call->request = grpc::ByteBuffer(&slice, 1);
    call->context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    stub_.UnaryCall(&call->context, kMethod, grpc::StubOptions(), &call->request, &call->response,
                    [this, call](const grpc::Status& status) {
                      status.ok() ? ++answered_ : ++failed_;
                      delete call;
                      Next();
                    });
  }

  grpc::GenericStub stub_;
  const absl::Time end_;
  std::string request_;
  std::atomic<int64_t> answered_ = 0;
  std::atomic<int64_t> failed_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
};

int RunLoad(int port, int in_flight, double seconds) {
  const absl::Time start = absl::Now();
  Load load(port, start + absl::Seconds(seconds));
  load.Run(in_flight);
  std::cout << "{\"calls\": " << load.answered() << ", \"failed\": " << load.failed()
            << ", \"seconds\": " << absl::ToDoubleSeconds(absl::Now() - start) << "}" << std::endl;
  return load.failed() == 0 ? 0 : 1;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "serve") {
    if (arguments[1] == "bare") {
      ServeBare();
      return 0;
    }
    if (arguments[1] == "adapter") return ServeAdapter() ? 0 : 1;
  }
  if (arguments.size() == 4 && arguments[0] == "load") {
    return RunLoad(std::atoi(arguments[1].c_str()), std::atoi(arguments[2].c_str()),
                   std::atof(arguments[3].c_str()));
  }
  std::cerr << "usage: rpc_bench serve bare|adapter | load PORT IN_FLIGHT SECONDS\n";
  return 2;
}

}  // namespace
}  // namespace playmesh

int main(int argc, char** argv) { return playmesh::Main({argv + 1, argv + argc}); }
