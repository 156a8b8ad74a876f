// The threads behind an engine: one that runs it, one that commits, some that read.
//
// A lone command is run by the thread that posted it, if that attends (see attend): a hop to another thread
// and back would cost it as much as the engine's work. `running_` is held by whoever runs the engine, so
// there is one at a time. Elsewhere "the engine's thread" is whichever runs it at the moment.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/event_loop.h"
#include "engine/inbox.h"

namespace escrow::engine {

/// Threads that run jobs in order of arrival. Thread-safe.
class WorkerPool {
 public:
  /// `name` of its threads, for who looks at the process; at most 15 bytes.
  WorkerPool(const char* name, std::size_t threads);
  /// Runs what is queued, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void post(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

struct EngineThreadOptions {
  EngineOptions engine;
  InboxLimits inbox;
  std::size_t readers = 1;
  /// What else runs on the engine's thread; it outlives the thread. nullptr: nothing.
  EventLoop* loop = nullptr;
};

/// Recovers an engine and runs it on a thread of its own.
class EngineThread final : private Backend {
 public:
  /// `store` and `clock` outlive it. Returns when recovery is done.
  static Result<std::unique_ptr<EngineThread>> start(Store& store, const Clock& clock, EngineThreadOptions options,
                                                     std::uint64_t seed);
  /// Stops at once if drain() was not called before.
  ~EngineThread() override;

  Inbox& inbox() { return inbox_; }
  /// For what the event loop runs: nobody runs the engine, and no port is called, while this is held.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(running_); }
  const Store& store() const { return store_; }

  /// For a thread that posts commands in its turns and calls this after each: it runs the engine if nothing
  /// but one command waits, and otherwise wakes the engine's thread. From its first call on, what the thread
  /// posts wakes nobody by itself.
  void attend();

  /// Waits until everything that was posted is durable and answered, at most for `limit`. False: it took longer.
  /// Whoever posts meanwhile prolongs it.
  bool drain(std::chrono::milliseconds limit);

  /// A copy, up to one turn old. Thread-safe.
  EngineCounters counters() const;

 private:
  EngineThread(Store& store, const Clock& clock, EngineThreadOptions options);

  bool commit(const WriteSet& batch, bool lone) override;
  void write_ahead(std::shared_ptr<const WriteSet> bodies) override;
  void read(std::function<Completion(const Store&)> read) override;
  CachedRead get_cached(Table table, std::string_view key, std::string& value) override;

  void run();
  // Those with `running_` held.
  void take_work();
  /// True: to be called again at once. False: when something happens, or at the latest at
  /// engine_->next_turn().
  bool step();
  bool lone_command_waits() const;

  void posted();
  void commit_or_stop(const WriteSet& writes, Store::Durability durability);

  Store& store_;
  const Clock& clock_;
  const EngineThreadOptions options_;
  Inbox inbox_;

  std::mutex running_;
  std::unique_ptr<Engine> engine_;
  std::vector<Command> commands_;
  std::size_t next_command_ = 0;
  std::vector<std::function<void()>> completions_;
  std::optional<Monotonic> sleeps_until_;

  std::unique_ptr<EventLoop> own_loop_;
  EventLoop& loop_;
  std::mutex mutex_;
  std::atomic<bool> stopping_{false};
  std::condition_variable idle_changed_;
  bool idle_ = false;
  mutable std::mutex counters_mutex_;
  EngineCounters counters_;

  WorkerPool readers_;
  WorkerPool committer_;
  std::thread thread_;
};

}  // namespace escrow::engine
