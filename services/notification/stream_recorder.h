// A client's end of a stream, for tests.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "playmesh/notification/v1/notification_service.playmesh.h"

namespace playmesh::notification {

// Keeps what is written, until the client leaves. Thread-safe.
class StreamRecorder : public rpc::StreamSink {
 public:
  // A client that leaves after `limit` messages.
  explicit StreamRecorder(size_t limit = 1'000'000) : limit_(limit) {}

  bool Write(std::string message) override {
    std::lock_guard lock(mutex_);
    if (ended_ || messages_.size() >= limit_) return false;
    messages_.emplace_back().ParseFromString(message);
    return true;
  }

  void Finish(const absl::Status&) override { End(); }

  void OnDone(std::function<void()> done) override {
    {
      std::lock_guard lock(mutex_);
      if (!ended_) {
        done_actions_.push_back(std::move(done));
        return;
      }
    }
    done();
  }

  // The client leaves.
  void End() {
    std::vector<std::function<void()>> actions;
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      actions.swap(done_actions_);
    }
    for (const auto& action : actions) action();
  }

  std::vector<WatchNotificationsResponse> messages() const {
    std::lock_guard lock(mutex_);
    return messages_;
  }
  // Whether the client left or the stream was finished.
  bool ended() const {
    std::lock_guard lock(mutex_);
    return ended_;
  }
  size_t size() const { return messages().size(); }
  std::string last_cursor() const { return messages().back().cursor(); }

  // Titles of the notifications, in the order in which they came.
  std::vector<std::string> titles() const {
    std::vector<std::string> titles;
    for (const auto& message : messages()) {
      if (message.has_notification()) titles.push_back(message.notification().title());
    }
    return titles;
  }

 private:
  const size_t limit_;
  mutable std::mutex mutex_;
  std::vector<WatchNotificationsResponse> messages_;
  std::vector<std::function<void()>> done_actions_;
  bool ended_ = false;
};

}  // namespace playmesh::notification
