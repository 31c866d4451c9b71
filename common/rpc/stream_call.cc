#include "common/rpc/stream_call.h"

#include <grpcpp/server_context.h>

#include "common/rpc/convert.h"
#include "common/status/status.h"

namespace playmesh::rpc {
namespace {

// Messages that wait for a client that does not read.
constexpr size_t kMaxQueued = 1'000;

}  // namespace

std::shared_ptr<StreamCall> StreamCall::Open(MethodAdapter& adapter,
                                             grpc::CallbackServerContext& context,
                                             const grpc::ByteBuffer& request) {
  auto call = std::make_shared<StreamCall>(adapter, context);
  call->self_ = call;
  AdapterDeps& deps = adapter.deps();
  if (++deps.open_streams > deps.options.max_streams) {
    call->FinishRaw(adapter.Refuse());
    return call;
  }
  const bool accepted = deps.pool.Submit([call, &adapter, made = adapter.MakeContext(context),
                                          request = grpc::ByteBuffer(request)]() mutable {
    absl::Time expire = absl::InfiniteFuture();
    grpc::Status status = adapter.RunStream(std::move(made), request, call, expire);
    status.ok() ? call->EndAt(expire) : call->FinishRaw(status);
  });
  if (!accepted) call->FinishRaw(adapter.Refuse());
  return call;
}

bool StreamCall::Write(std::string message) {
  std::unique_lock lock(mutex_);
  if (over_ || ending_) return false;
  if (queue_.size() >= kMaxQueued) {
    ending_ = ToGrpc(ErrorWithReason(absl::StatusCode::kResourceExhausted, "SLOW_CONSUMER",
                                     "the client does not read fast enough"));
    queue_.clear();
    CancelAt(absl::Now() + adapter_.deps().options.slow_consumer_grace);
    Advance(std::move(lock));
    return false;
  }
  queue_.push_back(std::move(message));
  Advance(std::move(lock));
  return true;
}

void StreamCall::Finish(const absl::Status& status) { FinishRaw(ToGrpc(status)); }

void StreamCall::FinishRaw(grpc::Status status) {
  std::unique_lock lock(mutex_);
  if (!ending_) ending_ = std::move(status);
  Advance(std::move(lock));
}

// Starts the next write, or the end when nothing is left to write.
void StreamCall::Advance(std::unique_lock<std::mutex> lock) {
  if (writing_ || finished_) return;
  if (!queue_.empty() && !over_) {
    const grpc::Slice slice(queue_.front());
    queue_.pop_front();
    writing_buffer_ = grpc::ByteBuffer(&slice, 1);
    writing_ = true;
    lock.unlock();
    StartWrite(&writing_buffer_);
  } else if (ending_) {
    finished_ = true;
    lock.unlock();
    grpc::ServerWriteReactor<grpc::ByteBuffer>::Finish(*ending_);
  }
}

void StreamCall::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  if (!ok && !ending_) ending_ = grpc::Status(grpc::StatusCode::CANCELLED, "the client left");
  if (!ok) queue_.clear();
  Advance(std::move(lock));
}

void StreamCall::OnCancel() {
  FinishRaw(grpc::Status(grpc::StatusCode::CANCELLED, "the client left"));
}

// Ends the stream when the caller's token does: a stream must not outlive the right to it.
void StreamCall::EndAt(absl::Time expire) {
  if (expire == absl::InfiniteFuture()) return;
  std::lock_guard lock(mutex_);
  if (over_) return;
  expiry_ = std::make_unique<grpc::Alarm>();
  expiry_->Set(absl::ToChronoTime(expire), [weak = weak_from_this()](bool expired) {
    auto call = weak.lock();
    if (expired && call != nullptr)
      call->Finish(absl::UnauthenticatedError("the access token has expired"));
  });
}

// A write that the client does not take would never end by itself. Called with mutex_ held.
void StreamCall::CancelAt(absl::Time time) {
  give_up_ = std::make_unique<grpc::Alarm>();
  give_up_->Set(absl::ToChronoTime(time), [weak = weak_from_this()](bool passed) {
    auto call = weak.lock();
    if (!passed || call == nullptr) return;
    std::lock_guard lock(call->mutex_);
    if (!call->over_) call->context_.TryCancel();
  });
}

void StreamCall::OnDone(std::function<void()> done) {
  {
    std::lock_guard lock(mutex_);
    if (!over_) {
      done_actions_.push_back(std::move(done));
      return;
    }
  }
  done();
}

void StreamCall::OnDone() {
  --adapter_.deps().open_streams;
  std::vector<std::function<void()>> actions;
  std::unique_ptr<grpc::Alarm> expiry, give_up;
  {
    std::lock_guard lock(mutex_);
    over_ = true;
    queue_.clear();
    actions.swap(done_actions_);
    expiry.swap(expiry_);
    give_up.swap(give_up_);
  }
  if (expiry != nullptr) expiry->Cancel();
  if (give_up != nullptr) give_up->Cancel();
  for (const auto& action : actions) action();
  self_.reset();
}

}  // namespace playmesh::rpc
