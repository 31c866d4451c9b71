// The open streams of this replica, and the thread that feeds them.
//
// While streams are open, one query in 50 ms asks for what was committed since the last one, for
// all users together, in the order of cursors (stream_rows.h). Each replica does so for itself;
// they share nothing but the table.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/clock.h"
#include "common/db/database.h"
#include "playmesh/notification/v1/notification_service.playmesh.h"
#include "services/notification/cursor.h"
#include "services/notification/stream_rows.h"

namespace playmesh::notification {

// Thread-safe. Must outlive the streams.
class NotificationHub {
 public:
  using Stream = rpc::ServerStream<WatchNotificationsResponse>;

  NotificationHub(Database& db, const Clock& clock);
  // Stops the thread; streams stay as they are.
  ~NotificationHub();

  // Feeds `stream` with the notifications of `user_id` from `cursor` on, or from now, until it
  // ends. What was missed is written before Open returns, 500 at most: then the stream is finished
  // with OK, and the client goes on from its last cursor. RESOURCE_EXHAUSTED (TOO_MANY_STREAMS)
  // past ten streams of the user on this replica; INVALID_ARGUMENT (cursor) when `cursor` lies in
  // the future.
  absl::Status Open(const std::string& user_id, const std::optional<Cursor>& cursor, Stream stream);

 private:
  // Guarded by mutex_ but for `user_id` and `stream`, which stay.
  struct Watcher {
    const std::string user_id;
    Stream stream;
    Cursor start;       // what lies after is written by the thread
    bool live = false;  // whether the thread writes to it yet
    bool gone = false;
  };

  absl::StatusOr<std::shared_ptr<Watcher>> Join(const std::string& user_id, const Stream& stream);
  void Leave(const std::shared_ptr<Watcher>& watcher);
  absl::Status CatchUp(const std::shared_ptr<Watcher>& watcher, Cursor from);
  void GoLive(const std::shared_ptr<Watcher>& watcher, const Cursor& start);
  void Loop();
  void Deliver(const std::vector<Delivery>& deliveries);
  void SendSignsOfLife();

  Database& db_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Watcher>>> by_user_;
  // When each live stream gets its next sign of life, soonest first.
  std::deque<std::pair<absl::Time, std::weak_ptr<Watcher>>> signs_;
  int live_count_ = 0;
  Cursor position_;  // live streams have what lies up to here
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace playmesh::notification
