// Messages that come again to an exchange, or to a queue, that looks for them.
#include <gtest/gtest.h>

#include <string>

#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

FieldTable once(std::int64_t size = 100) {
  FieldTable table;
  table.set("x-message-deduplication", {true});
  table.set("x-cache-size", {size});
  return table;
}

/// With the exchange "once", which remembers, and a queue "q" and a queue "once-q", which remembers, bound to it.
struct RememberingBroker : BrokerTester {
  RememberingBroker() {
    must_ok(broker->declare_exchange({"/", "once", ExchangeType::kFanout, once()}));
    must_ok(broker->declare_exchange({"/", "all", ExchangeType::kFanout, {}}));
    declare("q");
    must(broker->declare_queue({{"/", "once-q", once()}}, moment()));
    bind("once", "q", "");
    bind("all", "q", "");
    bind("all", "once-q", "");
  }
  static std::string properties(const std::string& key, std::uint8_t mode = 2, std::int32_t delay = 0) {
    Properties properties;
    properties.delivery_mode = mode;
    properties.headers.emplace();
    if (!key.empty()) properties.headers->set("x-deduplication-header", {key});
    if (delay > 0) properties.headers->set("x-delay", {delay});
    return must(encode_properties(properties));
  }
  Result<std::uint32_t> publish_key(const std::string& exchange, const std::string& key, const std::string& body = "a",
                                    std::uint8_t mode = 2) {
    MessageView message = view(body, "", exchange);
    const std::string encoded = properties(key, mode);
    message.properties = encoded;
    return broker->publish(message, moment());
  }
  std::size_t rows() const {
    std::size_t count = 0;
    for (const auto& [log, of_log] : store.keys) count += of_log.size();
    return count;
  }
};

TEST(BrokerDeduplication, a_message_that_comes_again_is_accepted_and_enqueued_once) {
  RememberingBroker b;
  EXPECT_EQ(must(b.publish_key("once", "1")), 1u);
  EXPECT_EQ(must(b.publish_key("once", "1")), 1u);
  EXPECT_EQ(must(b.publish_key("once", "2")), 1u);
  EXPECT_EQ(b.ready("q"), 2u);
  EXPECT_EQ(must(b.publish_key("once", "")), 1u);
  EXPECT_EQ(must(b.publish_key("once", "")), 1u);
  EXPECT_EQ(b.ready("q"), 4u) << "without a key none is a duplicate";
}

TEST(BrokerDeduplication, keys_and_messages_are_stored_together) {
  RememberingBroker b;
  b.seal();
  must(b.publish_key("once", "1"));
  b.crash();
  EXPECT_EQ(b.ready("q"), 0u);
  must(b.publish_key("once", "1"));
  b.seal();
  b.crash();
  EXPECT_EQ(b.ready("q"), 1u);
  must(b.publish_key("once", "1"));
  EXPECT_EQ(b.ready("q"), 1u);
}

TEST(BrokerDeduplication, a_message_that_goes_nowhere_is_not_remembered) {
  RememberingBroker b;
  must(b.broker->topology().unbind("/", "once", {"q"}, {"", {}, nullptr}));
  EXPECT_EQ(must(b.publish_key("once", "1")), 0u);
  b.bind("once", "q", "");
  EXPECT_EQ(must(b.publish_key("once", "1")), 1u);
  EXPECT_EQ(b.ready("q"), 1u);
}

TEST(BrokerDeduplication, a_message_that_was_refused_may_come_again_to_those_that_have_refused_it) {
  RememberingBroker b;
  FieldTable full;
  full.set("x-max-length", {std::int64_t{0}});
  full.set("x-overflow", {std::string("reject-publish")});
  must(b.broker->declare_queue({{"/", "full", full}}, b.moment()));
  b.bind("all", "full", "");
  b.bind("once", "full", "");
  EXPECT_EQ(b.publish_key("all", "1").error().reason, kQueueFull);
  EXPECT_EQ(b.publish_key("once", "1").error().reason, kQueueFull);
  EXPECT_EQ(b.ready("once-q"), 1u);
  must(b.broker->delete_queue({"/", "full"}, b.moment()));
  EXPECT_EQ(must(b.publish_key("all", "1")), 2u);
  EXPECT_EQ(b.ready("once-q"), 1u) << "which had taken it";
  must(b.publish_key("once", "1"));
  must(b.publish_key("once", "1"));
  EXPECT_EQ(b.ready("q"), 4u);
}

TEST(BrokerDeduplication, a_queue_remembers_for_itself) {
  RememberingBroker b;
  EXPECT_EQ(must(b.publish_key("all", "1")), 2u);
  EXPECT_EQ(must(b.publish_key("all", "1")), 2u);
  EXPECT_EQ(b.ready("q"), 2u);
  EXPECT_EQ(b.ready("once-q"), 1u);
  b.consume("x", "once-q", 1);
  b.work();
  must_ok(b.settle("x", 1, 1));
  must(b.publish_key("all", "1"));
  EXPECT_EQ(b.ready("once-q"), 0u) << "also when it was consumed";
}

TEST(BrokerDeduplication, a_committed_message_that_comes_again_goes_with_its_body) {
  RememberingBroker b;
  for (int i = 0; i < 2; ++i) {
    Message message;
    message.vhost = "/";
    message.exchange = "once";
    message.properties = RememberingBroker::properties("1");
    message.body = std::string(kMaxInlineBody + 1, 'L');
    b.broker->separate_body(message, b.moment());
    b.commit(message.view());
  }
  b.seal();
  EXPECT_EQ(b.ready("q"), 1u);
  EXPECT_EQ(b.store.bodies.size(), 1u);
}

TEST(BrokerDeduplication, a_delayed_message_is_looked_for_before_it_waits_and_not_after) {
  RememberingBroker b;
  FieldTable arguments = once();
  arguments.set("x-delayed-type", {std::string("fanout")});
  must_ok(b.broker->declare_exchange({"/", "later", ExchangeType::kDelayed, arguments}));
  b.bind("later", "q", "");
  b.bind("later", "once-q", "");
  for (int i = 0; i < 3; ++i) {
    MessageView message = view("a", "", "later");
    const std::string encoded = RememberingBroker::properties("1", 2, 500);
    message.properties = encoded;
    EXPECT_EQ(must(b.broker->publish(message, b.moment())), 1u);
  }
  b.work();
  b.seal();
  b.later += 1s;
  b.work();
  EXPECT_EQ(b.ready("q"), 1u);
  EXPECT_EQ(b.ready("once-q"), 1u);
}

TEST(BrokerDeduplication, a_transient_message_that_a_crash_has_lost_may_come_again) {
  RememberingBroker b;
  must(b.publish_key("once", "1", "a", 1));
  must(b.publish_key("once", "1", "a", 1));
  EXPECT_EQ(b.ready("q"), 1u);
  b.seal();
  b.crash();
  must(b.publish_key("once", "1", "a", 1));
  EXPECT_EQ(b.ready("q"), 1u);
}

TEST(BrokerDeduplication, dead_letters_are_not_looked_for) {
  RememberingBroker b;
  FieldTable dying = once();
  dying.set("x-dead-letter-exchange", {std::string()});
  dying.set("x-dead-letter-routing-key", {std::string("loop")});
  must(b.broker->declare_queue({{"/", "loop", dying}}, b.moment()));
  MessageView message = view("a", "loop", "");
  const std::string encoded = RememberingBroker::properties("1");
  message.properties = encoded;
  must(b.broker->publish(message, b.moment()));
  b.consume("x", "loop", 10);
  b.work();
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  EXPECT_EQ(b.work(), "x:a");
}

TEST(BrokerDeduplication, with_an_exchange_or_a_queue_go_its_keys) {
  RememberingBroker b;
  must(b.publish_key("once", "1"));
  must(b.publish_key("all", "2"));
  b.seal();
  EXPECT_EQ(b.rows(), 2u);
  must(b.broker->delete_exchange({"/", "once"}));
  must(b.broker->delete_queue({"/", "once-q"}, b.moment()));
  b.seal();
  EXPECT_EQ(b.rows(), 0u);
  b.crash();
  must_ok(b.broker->declare_exchange({"/", "once", ExchangeType::kFanout, once()}));
  b.bind("once", "q", "");
  const std::uint64_t before = b.ready("q");
  must(b.publish_key("once", "1"));
  EXPECT_EQ(b.ready("q"), before + 1) << "another exchange of the same name";
}

}  // namespace
}  // namespace escrow::broker
