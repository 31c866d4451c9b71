// What the generated base class of a service is made of: its methods, as the adapter sees them.
//
// Nobody writes these by hand: protoc-gen-playmesh registers one entry for each RPC. The adapter
// (adapter.h) finds who may call in the descriptor, so there is no second table.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/auth/caller.h"

namespace playmesh::rpc {

// The server's end of one stream, as the adapter implements it. Thread-safe.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // Queues a serialized message. False when the stream has ended or 1,000 messages are waiting,
  // which ends it with RESOURCE_EXHAUSTED (SLOW_CONSUMER); a client that does not take even that
  // is cut off (ServerOptions::slow_consumer_grace).
  virtual bool Write(std::string message) = 0;
  virtual void Finish(const absl::Status& status) = 0;
  virtual void OnDone(std::function<void()> done) = 0;
};

// A stream to a client. Copies are the same stream. The handler returns at once and keeps a copy;
// messages are written from any thread, later. The stream ends when the client leaves, the access
// token expires, or Finish is called.
template <typename Response>
class ServerStream {
 public:
  explicit ServerStream(std::shared_ptr<StreamSink> sink) : sink_(std::move(sink)) {}

  // False when the stream has ended; the message is then dropped.
  bool Write(const Response& response) { return sink_->Write(response.SerializeAsString()); }
  void Finish(const absl::Status& status) { sink_->Finish(status); }
  // Calls `done` once, when the stream has ended, whatever the cause; at once when it has ended
  // already.
  void OnDone(std::function<void()> done) { sink_->OnDone(std::move(done)); }

 private:
  std::shared_ptr<StreamSink> sink_;
};

// One RPC. Exactly one of the two handlers is set.
struct Method {
  std::string name;
  const google::protobuf::Message* request_type = nullptr;  // a default instance
  std::function<absl::Status(const Caller&, const google::protobuf::Message& request,
                             std::string& response)>
      unary;
  std::function<absl::Status(const Caller&, const google::protobuf::Message& request,
                             std::shared_ptr<StreamSink>)>
      stream;
};

class Service {
 public:
  virtual ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  const std::string& name() const { return name_; }
  const std::vector<Method>& methods() const { return methods_; }

 protected:
  explicit Service(std::string name) : name_(std::move(name)) {}

  template <typename Request, typename Response>
  void Unary(std::string name,
             std::function<absl::StatusOr<Response>(const Caller&, const Request&)> handler) {
    methods_.push_back({std::move(name), &Request::default_instance(),
                        [handler = std::move(handler)](const Caller& caller,
                                                       const google::protobuf::Message& request,
                                                       std::string& response) -> absl::Status {
                          auto result = handler(caller, static_cast<const Request&>(request));
                          if (!result.ok()) return result.status();
                          if (result->SerializeToString(&response)) return absl::OkStatus();
                          return absl::InternalError("the response does not serialize");
                        },
                        nullptr});
  }

  template <typename Request, typename Response>
  void Stream(
      std::string name,
      std::function<absl::Status(const Caller&, const Request&, ServerStream<Response>)> handler) {
    methods_.push_back({std::move(name), &Request::default_instance(), nullptr,
                        [handler = std::move(handler)](const Caller& caller,
                                                       const google::protobuf::Message& request,
                                                       std::shared_ptr<StreamSink> sink) {
                          return handler(caller, static_cast<const Request&>(request),
                                         ServerStream<Response>(std::move(sink)));
                        }});
  }

 private:
  const std::string name_;
  std::vector<Method> methods_;
};

}  // namespace playmesh::rpc
