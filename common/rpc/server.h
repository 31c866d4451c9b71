// The shared adapter: everything between the wire and a handler, written once.
//
// For each call, in this order: identity of the caller, permission, parsing, field rules, handler;
// around it deadline, trace, log line, metrics, status conversion and a catch-all. Handlers run on
// a bounded pool; when its queue is full, a call is refused at once with RESOURCE_EXHAUSTED and
// RetryInfo.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/auth/tokens.h"
#include "common/base/clock.h"
#include "common/rpc/service.h"

namespace playmesh::rpc {

struct ServerOptions {
  // Where to listen: "127.0.0.1:9001"; port 0 takes any.
  std::string address;
  // Handlers at work at the same time.
  int workers = 16;
  // Calls that wait for a worker.
  int queue_limit = 512;
  // Open server streams; past it RESOURCE_EXHAUSTED.
  int max_streams = 20'000;
  // How long a stream's client that reads too slowly has to take that error, before it is cut off.
  absl::Duration slow_consumer_grace = absl::Seconds(10);
  // For calls without a deadline, and the longest that a caller may ask for.
  absl::Duration default_timeout = absl::Seconds(10);
  absl::Duration max_timeout = absl::Seconds(60);
  int max_request_bytes = 1024 * 1024;
};

// A gRPC server with health (grpc.health.v1) and reflection. Starts as NOT_SERVING.
class Server {
 public:
  // The verifiers and the clock must outlive the server.
  Server(ServerOptions options, auth::AccessVerifier& access, auth::ServiceVerifier& services,
         const Clock& clock);
  ~Server();

  // Before Start. The service must outlive the server.
  void Add(Service& service);
  // UNAVAILABLE when the address is taken.
  absl::Status Start();
  // The port that Start took.
  int port() const;
  void SetServing(bool serving);
  // Ends streams with UNAVAILABLE, lets running calls finish for up to `grace`, then cancels them.
  void Stop(absl::Duration grace);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace playmesh::rpc
