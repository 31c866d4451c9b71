// Threads that run handlers, with a bounded queue in front: gRPC's own threads must never block.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace playmesh::rpc {

class WorkerPool {
 public:
  // Up to `queue_limit` tasks wait while all `threads` are at work.
  WorkerPool(int threads, int queue_limit);
  ~WorkerPool();

  // False, without running `task`, when the queue is full or the pool is stopping.
  bool Submit(std::function<void()> task);

  // Runs what is queued, and ends the threads.
  void Stop();

 private:
  void Loop();

  const size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace playmesh::rpc
