// The inside of the server: one MethodAdapter for each RPC does all that stands between bytes and
// handler. See server.h.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "common/auth/tokens.h"
#include "common/base/clock.h"
#include "common/context/context.h"
#include "common/observe/metrics.h"
#include "common/rpc/server.h"
#include "common/rpc/service.h"
#include "common/rpc/worker_pool.h"
#include "playmesh/options/v1/options.pb.h"

namespace grpc {
class CallbackServerContext;
}

namespace playmesh::rpc {

// What all methods of a server share.
struct AdapterDeps {
  const ServerOptions& options;
  auth::AccessVerifier& access;
  auth::ServiceVerifier& services;
  const Clock& clock;
  WorkerPool& pool;
  std::atomic<int> open_streams = 0;
};

class MethodAdapter {
 public:
  // `method` and `deps` must outlive the adapter.
  MethodAdapter(const Service& service, const Method& method, AdapterDeps& deps);

  // "/playmesh.catalog.v1.CatalogService/GetGame".
  const std::string& path() const { return path_; }
  const Method& method() const { return method_; }
  AdapterDeps& deps() const { return deps_; }

  // What is known of a call before its handler runs. Headers are copied, the deadline is capped.
  Context MakeContext(const grpc::CallbackServerContext& call) const;

  // Runs one unary call on the current thread.
  grpc::Status RunUnary(Context context, const grpc::ByteBuffer& request,
                        grpc::ByteBuffer& response);
  // Runs the opening of a stream; OK leaves it open. `expire` is set to the end of the caller's
  // token.
  grpc::Status RunStream(Context context, const grpc::ByteBuffer& request,
                         std::shared_ptr<StreamSink> sink, absl::Time& expire);
  // Refuses a call that found no worker.
  grpc::Status Refuse();

 private:
  absl::StatusOr<Caller> Authenticate(const Context& context) const;
  absl::Status Authorize(const Caller& caller) const;
  // All up to the handler, the handler, and the conversion of whatever comes out of it.
  template <typename Handler>
  grpc::Status Run(Context context, const grpc::ByteBuffer& request, Handler handler);
  grpc::Status Conclude(const absl::Status& status, absl::Time start);

  const Method& method_;
  AdapterDeps& deps_;
  const std::string path_;
  options::v1::Access access_;
  prometheus::Histogram& latency_;
  std::array<prometheus::Counter*, 17> by_code_;  // by gRPC's status code
};

}  // namespace playmesh::rpc
