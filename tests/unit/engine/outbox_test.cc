#include "engine/outbox.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace escrow::engine {
namespace {

/// Writes down what it hears; a shared journal tells the order between ports.
class JournalPort final : public Port {
 public:
  JournalPort(std::string name, std::vector<std::string>& journal) : name_(std::move(name)), journal_(journal) {}

  void reply(std::uint64_t request, Result<Reply> reply) override {
    note(reply.ok() ? "reply " + std::to_string(request) : reply.error().reason + " " + std::to_string(request));
  }
  void deliver(const broker::Delivery& delivery) override { note("deliver " + std::to_string(delivery.first_tag)); }
  void consumer_cancelled(broker::ConsumerId consumer) override { note("cancelled " + std::to_string(consumer)); }
  void check(const Check& check) override { note("check " + std::to_string(check.id)); }
  void flush() override { note("flush"); }
  void closed() override {
    note("closed");
    if (owned_) owned_.reset();  // deletes this port
  }
  void own(std::unique_ptr<JournalPort> self) { owned_ = std::move(self); }

 private:
  void note(const std::string& what) { journal_.push_back(name_ + ": " + what); }
  std::string name_;
  std::vector<std::string>& journal_;
  std::unique_ptr<JournalPort> owned_;
};

struct OutboxOf : testing::Test {
  std::vector<std::string> journal;
  JournalPort a{"a", journal};
  JournalPort b{"b", journal};
  Outbox outbox{10};

  static Outbox::Effect reply(std::uint64_t request) { return Outbox::ReplyTo{request, Reply(Done{})}; }
  static Outbox::Effect delivery(broker::DeliveryTag tag) {
    broker::Delivery d;
    d.first_tag = tag;
    return d;
  }
  std::vector<std::string> heard() {
    journal.clear();
    outbox.dispatch();
    return journal;
  }
};

using Journal = std::vector<std::string>;

TEST_F(OutboxOf, one_port_hands_out_at_once_what_is_durable) {
  EXPECT_TRUE(outbox.empty());
  outbox.put(&a, reply(1), 10);
  EXPECT_FALSE(outbox.empty());
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: flush"}));
  EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxOf, one_port_hands_out_nothing_before_its_batch_is_durable) {
  outbox.put(&a, reply(1), 12);
  EXPECT_EQ(heard(), Journal{});
  outbox.durable(11);
  EXPECT_EQ(heard(), Journal{});
  EXPECT_FALSE(outbox.empty());
  outbox.durable(12);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: flush"}));
  EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxOf, every_kind_of_effect_reaches_its_method) {
  outbox.put(&a, Outbox::ReplyTo{1, Error{ErrorCode::kNotFound, "QUEUE_UNKNOWN", "", {}}}, 0);
  outbox.put(&a, delivery(2), 0);
  outbox.put(&a, Outbox::Cancelled{3}, 0);
  outbox.put(&a, Check{.id = 4, .key = {}, .epoch = 0, .attempt = 1, .prepared_at = {}, .messages = {}}, 0);
  outbox.put(&a, Outbox::Closed{}, 0);
  EXPECT_EQ(heard(), (Journal{"a: QUEUE_UNKNOWN 1", "a: deliver 2", "a: cancelled 3", "a: check 4", "a: closed"}));
}

TEST_F(OutboxOf, one_port_does_not_overtake_itself) {
  outbox.put(&a, reply(1), 12);
  outbox.put(&a, reply(2), 10);  // its batch is durable, but what came before waits
  EXPECT_EQ(heard(), Journal{});
  outbox.put(&a, reply(3), 11);
  outbox.durable(11);
  EXPECT_EQ(heard(), Journal{});
  outbox.durable(12);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: reply 2", "a: reply 3", "a: flush"}));
}

TEST_F(OutboxOf, two_ports_do_not_wait_for_each_other) {
  outbox.put(&a, reply(1), 11);
  outbox.put(&b, reply(2), 10);
  EXPECT_EQ(heard(), (Journal{"b: reply 2", "b: flush"}));
  outbox.durable(11);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: flush"}));
}

TEST_F(OutboxOf, two_ports_are_flushed_once_each_at_the_end) {
  outbox.put(&a, reply(1), 0);
  outbox.put(&b, reply(2), 0);
  outbox.put(&a, reply(3), 0);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "b: reply 2", "a: reply 3", "a: flush", "b: flush"}));
  outbox.put(&b, reply(4), 0);
  EXPECT_EQ(heard(), (Journal{"b: reply 4", "b: flush"}));
}

TEST_F(OutboxOf, several_batches_that_became_durable_together_keeps_their_order) {
  outbox.put(&a, reply(1), 11);
  outbox.put(&b, reply(2), 13);
  outbox.put(&a, reply(3), 12);
  outbox.put(&a, reply(4), 13);
  outbox.durable(13);
  EXPECT_EQ(outbox.durable(), 13u);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: reply 3", "b: reply 2", "a: reply 4", "a: flush", "b: flush"}));
}

TEST_F(OutboxOf, a_batch_without_effects_lets_the_next_ones_pass) {
  outbox.durable(15);
  outbox.put(&a, reply(1), 16);
  outbox.durable(15);
  EXPECT_EQ(heard(), Journal{});
  outbox.durable(16);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: flush"}));
}

TEST_F(OutboxOf, a_port_that_closes_says_so_last_and_is_not_touched_again) {
  outbox.put(&a, reply(1), 12);
  outbox.put(&a, Outbox::Closed{}, 10);
  EXPECT_EQ(heard(), Journal{});
  outbox.durable(12);
  EXPECT_EQ(heard(), (Journal{"a: reply 1", "a: closed"}));
}

TEST_F(OutboxOf, a_port_that_closes_may_delete_itself) {
  auto owned = std::make_unique<JournalPort>("c", journal);
  JournalPort* port = owned.get();
  port->own(std::move(owned));
  outbox.put(port, reply(1), 0);
  outbox.put(&b, reply(2), 0);
  outbox.put(port, Outbox::Closed{}, 0);
  EXPECT_EQ(heard(), (Journal{"c: reply 1", "b: reply 2", "c: closed", "b: flush"}));
}

TEST_F(OutboxOf, nothing_dispatches_nothing) { EXPECT_FALSE(outbox.dispatch()); }

RC_GTEST_PROP(OutboxProperty, hands_out_per_port_in_order_and_never_early, ()) {
  const auto steps = *rc::gen::arbitrary<std::vector<std::tuple<std::uint8_t, std::uint8_t>>>();
  std::vector<std::string> journal;
  JournalPort ports[] = {{"0", journal}, {"1", journal}, {"2", journal}};
  Outbox outbox(0);
  broker::BatchNumber durable = 0;
  std::vector<std::pair<std::uint64_t, broker::BatchNumber>> put[3];
  std::size_t got[3] = {};
  std::uint64_t request = 0;
  const auto dispatch = [&] {
    journal.clear();
    outbox.dispatch();
    for (const std::string& line : journal) {
      if (line.ends_with("flush")) continue;
      const std::size_t port = static_cast<std::size_t>(line[0] - '0');
      RC_ASSERT(got[port] < put[port].size());
      const auto& [expected, after] = put[port][got[port]++];
      RC_ASSERT(line == std::to_string(port) + ": reply " + std::to_string(expected));
      RC_ASSERT(after <= durable);
    }
  };
  for (const auto& [what, value] : steps) {
    if (what % 4 == 0) {
      outbox.durable(durable += value % 4);
    } else if (what % 4 == 1) {
      dispatch();
    } else {
      const std::size_t port = value % 3;
      const broker::BatchNumber after = durable + value / 3 % 5;
      put[port].emplace_back(++request, after);
      outbox.put(&ports[port], Outbox::ReplyTo{request, Reply(Done{})}, after);
    }
  }
  outbox.durable(durable += 10);
  dispatch();
  for (std::size_t port = 0; port < 3; ++port) RC_ASSERT(got[port] == put[port].size());
  RC_ASSERT(outbox.empty());
}

}  // namespace
}  // namespace escrow::engine
