// Who runs the engine: its own thread, or the thread that posted a lone command.
#include "engine/engine_thread.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/clock.h"
#include "storage/memory_store.h"

namespace escrow::engine {
namespace {

constexpr std::chrono::seconds kPatience{30};

/// Counts what it hears, and on which threads.
class Listener final : public Port {
 public:
  void reply(std::uint64_t, Result<Reply> reply) override {
    EXPECT_TRUE(reply.ok()) << reply.error().message;
    hear(replies_);
  }
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const Check&) override { hear(checks_); }
  void flush() override {}
  void closed() override { hear(closed_); }

  int replies() const {
    const std::scoped_lock lock(mutex_);
    return replies_;
  }
  std::set<std::thread::id> threads() const {
    const std::scoped_lock lock(mutex_);
    return threads_;
  }
  bool wait_for_replies(int count) { return wait(replies_, count); }
  bool wait_for_checks(int count) { return wait(checks_, count); }
  bool wait_for_close() { return wait(closed_, 1); }

 private:
  void hear(int& count) {
    const std::scoped_lock lock(mutex_);
    ++count;
    threads_.insert(std::this_thread::get_id());
    changed_.notify_all();
  }
  bool wait(const int& count, int wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count >= wanted; });
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int replies_ = 0;
  int checks_ = 0;
  int closed_ = 0;
  std::set<std::thread::id> threads_;
};

class EngineThreads : public testing::Test {
 protected:
  void start(EngineThreadOptions options = {}) {
    engine_ = *EngineThread::start(store_, clock_, options, 1);
    ASSERT_TRUE(engine_->drain(kPatience));
    engine_->attend();
  }
  void TearDown() override {
    ASSERT_TRUE(engine_->inbox().try_post(Command{&port_, 0, "tester", ClosePort{}}));
    engine_->attend();
    EXPECT_TRUE(port_.wait_for_close());
    engine_.reset();
  }
  void post(CommandBody body) { ASSERT_TRUE(engine_->inbox().try_post(Command{&port_, 0, "tester", std::move(body)})); }
  static coordinator::Prepare prepare(const std::string& id) {
    coordinator::Prepare prepare;
    prepare.key = {"group", id};
    prepare.messages.emplace_back();
    return prepare;
  }

  MemoryStore store_;
  SystemClock clock_;
  Listener port_;
  std::unique_ptr<EngineThread> engine_;
};

TEST_F(EngineThreads, a_lone_command_is_answered_before_attend_returns) {
  start();
  int at_once = 0;
  // When the engine's thread is up, it takes the command itself, and may be up for the next one as well.
  for (int i = 1; at_once == 0 && i <= 10'000; ++i) {
    post(prepare("t" + std::to_string(i)));
    engine_->attend();
    if (port_.replies() == i) ++at_once;
    ASSERT_TRUE(port_.wait_for_replies(i));
    ASSERT_TRUE(engine_->drain(kPatience));
  }
  EXPECT_GT(at_once, 0);
}

TEST_F(EngineThreads, several_commands_are_run_by_the_engines_thread) {
  start();
  post(prepare("a"));
  post(prepare("b"));
  EXPECT_EQ(port_.replies(), 0) << "nobody was woken";
  engine_->attend();
  ASSERT_TRUE(port_.wait_for_replies(2));
  EXPECT_FALSE(port_.threads().contains(std::this_thread::get_id()));
}

TEST_F(EngineThreads, who_does_not_attend_wakes_the_engines_thread) {
  start();
  std::thread([&] { post(prepare("a")); }).join();
  ASSERT_TRUE(port_.wait_for_replies(1));
  EXPECT_FALSE(port_.threads().contains(std::this_thread::get_id()));
}

TEST_F(EngineThreads, commands_beyond_what_may_wait_for_reads_are_taken_when_these_are_done) {
  store_.set_would_block(1.0, Random(1));
  EngineThreadOptions options;
  options.engine.waiting_bytes = 1;
  start(options);
  constexpr int kCommands = 1000;
  for (int i = 0; i < kCommands; ++i) post(prepare("t" + std::to_string(i)));
  engine_->attend();
  EXPECT_TRUE(port_.wait_for_replies(kCommands));
}

TEST_F(EngineThreads, what_a_lone_command_leaves_for_later_comes_in_time) {
  EngineThreadOptions options;
  options.engine.checks.first_delay = std::chrono::milliseconds(20);
  start(options);
  post(OpenCheckbacks{"group", 10});
  engine_->attend();
  ASSERT_TRUE(port_.wait_for_replies(1));
  // The engine's thread sleeps as it did before, with nothing to wake up for.
  post(prepare("t"));
  engine_->attend();
  EXPECT_TRUE(port_.wait_for_checks(1));
}

TEST_F(EngineThreads, threads_that_attend_and_threads_that_do_not_share_the_engine) {
  start();
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const bool attends = t % 2 == 0;
      for (int i = 0; i < kEach; ++i) {
        post(prepare(std::to_string(t) + "/" + std::to_string(i)));
        if (attends) engine_->attend();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(port_.wait_for_replies(kThreads * kEach));
  EXPECT_TRUE(engine_->drain(kPatience));
}

}  // namespace
}  // namespace escrow::engine
