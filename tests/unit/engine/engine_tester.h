// An engine on a store in memory. The test is its scheduler: it says when a batch is durable and when a read is done.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/record.h"
#include "engine/engine.h"
#include "engine/port.h"
#include "model/properties.h"
#include "storage/memory_store.h"

namespace escrow::engine {

class TestBackend final : public Backend {
 public:
  bool commit(const WriteSet& batch, bool) override {
    largest = std::max(largest, batch.bytes());
    if (stalled) {
      waiting = &batch;
      return false;
    }
    EXPECT_TRUE(store.commit(batch, Store::Durability::kSync).ok());
    return true;
  }
  void write_ahead(std::shared_ptr<const WriteSet> bodies) override {
    EXPECT_TRUE(store.commit(*bodies, Store::Durability::kNoSync).ok());
  }
  void read(std::function<Completion(const Store&)> read) override { reads.push_back(std::move(read)); }
  CachedRead get_cached(Table table, std::string_view key, std::string& value) override {
    if (cold) return CachedRead::kWouldBlock;
    return store.get_cached(table, key, value);
  }

  MemoryStore store;
  bool stalled = false;  ///< no batch becomes durable
  bool cold = false;     ///< everything has to be read
  const WriteSet* waiting = nullptr;
  std::deque<std::function<Completion(const Store&)>> reads;
  std::size_t largest = 0;  ///< batch
};

/// Remembers what it hears.
class TestPort final : public Port {
 public:
  void reply(std::uint64_t request, Result<Reply> reply) override {
    replies.insert_or_assign(request, std::move(reply));
  }
  void deliver(const broker::Delivery& delivery) override { delivered += delivery.count; }
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const Check& check) override { checks.push_back(check); }
  void flush() override {}
  void closed() override { is_closed = true; }

  std::map<std::uint64_t, Result<Reply>> replies;
  std::vector<Check> checks;
  std::uint64_t delivered = 0;
  bool is_closed = false;
};

struct EngineTester : testing::Test {
  void start(EngineOptions options = {}) {
    engine.reset();
    auto recovered = Engine::recover(backend.store, backend, options, Random(1), now, monotonic);
    ASSERT_TRUE(recovered.ok());
    engine = *std::move(recovered);
  }

  /// Passed over when the engine is full. Returns the number of the request.
  std::uint64_t submit(Port& from, CommandBody body) {
    engine->submit(Command{&from, ++requests, "tester", std::move(body)});
    return requests;
  }
  std::uint64_t submit(CommandBody body) { return submit(port, std::move(body)); }
  /// Turns until there is nothing to do at once.
  void turn(Duration passed = std::chrono::milliseconds(10)) {
    now += passed;
    monotonic += passed;
    for (int i = 0; engine->turn(now, monotonic, false); ++i) {
      ASSERT_LT(i, 100'000) << "the engine does not come to rest";
      monotonic += std::chrono::microseconds(10);
    }
  }
  /// The batch that waits is durable.
  void sync() {
    ASSERT_NE(backend.waiting, nullptr);
    ASSERT_TRUE(backend.store.commit(*std::exchange(backend.waiting, nullptr), Store::Durability::kSync).ok());
    engine->committed();
  }
  /// Turns, reads and syncs until nothing is left to do.
  void settle(Duration passed = std::chrono::milliseconds(10)) {
    turn(passed);
    while (!backend.reads.empty() || backend.waiting != nullptr || !engine->idle()) {
      if (backend.waiting != nullptr) sync();
      read();
      turn();
    }
  }
  void read() {
    for (auto& one : std::exchange(backend.reads, {})) one(backend.store)();
  }
  /// The answer, once everything has come to rest.
  Result<Reply> ask(CommandBody body) {
    const std::uint64_t request = submit(std::move(body));
    settle();
    return answer(request);
  }
  Result<Reply> answer(std::uint64_t request) {
    const auto found = port.replies.find(request);
    if (found == port.replies.end()) return Error{ErrorCode::kUnavailable, "UNANSWERED", "", {}};
    return found->second;
  }

  /// Calls visit(audit::Record) for everything that is in the ledger.
  template <class Visitor>
  void for_each_record(Visitor&& visit) const {
    for (auto it = backend.store.scan(Table::kAudit, "", ""); it->valid(); it->next()) {
      for (std::string_view packed = it->value(); !packed.empty();) visit(*audit::decode(packed));
    }
  }

  static coordinator::Prepare prepare(const coordinator::Key& key, std::string body = "x", std::string to = "q") {
    coordinator::Prepare command;
    command.key = key;
    command.messages.emplace_back().message.routing_key = std::move(to);
    command.messages.back().message.body = std::move(body);
    return command;
  }
  static coordinator::Decide decide(const coordinator::Key& key, bool commit) { return {key, commit, 0, "", ""}; }
  /// Of `count` messages with this body.
  static Publish publish(std::size_t count, std::string exchange, std::string routing_key, std::string body,
                         bool transient = false) {
    auto owner = std::make_shared<Message>();
    if (!transient) owner->properties = kPersistentProperties;
    owner->exchange = std::move(exchange);
    owner->routing_key = std::move(routing_key);
    owner->body = std::move(body);
    return {std::vector<MessageView>(count, owner->view()), owner};
  }

  TestBackend backend;
  TestPort port;
  Timestamp now = from_micros(1'000'000'000);
  Monotonic monotonic{0};
  std::uint64_t requests = 0;
  std::unique_ptr<Engine> engine;
};

}  // namespace escrow::engine
