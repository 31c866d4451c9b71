// One open server stream.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/rpc/adapter.h"
#include "common/rpc/service.h"

namespace playmesh::rpc {

// gRPC's reactor and the handler's sink in one. Keeps itself alive until gRPC is done with it.
class StreamCall : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                   public StreamSink,
                   public std::enable_shared_from_this<StreamCall> {
 public:
  // Opens the stream on the adapter's pool.
  static std::shared_ptr<StreamCall> Open(MethodAdapter& adapter,
                                          grpc::CallbackServerContext& context,
                                          const grpc::ByteBuffer& request);
  StreamCall(MethodAdapter& adapter, grpc::CallbackServerContext& context)
      : adapter_(adapter), context_(context) {}

  bool Write(std::string message) override;
  void Finish(const absl::Status& status) override;
  void OnDone(std::function<void()> done) override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void FinishRaw(grpc::Status status);
  void Advance(std::unique_lock<std::mutex> lock);
  void EndAt(absl::Time expire);
  void CancelAt(absl::Time time);

  MethodAdapter& adapter_;
  grpc::CallbackServerContext& context_;  // lives until gRPC's OnDone
  std::shared_ptr<StreamCall> self_;
  std::mutex mutex_;
  std::deque<std::string> queue_;
  grpc::ByteBuffer writing_buffer_;
  bool writing_ = false;
  bool finished_ = false;  // Finish was handed to gRPC
  bool over_ = false;      // nobody listens any more
  std::optional<grpc::Status> ending_;
  std::vector<std::function<void()>> done_actions_;
  std::unique_ptr<grpc::Alarm> expiry_;  // of the caller's token
  std::unique_ptr<grpc::Alarm> give_up_;
};

}  // namespace playmesh::rpc
