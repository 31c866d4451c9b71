#include "services/notification/notification_hub.h"

#include <algorithm>

#include "common/log/log.h"
#include "common/observe/metrics.h"

namespace playmesh::notification {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(50);
constexpr absl::Duration kErrorPause = absl::Seconds(1);
constexpr absl::Duration kSignInterval = absl::Seconds(30);
// Notifications in one query of the thread.
constexpr int kPollLimit = 1'000;
// Missed notifications that one stream gets, so that they fit into its queue (1,000 messages) with
// what comes meanwhile.
constexpr int kMaxMissed = 500;
constexpr size_t kMaxStreamsOfUser = 10;

WatchNotificationsResponse EmptyMessage(const Cursor& cursor) {
  WatchNotificationsResponse message;
  message.set_cursor(FormatCursor(cursor));
  return message;
}

prometheus::Gauge& OpenStreams() {
  static auto& gauge = observe::Gauge("notification_streams", "Streams that are fed.");
  return gauge;
}

}  // namespace

NotificationHub::NotificationHub(Database& db, const Clock& clock)
    : db_(db), clock_(clock), thread_([this] { Loop(); }) {}

NotificationHub::~NotificationHub() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::Status NotificationHub::Open(const std::string& user_id, const std::optional<Cursor>& cursor,
                                   Stream stream) {
  ASSIGN_OR_RETURN(const Horizon horizon, ReadHorizon(db_));
  if (cursor && cursor->txid > horizon.next_txid) {
    return InvalidField("cursor", "lies in the future: start again without it");
  }
  ASSIGN_OR_RETURN(std::shared_ptr<Watcher> watcher, Join(user_id, stream));
  stream.OnDone([this, weak = std::weak_ptr<Watcher>(watcher)] {
    if (auto ended = weak.lock()) Leave(ended);
  });
  Cursor start;
  {
    std::lock_guard lock(mutex_);
    // While nobody was watching, nobody moved it on.
    if (live_count_ == 0) position_ = std::max(position_, horizon.settled);
    start = cursor.value_or(position_);
  }
  if (!stream.Write(EmptyMessage(start))) return absl::OkStatus();
  return CatchUp(watcher, start);
}

absl::StatusOr<std::shared_ptr<NotificationHub::Watcher>> NotificationHub::Join(
    const std::string& user_id, const Stream& stream) {
  auto watcher = std::make_shared<Watcher>(Watcher{user_id, stream, {}});
  std::lock_guard lock(mutex_);
  auto& watchers = by_user_[user_id];
  if (watchers.size() >= kMaxStreamsOfUser) {
    return Error(absl::StatusCode::kResourceExhausted, ERROR_REASON_TOO_MANY_STREAMS,
                 "ten streams are open: close one first");
  }
  watchers.push_back(watcher);
  return watcher;
}

void NotificationHub::Leave(const std::shared_ptr<Watcher>& watcher) {
  std::lock_guard lock(mutex_);
  watcher->gone = true;
  if (watcher->live) OpenStreams().Set(--live_count_);
  auto& watchers = by_user_[watcher->user_id];
  std::erase(watchers, watcher);
  if (watchers.empty()) by_user_.erase(watcher->user_id);
}

// Writes what lies between `from` and where the live streams stand, until it stands there too: they
// move on meanwhile. Whoever missed more than fits into a stream comes back for the rest.
absl::Status NotificationHub::CatchUp(const std::shared_ptr<Watcher>& watcher, Cursor from) {
  int left = kMaxMissed;
  while (left > 0) {
    Cursor to;
    {
      std::lock_guard lock(mutex_);
      if (from >= position_) {
        GoLive(watcher, from);
        return absl::OkStatus();
      }
      to = position_;
    }
    ASSIGN_OR_RETURN(const std::vector<Delivery> missed,
                     ReadMissed(db_, watcher->user_id, from, to, left));
    for (const Delivery& delivery : missed) {
      if (!watcher->stream.Write(delivery.message)) return absl::OkStatus();
    }
    left -= static_cast<int>(missed.size());
    from = to;
  }
  watcher->stream.Finish(absl::OkStatus());
  return absl::OkStatus();
}

// Under the lock.
void NotificationHub::GoLive(const std::shared_ptr<Watcher>& watcher, const Cursor& start) {
  if (watcher->gone) return;
  watcher->start = start;
  watcher->live = true;
  OpenStreams().Set(++live_count_);
  signs_.emplace_back(clock_.Now() + kSignInterval, watcher);
  changed_.notify_all();
}

void NotificationHub::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || live_count_ > 0; });
    if (stopping_) return;
    const Cursor from = position_;
    lock.unlock();
    const auto deliveries = ReadSettled(db_, from, kPollLimit);
    if (!deliveries.ok()) log::Warning("streams wait", {{"error", deliveries.status()}});
    lock.lock();
    if (deliveries.ok()) Deliver(*deliveries);
    SendSignsOfLife();
    if (deliveries.ok() && deliveries->size() == kPollLimit) continue;
    const absl::Duration pause = deliveries.ok() ? kPollInterval : kErrorPause;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(pause), [this] { return stopping_; });
  }
}

// Under the lock.
void NotificationHub::Deliver(const std::vector<Delivery>& deliveries) {
  for (const Delivery& delivery : deliveries) {
    auto watchers = by_user_.find(delivery.user_id);
    if (watchers == by_user_.end()) continue;
    for (const auto& watcher : watchers->second) {
      if (watcher->live && delivery.cursor > watcher->start) {
        watcher->stream.Write(delivery.message);
      }
    }
  }
  if (!deliveries.empty()) position_ = std::max(position_, deliveries.back().cursor);
}

// Under the lock.
void NotificationHub::SendSignsOfLife() {
  const absl::Time now = clock_.Now();
  while (!signs_.empty() && signs_.front().first <= now) {
    const std::shared_ptr<Watcher> watcher = signs_.front().second.lock();
    signs_.pop_front();
    if (watcher == nullptr || watcher->gone) continue;
    watcher->stream.Write(EmptyMessage(std::max(position_, watcher->start)));
    signs_.emplace_back(now + kSignInterval, watcher);
  }
}

}  // namespace playmesh::notification
