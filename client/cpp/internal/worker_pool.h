// A fixed number of threads that run tasks in the order they came.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace escrow::client::internal {

/// Thread-safe. Tasks must not throw.
class WorkerPool {
 public:
  using Task = std::function<void()>;

  /// `max_waiting`: tasks that may wait for a thread.
  WorkerPool(std::size_t threads, std::size_t max_waiting);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False: too many wait, or stopped; the task is not taken.
  bool submit(Task task);
  /// Forgets the tasks that wait.
  void clear();
  /// Forgets the tasks that wait and returns when the running ones have ended. Not to be called from a task.
  void stop();

 private:
  void run();

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace escrow::client::internal
