#include "engine/engine_thread.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace escrow::engine {
namespace {

/// What the current thread attends.
thread_local const EngineThread* attended = nullptr;

/// With nothing to run.
class WaitingLoop final : public EventLoop {
 public:
  void run(std::optional<Monotonic> limit) override {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return signalled_; };
    if (!limit) {
      woken_.wait(lock, ready);
    } else if (*limit > Monotonic::zero()) {
      woken_.wait_for(lock, *limit, ready);
    }
    signalled_ = false;
  }
  void wake() override {
    {
      const std::scoped_lock lock(mutex_);
      signalled_ = true;
    }
    woken_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool signalled_ = false;
};

}  // namespace

WorkerPool::WorkerPool(const char* name, std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    pthread_setname_np(threads_.emplace_back([this] { run(); }).native_handle(), name);
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::post(std::function<void()> job) {
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void WorkerPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

EngineThread::EngineThread(Store& store, const Clock& clock, EngineThreadOptions options)
    : store_(store),
      clock_(clock),
      options_(options),
      inbox_(options.inbox, [this] { posted(); }),
      own_loop_(options.loop == nullptr ? std::make_unique<WaitingLoop>() : nullptr),
      loop_(options.loop == nullptr ? *own_loop_ : *options.loop),
      readers_("read", options.readers),
      committer_("commit", 1) {}

Result<std::unique_ptr<EngineThread>> EngineThread::start(Store& store, const Clock& clock, EngineThreadOptions options,
                                                          std::uint64_t seed) {
  std::unique_ptr<EngineThread> self(new EngineThread(store, clock, options));
  Result<std::unique_ptr<Engine>> engine =
      Engine::recover(store, *self, options.engine, Random(seed), clock.wall(), clock.monotonic());
  if (!engine) return std::move(engine).error();
  self->engine_ = std::move(*engine);
  self->thread_ = std::thread([raw = self.get()] { raw->run(); });
  pthread_setname_np(self->thread_.native_handle(), "engine");
  return self;
}

EngineThread::~EngineThread() {
  stopping_ = true;
  loop_.wake();
  if (thread_.joinable()) thread_.join();
}

void EngineThread::posted() {
  if (attended != this) loop_.wake();
}

void EngineThread::take_work() {
  // Commands that had no place in the last batch come first.
  if (next_command_ == commands_.size()) {
    commands_.clear();
    next_command_ = 0;
    inbox_.take(commands_, completions_);
  } else {
    inbox_.take_completions(completions_);
  }
  for (std::function<void()>& completion : completions_) completion();
  completions_.clear();
  while (next_command_ < commands_.size() && !engine_->full()) engine_->submit(std::move(commands_[next_command_++]));
}

bool EngineThread::step() {
  take_work();
  const bool waiting = next_command_ < commands_.size();
  const bool again = engine_->turn(clock_.wall(), clock_.monotonic(), waiting && !engine_->full());
  {
    const std::scoped_lock lock(counters_mutex_);
    counters_ = engine_->counters();
  }
  {
    const std::scoped_lock lock(mutex_);
    const bool idle = !again && !waiting && engine_->idle() && inbox_.empty();
    if (std::exchange(idle_, idle) != idle) idle_changed_.notify_all();
  }
  // What the inbox holds beyond a full engine waits for the commit, which wakes.
  return again || (!engine_->full() && (waiting || !inbox_.empty()));
}

void EngineThread::run() {
  attended = options_.loop == nullptr ? nullptr : this;  // what the loop posts is seen when it returns
  std::unique_lock running(running_);
  while (!stopping_) {
    std::optional<Monotonic> limit = Monotonic::zero();
    if (!step()) {
      sleeps_until_ = engine_->next_turn();
      limit.reset();
      if (sleeps_until_) limit = std::max(*sleeps_until_ - clock_.monotonic(), Monotonic::zero());
    } else if (options_.loop == nullptr) {
      continue;
    }
    running.unlock();
    loop_.run(limit);
    running.lock();
  }
}

bool EngineThread::lone_command_waits() const {
  return inbox_.commands() == 1 && next_command_ == commands_.size() && engine_->idle() && engine_->last_was_lone();
}

void EngineThread::attend() {
  attended = this;
  if (inbox_.empty()) return;
  std::unique_lock running(running_, std::try_to_lock);
  if (!running || !lone_command_waits()) return loop_.wake();
  while (step()) continue;
  const std::optional<Monotonic> next = engine_->next_turn();
  if (!next || (sleeps_until_ && *sleeps_until_ <= *next)) return;
  sleeps_until_ = next;
  loop_.wake();
}

bool EngineThread::drain(std::chrono::milliseconds limit) {
  {
    const std::scoped_lock lock(mutex_);
    idle_ = false;  // what was seen so far may be older than the latest post
  }
  loop_.wake();
  std::unique_lock lock(mutex_);
  return idle_changed_.wait_for(lock, limit, [&] { return idle_; });
}

EngineCounters EngineThread::counters() const {
  const std::scoped_lock lock(counters_mutex_);
  return counters_;
}

void EngineThread::commit_or_stop(const WriteSet& writes, Store::Durability durability) {
  const Result<void> committed = store_.commit(writes, durability);
  if (committed) return;
  // What reached the disk is unknown. Nothing may be acknowledged any more; a restart recovers what is there.
  std::fprintf(stderr, "escrowd: a batch could not be made durable, stopping: %s\n", committed.error().message.c_str());
  std::abort();
}

bool EngineThread::commit(const WriteSet& batch, bool lone) {
  if (lone && inbox_.empty()) {
    commit_or_stop(batch, Store::Durability::kSync);
    return true;
  }
  committer_.post([this, &batch] {
    commit_or_stop(batch, Store::Durability::kSync);
    inbox_.post(std::function<void()>([this] { engine_->committed(); }));
  });
  return false;
}

void EngineThread::write_ahead(std::shared_ptr<const WriteSet> bodies) {
  committer_.post([this, bodies = std::move(bodies)] { commit_or_stop(*bodies, Store::Durability::kNoSync); });
}

void EngineThread::read(std::function<Completion(const Store&)> read) {
  readers_.post([this, read = std::move(read)] { inbox_.post(read(store_)); });
}

CachedRead EngineThread::get_cached(Table table, std::string_view key, std::string& value) {
  return store_.get_cached(table, key, value);
}

}  // namespace escrow::engine
