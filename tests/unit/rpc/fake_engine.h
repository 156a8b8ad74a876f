// An engine that answers as a test tells it, on a thread of its own.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/inbox.h"
#include "engine/port.h"

namespace escrow {

class FakeEngine {
 public:
  /// Empty: the command is not answered.
  using Answer = std::function<std::optional<Result<engine::Reply>>(const engine::Command&)>;

  explicit FakeEngine(Answer answer, engine::InboxLimits limits = {})
      : answer_(std::move(answer)), inbox_(limits, [this] { wake(); }), thread_([this] { run(); }) {}
  ~FakeEngine() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      paused_ = false;
    }
    changed_.notify_all();
    thread_.join();
  }
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;

  engine::Inbox& inbox() { return inbox_; }

  /// Commands stay in the inbox until resume().
  void pause() {
    const std::scoped_lock lock(mutex_);
    paused_ = true;
  }
  void resume() {
    {
      const std::scoped_lock lock(mutex_);
      paused_ = false;
    }
    changed_.notify_all();
  }
  /// Calls `action` on the engine's thread, unless the port is closed; the port hears flush() afterwards.
  void act(engine::Port* port, std::function<void(engine::Port&)> action) {
    inbox_.post(std::function<void()>([this, port, action = std::move(action)] {
      if (!open_.contains(port)) return;
      action(*port);
      touched_.insert(port);
    }));
  }
  /// Ports that sent a command and were not closed. A command after ClosePort would open its port for ever.
  std::size_t open_ports() {
    std::promise<std::size_t> count;
    inbox_.post(std::function<void()>([&] { count.set_value(open_.size()); }));
    return count.get_future().get();
  }

 private:
  void wake() {
    {
      const std::scoped_lock lock(mutex_);
      signalled_ = true;
    }
    changed_.notify_all();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || (signalled_ && !paused_); });
      if (!signalled_) return;
      signalled_ = false;
      lock.unlock();
      turn();
      lock.lock();
    }
  }

  void turn() {
    std::vector<engine::Command> commands;
    std::vector<std::function<void()>> completions;
    inbox_.take(commands, completions);
    for (const engine::Command& command : commands) apply(command);
    for (const auto& completion : completions) completion();
    for (engine::Port* port : std::exchange(touched_, {})) port->flush();
  }

  void apply(const engine::Command& command) {
    if (std::holds_alternative<engine::ClosePort>(command.body)) {
      EXPECT_EQ(open_.erase(command.port), 1u) << "only a port that sent something is closed, and once";
      touched_.erase(command.port);
      command.port->closed();
      return;
    }
    open_.insert(command.port);
    std::optional<Result<engine::Reply>> reply = answer_(command);
    if (!reply) return;
    command.port->reply(command.request, *std::move(reply));
    touched_.insert(command.port);
  }

  const Answer answer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool signalled_ = false;
  bool paused_ = false;
  bool stopping_ = false;
  std::unordered_set<engine::Port*> open_;     // of the engine's thread, as the next
  std::unordered_set<engine::Port*> touched_;  // in this turn
  engine::Inbox inbox_;
  std::thread thread_;
};

}  // namespace escrow
