// Messages that a delayed exchange keeps back.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker/core/delay_header.h"
#include "broker/core/names.h"
#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

const std::string kLarge(kMaxInlineBody + 1, 'L');

FieldTable delayed_type(const std::string& type = "direct") {
  FieldTable arguments;
  arguments.set("x-delayed-type", {type});
  return arguments;
}

std::string with_headers(std::initializer_list<FieldTable::Field> fields) {
  Properties properties;
  properties.headers.emplace();
  for (const auto& [name, value] : fields) properties.headers->set(name, value);
  return *encode_properties(properties);
}

std::string with_delay(FieldValue delay) { return with_headers({{"x-delay", std::move(delay)}}); }
std::string with_delay(std::int32_t ms) { return with_delay(FieldValue{ms}); }

/// With the delayed exchange "later", from which key "k" leads to queue "q".
struct DelayingBroker : BrokerTester {
  DelayingBroker() {
    declare_later("later");
    declare("q");
    bind("later", "q", "k");
  }
  void declare_later(const std::string& name, bool durable = true) {
    ExchangeSpec spec{"/", name, ExchangeType::kDelayed, delayed_type()};
    spec.durable = durable;
    must_ok(broker->declare_exchange(spec));
  }
  std::uint32_t publish_with(const std::string& properties, const std::string& body, const std::string& key = "k",
                             const std::string& exchange = "later") {
    MessageView message = view(body, key, exchange);
    message.properties = properties;
    return must(broker->publish(message, moment()));
  }
  void post_later(std::int32_t ms, const std::string& body, const std::string& key = "k") {
    EXPECT_EQ(publish_with(with_delay(ms), body, key), 1u);
  }
  /// Time passes, and what is due moves.
  void pass(Duration time) {
    later += time;
    work();
  }
  /// Bodies of the ready messages, in order.
  std::string drain(const std::string& queue_name) {
    const std::string name = "drain" + std::to_string(ids.size());
    consume(name, queue_name, 1000);
    std::string text = work();
    cancel(name);
    for (std::size_t at = 0; (at = text.find(name + ":")) != std::string::npos;) text.erase(at, name.size() + 1);
    return text;
  }
  std::uint64_t kept_back() { return must(broker->delete_exchange({"/", "later"})); }
  std::size_t leftovers() const {
    std::size_t count = 0;
    for (const auto& [key, value] : store.topology_entries) count += decode_leftover(key, value) ? 1 : 0;
    return count;
  }
};

TEST(BrokerDelays, a_message_waits_for_its_time_and_is_routed_then) {
  DelayingBroker b;
  b.post_later(500, "a");
  b.seal();
  b.later -= 1s;  // of the batch
  b.pass(499ms);
  EXPECT_EQ(b.ready("q"), 0u);
  b.pass(1ms);
  EXPECT_EQ(b.ready("q"), 1u);
  EXPECT_EQ(b.drain("q"), "a");
}

TEST(BrokerDelays, messages_come_in_the_order_of_their_times_and_of_equal_ones_in_that_of_publishing) {
  DelayingBroker b;
  b.post_later(5000, "last");
  b.post_later(2000, "first");
  b.post_later(3000, "second");
  b.post_later(3000, "third");
  b.seal();
  b.pass(10s);
  EXPECT_EQ(b.drain("q"), "first second third last");
}

TEST(BrokerDelays, without_a_delay_a_message_is_routed_at_once) {
  for (const FieldValue& none : {FieldValue{0}, FieldValue{-5}, FieldValue{std::string("soon")}, FieldValue{true}}) {
    DelayingBroker b;
    b.publish_with(with_delay(none), "a");
    b.publish_with(std::string(kNoProperties), "b");
    EXPECT_EQ(b.drain("q"), "a b");
  }
}

TEST(BrokerDelays, a_delay_is_an_integer_a_text_of_one_or_a_float_that_is_cut_off) {
  EXPECT_EQ(delay_ms(with_delay(FieldValue{std::int64_t{1} << 40})), std::int64_t{1} << 40);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{std::uint8_t{7}})), 7);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{std::string("1500")})), 1500);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{std::string("1500.9")})), 1500);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{1500.9})), 1500);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{0.9F})), 0);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{1e300})), QueueArguments::kMaxDurationMs);
  EXPECT_EQ(delay_ms(with_delay(FieldValue{std::string("12 minutes")})), 0);
}

TEST(BrokerDelays, what_was_delayed_says_so_and_is_not_delayed_again) {
  DelayingBroker b;
  b.post_later(1000, "a");
  b.seal();
  b.pass(2s);
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:a");
  const std::string properties(b.deliveries.back().message(0).properties);
  EXPECT_EQ(decode_properties(properties)->headers->find("x-delay")->as_integer(), -1000);
  EXPECT_EQ(b.deliveries.back().message(0).exchange, "later");
  b.publish_with(properties, "again");
  EXPECT_EQ(b.drain("q"), "again");
}

TEST(BrokerDelays, what_is_kept_back_survives_a_crash_and_comes_once) {
  DelayingBroker b;
  for (int i = 0; i < 1000; ++i) b.post_later(1000 * (1 + i % 20), std::to_string(i));
  b.seal();
  b.crash();
  b.pass(5s);
  b.seal();
  const std::uint64_t came = b.ready("q");
  EXPECT_GT(came, 0u);
  EXPECT_LT(came, 1000u);
  b.crash();
  EXPECT_EQ(b.ready("q"), came);
  b.pass(100s);
  EXPECT_EQ(b.ready("q"), 1000u);
  b.seal();
  EXPECT_TRUE(b.store.delays.begin()->second.empty());
}

TEST(BrokerDelays, before_its_batch_is_stored_a_released_message_is_still_kept_back) {
  DelayingBroker b;
  b.post_later(1000, "a");
  b.seal();
  b.pass(5s);
  EXPECT_EQ(b.ready("q"), 1u);
  b.crash();
  EXPECT_EQ(b.ready("q"), 0u);
  b.pass(0s);
  EXPECT_EQ(b.ready("q"), 1u);
}

TEST(BrokerDelays, one_that_is_due_before_its_batch_ends_comes_all_the_same) {
  DelayingBroker b;
  b.post_later(1, "a");
  b.pass(2ms);
  EXPECT_EQ(b.drain("q"), "a");
}

TEST(BrokerDelays, routes_are_those_of_the_time_when_it_is_due) {
  DelayingBroker b;
  b.post_later(1000, "a");
  b.seal();
  b.declare("other");
  b.bind("later", "other", "k");
  b.pass(5s);
  EXPECT_EQ(b.drain("q"), "a");
  EXPECT_EQ(b.drain("other"), "a");
}

TEST(BrokerDelays, what_has_nowhere_to_go_when_it_is_due_is_parked) {
  DelayingBroker b;
  b.post_later(1000, "a", "nowhere");
  b.seal();
  b.pass(5s);
  EXPECT_EQ(b.drain(std::string(kParkedQueue)), "a");
}

TEST(BrokerDelays, an_alternate_exchange_is_asked_when_it_is_due) {
  DelayingBroker b;
  FieldTable arguments = delayed_type("fanout");
  arguments.set(std::string(kAlternateExchange), {std::string("amq.fanout")});
  must_ok(b.broker->declare_exchange({"/", "with", ExchangeType::kDelayed, arguments}));
  b.declare("other");
  b.bind("amq.fanout", "other", "");
  b.publish_with(with_delay(1000), "a", "k", "with");
  b.seal();
  EXPECT_EQ(b.ready("other"), 0u);
  b.pass(5s);
  EXPECT_EQ(b.drain("other"), "a");
}

TEST(BrokerDelays, a_delayed_exchange_behind_another_one_delays_and_the_other_queues_do_not_wait) {
  for (const std::string& body : {std::string("a"), kLarge}) {
    DelayingBroker b;
    must(b.broker->topology().bind("/", "amq.fanout", {"later", DestinationKind::kExchange}, {}));
    b.declare("now");
    b.bind("amq.fanout", "now", "");
    EXPECT_EQ(b.publish_with(with_delay(1000), body, "k", "amq.fanout"), 2u);
    b.seal();
    EXPECT_EQ(b.drain("now"), body);
    b.pass(5s);
    EXPECT_EQ(b.drain("q"), body);
  }
}

TEST(BrokerDelays, the_body_of_a_committed_message_stays_for_whoever_has_it_last) {
  for (const bool delayed_last : {false, true}) {
    DelayingBroker b;
    must(b.broker->topology().bind("/", "amq.fanout", {"later", DestinationKind::kExchange}, {}));
    b.declare("now");
    b.bind("amq.fanout", "now", "");
    Message message{"/", "amq.fanout", "k", with_delay(1000), kLarge, {}};
    b.broker->separate_body(message, b.moment());
    b.commit(message.view());
    b.seal();
    ASSERT_EQ(b.store.bodies.size(), 1u);
    b.crash();
    const auto settle = [&](const std::string& queue) {
      b.consume(queue, queue, 1);
      EXPECT_EQ(b.work(), queue + ":" + kLarge);
      must_ok(b.settle(queue, 1, 1));
      b.work();
      b.seal();
    };
    if (delayed_last) {
      settle("now");
      b.crash();
    }
    b.pass(5s);
    b.seal();
    b.crash();
    settle("q");
    if (!delayed_last) settle("now");
    EXPECT_TRUE(b.store.bodies.empty());
    for (const auto& [key, value] : b.store.topology_entries) EXPECT_FALSE(decode_shared_body(key, value));
  }
}

TEST(BrokerDelays, blind_copies_are_routed_when_it_is_due_and_never_shown) {
  DelayingBroker b;
  b.declare("hidden");
  b.bind("later", "hidden", "secret");
  b.publish_with(with_headers({{"x-delay", {1000}}, {"BCC", {FieldArray{{std::string("secret")}}}}}), "a");
  b.seal();
  b.crash();
  b.pass(5s);
  EXPECT_EQ(b.drain("q"), "a");
  EXPECT_EQ(b.drain("hidden"), "a");
  for (const Delivery& delivery : b.deliveries) {
    const std::string properties(delivery.message(0).properties);
    EXPECT_EQ(decode_properties(properties)->headers->find("BCC"), nullptr);
  }
}

TEST(BrokerDelays, a_deleted_exchange_takes_what_it_keeps_back_with_it) {
  DelayingBroker b;
  for (int i = 0; i < 600; ++i) b.post_later(1000 + i, i % 2 == 0 ? "a" : kLarge);
  b.seal();
  EXPECT_EQ(b.kept_back(), 600u);
  b.seal();
  EXPECT_EQ(b.leftovers(), 1u);
  b.crash();
  b.work();
  b.seal();
  EXPECT_EQ(b.leftovers(), 0u);
  EXPECT_TRUE(b.store.delays.empty());
  EXPECT_TRUE(b.store.bodies.empty());
  b.declare_later("later");
  b.bind("later", "q", "k");
  b.pass(100s);
  EXPECT_EQ(b.ready("q"), 0u) << "a new one of the same name has nothing of it";
}

TEST(BrokerDelays, an_exchange_that_is_not_durable_leaves_nothing_behind_a_crash) {
  DelayingBroker b;
  b.declare_later("brief", false);
  b.publish_with(with_delay(1000), "a", "k", "brief");
  b.seal();
  b.crash();
  b.work();
  b.seal();
  EXPECT_EQ(b.leftovers(), 0u);
  for (const auto& [log, entries] : b.store.delays) EXPECT_TRUE(entries.empty());
}

TEST(BrokerDelays, it_wakes_for_the_next_one_only) {
  DelayingBroker b;
  b.post_later(30'000, "a");
  const Timestamp due = b.moment().now + 30s;
  b.work();
  EXPECT_EQ(b.broker->next_due(), due);
  b.seal();
  b.crash();
  b.work();
  EXPECT_EQ(b.broker->next_due(), due) << "after one look at what is stored";
}

TEST(BrokerDelays, much_that_is_due_at_once_moves_in_bounded_steps) {
  DelayingBroker b;
  for (std::size_t i = 0; i < 3 * Queue::kMaxStep; ++i) b.post_later(1000, "a");
  b.seal();
  b.later += 5s;
  std::uint64_t before = 0;
  int steps = 0;
  const auto step = [&] {
    static_cast<void>(b.broker->work(b.moment()));
    EXPECT_LE(b.ready("q") - before, Queue::kMaxStep + DelayLog::kMaxEntryMessages);
    before = b.ready("q");
  };
  while (before < 3 * Queue::kMaxStep && ++steps < 100) {
    step();
    for (const DelayLog::LoadRequest& request : std::exchange(b.broker->effects().delay_loads, {})) {
      b.broker->load(request.log, b.store.read(request, 1000));
    }
  }
  EXPECT_GE(steps, 3);
  EXPECT_EQ(before, 3 * Queue::kMaxStep);
}

TEST(BrokerDelays, a_dead_letter_with_a_delay_comes_back_later) {
  DelayingBroker b;
  FieldTable arguments;
  arguments.set("x-dead-letter-exchange", {std::string("later")});
  arguments.set("x-dead-letter-routing-key", {std::string("k")});
  must(b.broker->declare_queue({{"/", "work", arguments}}, b.moment()));
  b.publish_with(with_delay(1000), "a", "work", "");
  b.consume("x", "work", 1);
  EXPECT_EQ(b.work(), "x:a") << "the default exchange delays nothing";
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  b.work();
  b.seal();
  EXPECT_EQ(b.ready("q"), 0u);
  b.pass(5s);
  EXPECT_EQ(b.drain("q"), "a");
}

TEST(BrokerDelays, declarations_need_a_type_to_route_by) {
  BrokerTester b;
  const auto declare = [&](FieldTable arguments) {
    return b.broker->declare_exchange({"/", "x", ExchangeType::kDelayed, std::move(arguments)});
  };
  const auto message = [](const Result<void>& refused) { return refused ? "" : refused.error().message; };
  EXPECT_EQ(message(declare({})), "Invalid argument, 'x-delayed-type' must be an existing exchange type");
  EXPECT_EQ(message(declare(delayed_type("nonsense"))),
            "Invalid argument, 'x-delayed-type' must be an existing exchange type");
  EXPECT_EQ(message(declare(delayed_type("x-delayed-message"))),
            "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
  must_ok(declare(delayed_type("topic")));
  must_ok(declare(delayed_type("topic")));
  EXPECT_EQ(
      message(declare(delayed_type("fanout"))),
      "inequivalent arg 'x-delayed-type' for exchange 'x' in vhost '/': received 'fanout' but current is 'topic'");
}

}  // namespace
}  // namespace escrow::broker
