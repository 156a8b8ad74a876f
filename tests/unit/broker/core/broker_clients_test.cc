// Connections, channels and the queues that live as long as they do.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

/// Declares and says what came of it.
std::string declare(BrokerTester& b, QueueSpec spec, ConnectionId connection = 0) {
  const auto declared = b.broker->declare_queue({std::move(spec), false, false, connection}, b.moment());
  return declared ? "ok" : declared.error().reason;
}

/// A channel and a consumer of it, as a client chooses their names.
void consume(BrokerTester& b, const std::string& name, const std::string& queue, ChannelId channel,
             std::uint32_t credit = 10) {
  Consume command{"/", queue, credit, true};
  command.channel = channel;
  command.consumer = kClientConsumers + b.names.size();
  b.ids[name] = must(b.broker->consume(command));
  b.names[b.ids[name]] = name;
}

void open(BrokerTester& b, ConnectionId connection, ChannelId channel) {
  b.broker->open_channel({connection, channel});
  b.broker->grant_bytes(connection, 1 << 20);
}

TEST(BrokerClients, tags_count_the_deliveries_of_a_channel_whoever_they_are_for) {
  BrokerTester b;
  b.declare("p");
  b.declare("q");
  open(b, 1, 10);
  consume(b, "x", "p", 10);
  consume(b, "y", "q", 10);
  b.post("p", "a");
  b.post("q", "b");
  EXPECT_EQ(b.work(), "x:a y:b");
  must_ok(b.broker->settle(SettleTag{10, 2, true, Settlement::kAck}, b.moment()));
  EXPECT_EQ(b.unacked("p") + b.unacked("q"), 0u);
}

TEST(BrokerClients, only_a_tag_that_is_outstanding_can_be_settled) {
  BrokerTester b;
  b.declare("q");
  open(b, 1, 10);
  consume(b, "x", "q", 10);
  b.post("q", 3);
  b.work();
  const auto settle = [&](DeliveryTag tag, bool multiple) {
    const auto settled = b.broker->settle(SettleTag{10, tag, multiple, Settlement::kAck}, b.moment());
    return settled ? "ok" : settled.error().reason;
  };
  EXPECT_EQ(settle(4, false), "DELIVERY_TAG_UNKNOWN");
  EXPECT_EQ(settle(0, false), "DELIVERY_TAG_UNKNOWN");
  EXPECT_EQ(settle(2, false), "ok");
  EXPECT_EQ(settle(2, false), "DELIVERY_TAG_UNKNOWN");
  EXPECT_EQ(settle(0, true), "ok") << "all there are";
  EXPECT_EQ(settle(0, true), "ok") << "even when there are none";
  EXPECT_EQ(b.unacked("q"), 0u);
}

TEST(BrokerClients, what_a_consumer_was_given_stays_with_its_channel_when_it_is_cancelled) {
  BrokerTester b;
  b.declare("q");
  open(b, 1, 10);
  consume(b, "x", "q", 10);
  b.post("q", "a");
  b.work();
  b.cancel("x");
  b.work();
  EXPECT_EQ(b.unacked("q"), 1u);
  b.broker->close_channel(10, b.moment());
  b.work();
  EXPECT_EQ(b.ready("q"), 1u);
}

TEST(BrokerClients, a_queue_that_is_exclusive_obeys_its_connection_and_goes_with_it) {
  BrokerTester b;
  const QueueSpec mine{"/", "q", {}, false, false, 1};
  EXPECT_EQ(declare(b, mine, 1), "ok");
  EXPECT_EQ(declare(b, mine, 2), "QUEUE_LOCKED");
  EXPECT_EQ(b.broker->delete_queue({"/", "q", false, false, 2}, b.moment()).error().reason, "QUEUE_LOCKED");
  open(b, 1, 10);
  b.broker->close_connection(1, b.moment());
  EXPECT_FALSE(b.broker->topology().queue("/", "q").ok());
  EXPECT_EQ(b.broker->effects().expired.size(), 1u);
}

TEST(BrokerClients, a_queue_can_go_with_its_last_consumer) {
  BrokerTester b;
  EXPECT_EQ(declare(b, {"/", "q", {}, true, true}), "ok");
  open(b, 1, 10);
  consume(b, "x", "q", 10);
  consume(b, "y", "q", 10);
  b.cancel("x");
  EXPECT_TRUE(b.broker->topology().queue("/", "q").ok());
  b.cancel("y");
  EXPECT_FALSE(b.broker->topology().queue("/", "q").ok());
}

TEST(BrokerClients, a_queue_goes_when_it_was_not_used_for_its_time) {
  BrokerTester b;
  FieldTable arguments;
  arguments.set("x-expires", {std::int32_t{3000}});
  EXPECT_EQ(declare(b, {"/", "q", arguments}), "ok");
  EXPECT_EQ(b.broker->next_due(), at(4));
  open(b, 1, 10);
  consume(b, "x", "q", 10);
  EXPECT_EQ(b.broker->next_due(), std::nullopt) << "it is in use";
  b.batch = 9;
  b.cancel("x");
  EXPECT_EQ(b.broker->next_due(), at(12));
  b.broker->work({at(11), 9});
  EXPECT_TRUE(b.broker->topology().queue("/", "q").ok());
  b.broker->work({at(12), 9});
  EXPECT_FALSE(b.broker->topology().queue("/", "q").ok());
}

TEST(BrokerClients, an_exclusive_consumer_is_alone) {
  BrokerTester b;
  b.declare("q");
  open(b, 1, 10);
  Consume command{"/", "q", 1, true};
  command.channel = 10;
  command.exclusive = true;
  must(b.broker->consume(command));
  EXPECT_EQ(b.broker->consume({"/", "q", 1, true}).error().reason, "QUEUE_IN_EXCLUSIVE_USE");
  b.declare("p");
  must(b.broker->consume({"/", "p", 1, true}));
  command.queue = "p";
  EXPECT_EQ(b.broker->consume(command).error().message, "queue 'p' in vhost '/' in exclusive use");
}

TEST(BrokerClients, an_exclusive_consumer_is_refused_where_one_of_several_is_active) {
  BrokerTester b;
  FieldTable arguments;
  arguments.set("x-single-active-consumer", {true});
  EXPECT_EQ(declare(b, {"/", "q", arguments}), "ok");
  open(b, 1, 7);
  Consume command{"/", "q", 1, true};
  command.channel = 7;
  must(b.broker->consume(command));
  command.exclusive = true;
  EXPECT_EQ(b.broker->consume(command).error().reason, "QUEUE_IN_EXCLUSIVE_USE");
}

TEST(BrokerClients, consumers_of_a_connection_share_its_bytes) {
  BrokerTester b;
  b.declare("p");
  b.declare("q");
  b.broker->open_channel({1, 10});
  b.broker->grant_bytes(1, 1);
  consume(b, "x", "p", 10);
  consume(b, "y", "q", 10);
  b.post("p", "a");
  b.post("q", "b");
  EXPECT_EQ(b.work(), "x:a") << "the last one may be larger than what is left";
  b.broker->grant_bytes(1, 1000);
  EXPECT_EQ(b.work(), "y:b");
}

TEST(BrokerClients, copies_go_to_further_keys_and_the_blind_ones_are_not_seen) {
  BrokerTester b;
  for (const char* name : {"to", "copy", "blind"}) b.declare(name);
  Properties properties;
  FieldTable headers;
  headers.set("CC", {FieldArray{{std::string("copy")}}});
  headers.set("BCC", {FieldArray{{std::string("blind")}, {std::string("to")}}});
  properties.headers = headers;
  const std::string encoded = must(encode_properties(properties));
  MessageView message = view("m", "to", "");
  message.properties = encoded;
  EXPECT_EQ(must(b.broker->publish(message, b.moment())), 3u) << "a queue gets it once";
  b.consume("x", "blind", 1);
  EXPECT_EQ(b.work(), "x:m");
  const Properties seen = must(decode_properties(b.deliveries.back().message(0).properties));
  EXPECT_NE(seen.headers->find("CC"), nullptr);
  EXPECT_EQ(seen.headers->find("BCC"), nullptr);
}

TEST(BrokerClients, a_list_of_blind_copies_is_not_seen_though_it_is_empty) {
  BrokerTester b;
  b.declare("q");
  Properties properties;
  properties.headers.emplace().set("BCC", {FieldArray{}});
  const std::string encoded = must(encode_properties(properties));
  MessageView message = view("m", "q", "");
  message.properties = encoded;
  EXPECT_EQ(must(b.broker->publish(message, b.moment())), 1u);
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:m");
  EXPECT_EQ(must(decode_properties(b.deliveries.back().message(0).properties)).headers->find("BCC"), nullptr);
}

TEST(BrokerClients, copies_that_are_no_list_are_refused) {
  BrokerTester b;
  b.declare("q");
  Properties properties;
  properties.headers.emplace().set("CC", {std::string("q")});
  const std::string encoded = must(encode_properties(properties));
  MessageView message = view("m", "q", "");
  message.properties = encoded;
  EXPECT_EQ(b.broker->publish(message, b.moment()).error().message,
            "invalid message: {unacceptable_type_in_header,\"CC\",longstr}");
  message.exchange = "none";
  EXPECT_EQ(b.broker->publish(message, b.moment()).error().reason, "EXCHANGE_UNKNOWN") << "which counts more";
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(BrokerClients, copies_go_to_the_keys_of_a_list_that_are_strings) {
  BrokerTester b;
  b.declare("q");
  Properties properties;
  properties.headers.emplace().set("CC", {FieldArray{{std::int32_t{5}}, {std::string("q")}}});
  const std::string encoded = must(encode_properties(properties));
  MessageView message = view("m", "elsewhere", "");
  message.properties = encoded;
  EXPECT_EQ(must(b.broker->publish(message, b.moment())), 1u);
}

TEST(BrokerClients, a_full_queue_refuses_and_the_others_take_the_message) {
  BrokerTester b;
  FieldTable arguments;
  arguments.set("x-max-length", {std::int32_t{1}});
  arguments.set("x-overflow", {std::string("reject-publish")});
  EXPECT_EQ(declare(b, {"/", "full", arguments}), "ok");
  b.declare("free");
  b.bind("amq.fanout", "full", "");
  b.bind("amq.fanout", "free", "");
  EXPECT_EQ(must(b.publish("amq.fanout", "", "a")), 2u);
  EXPECT_EQ(b.publish("amq.fanout", "", "b").error().reason, kQueueFull);
  EXPECT_EQ(b.ready("full"), 1u);
  EXPECT_EQ(b.ready("free"), 2u);
}

TEST(BrokerClients, a_transient_queue_writes_nothing_while_there_is_room) {
  BrokerTester b;
  EXPECT_EQ(declare(b, {"/", "q", {}, false}), "ok");
  b.consume("x", "q", 1000, true);
  b.post("q", 100);
  b.post("q", std::string(100'000, 'x'));
  b.work();
  must_ok(b.settle("x", 1, 101));
  EXPECT_FALSE(b.broker->has_changes());
  EXPECT_EQ(b.deliveries.front().after, 0u) << "nothing has to be durable first";
  b.seal();
  EXPECT_TRUE(b.store.topology_entries.empty());
  EXPECT_TRUE(b.store.logs.empty());
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerClients, a_transient_queue_beyond_its_memory_is_stored_and_forgotten_by_a_crash) {
  BrokerTester b(64 << 10);
  EXPECT_EQ(declare(b, {"/", "q", {}, false}), "ok");
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string body = std::to_string(i) + std::string(100, 'x');
    b.post("q", body);
    expected += (i == 0 ? "x:" : " x:") + body;
    if (i % 100 == 0) b.seal();
  }
  b.seal();
  EXPECT_FALSE(b.store.logs.empty());
  BrokerTester crashed = BrokerTester(64 << 10);
  crashed.store = b.store;
  crashed.crash();
  EXPECT_FALSE(crashed.broker->topology().queue("/", "q").ok());
  crashed.work();
  crashed.seal();
  EXPECT_TRUE(crashed.store.logs.empty()) << "what it left is erased";
  EXPECT_TRUE(crashed.store.topology_entries.empty());

  b.consume("x", "q", 5000);
  EXPECT_EQ(b.work(), expected) << "in order, read back";
}

TEST(BrokerClients, transient_messages_of_a_durable_queue_are_not_stored_while_there_is_room) {
  BrokerTester b;
  b.declare("q");
  b.seal();
  b.consume("x", "q", 1000, true);
  for (const std::string& body : {std::string("a"), std::string(100'000, 'x')}) {
    EXPECT_EQ(must(b.broker->publish(view(body, "q", ""), b.moment())), 1u);
    EXPECT_FALSE(b.broker->persisted());
  }
  b.work();
  EXPECT_EQ(b.deliveries.back().after, 0u) << "nothing has to be durable first";
  must_ok(b.settle("x", 1, 1));
  must_ok(b.settle("x", 2, 2, Settlement::kRequeue));
  b.work();
  EXPECT_FALSE(b.broker->has_changes());
  b.post("q", "kept");
  EXPECT_TRUE(b.broker->persisted());
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
  b.crash();
  EXPECT_EQ(b.ready("q"), 1u);
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:kept");
}

TEST(BrokerClients, a_transient_message_is_stored_with_the_dead_letters) {
  BrokerTester b;
  FieldTable arguments;
  arguments.set("x-dead-letter-exchange", {std::string()});
  arguments.set("x-dead-letter-routing-key", {std::string("dead")});
  EXPECT_EQ(declare(b, {"/", "q", arguments}), "ok");
  b.declare("dead");
  EXPECT_EQ(must(b.broker->publish(view("a", "q", ""), b.moment())), 1u);
  b.consume("x", "q", 1);
  b.work();
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  b.work();
  b.seal();
  b.crash();
  EXPECT_EQ(b.ready("dead"), 1u);
}

TEST(BrokerClients, a_large_body_is_stored_for_the_queues_that_are) {
  BrokerTester b;
  EXPECT_EQ(declare(b, {"/", "transient", {}, false}), "ok");
  b.declare("durable");
  b.bind("amq.fanout", "transient", "");
  b.bind("amq.fanout", "durable", "");
  const std::string body(100'000, 'x');
  must(b.publish("amq.fanout", "", body));
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.consume("x", "transient", 1, true);
  b.consume("y", "durable", 1, true);
  EXPECT_EQ(b.work(), "x:" + body + " y:" + body);
  must_ok(b.settle("y", 1, 1));
  b.work();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

/// Opens channel 1 of connection 1.
void open_channel(BrokerTester& b) {
  b.broker->open_channel({1, 1});
  b.broker->grant_bytes(1, 1 << 20);
}
Result<void> fetch(BrokerTester& b, std::uint64_t request, bool no_ack = true) {
  return b.broker->fetch({"/", "q", 1, no_ack}, request, b.moment());
}
/// "request:body", or "request:-" for none.
std::string fetched(BrokerTester& b) {
  std::string text;
  for (const Fetched& f : b.broker->effects().fetched) {
    text += (text.empty() ? "" : " ") + std::to_string(f.request) + ":";
    text += f.delivery.count == 0 ? "-" : std::string(f.delivery.message(0).body);
  }
  b.broker->effects().fetched.clear();
  return text;
}

TEST(BrokerClients, a_fetch_finds_what_is_there_when_it_is_asked) {
  BrokerTester b;
  b.declare("q");
  open_channel(b);
  b.post("q", "a");
  must_ok(fetch(b, 1));
  must_ok(fetch(b, 2));
  b.post("q", "b");
  must_ok(b.broker->purge({"/", "q"}, 9, b.moment()));
  must_ok(fetch(b, 3));
  EXPECT_EQ(fetched(b), "1:a 2:- 3:-");
}

TEST(BrokerClients, a_fetch_that_waits_for_a_page_is_answered_when_its_queue_or_its_channel_goes) {
  for (const bool queue_goes : {true, false}) {
    BrokerTester b;
    b.declare("q");
    b.post("q", 3);
    b.seal();
    b.crash();
    open_channel(b);
    must_ok(fetch(b, 1));
    must_ok(fetch(b, 2));
    EXPECT_EQ(fetched(b), "") << "the page is read first";
    if (queue_goes) {
      must(b.broker->delete_queue({"/", "q"}, b.moment()));
    } else {
      b.broker->close_channel(1, b.moment());
    }
    EXPECT_EQ(fetched(b), "1:- 2:-");
  }
}

TEST(BrokerClients, what_is_settled_at_once_takes_no_place_of_what_a_channel_may_hold) {
  BrokerTester b;
  b.declare("q");
  open_channel(b);
  b.post("q", "held");
  must_ok(fetch(b, 1, false));
  for (std::uint64_t i = 0; i < 3000; ++i) {
    b.post("q", "a");
    must_ok(fetch(b, 2 + i));
  }
  must_ok(b.broker->settle(SettleTag{1, 1, false, Settlement::kAck}, b.moment()));
  EXPECT_EQ(b.unacked("q"), 0u);
}

TEST(BrokerClients, tags_that_are_settled_out_of_order_are_forgotten_but_for_those_that_are_not) {
  constexpr DeliveryTag kMessages = 10'000;
  BrokerTester b;
  b.declare("q");
  b.post("q", static_cast<int>(kMessages));
  open_channel(b);
  b.broker->grant_bytes(1, 100 << 20);
  for (DeliveryTag tag = 1; tag <= kMessages; ++tag) must_ok(fetch(b, tag, false));
  const auto settle = [&](DeliveryTag tag, bool multiple = false) {
    return b.broker->settle(SettleTag{1, tag, multiple, Settlement::kAck}, b.moment());
  };
  for (DeliveryTag tag = 1; tag <= kMessages; ++tag) {
    if (tag % 100 != 1) must_ok(settle(tag));
  }
  EXPECT_EQ(b.unacked("q"), kMessages / 100);
  EXPECT_FALSE(settle(50).ok()) << "it was";
  must_ok(settle(101));
  EXPECT_FALSE(settle(101).ok());
  must_ok(settle(5001, true));
  b.work();
  EXPECT_EQ(b.unacked("q"), 49u);
  must_ok(settle(0, true));
  b.work();
  EXPECT_EQ(b.unacked("q"), 0u);
}

TEST(BrokerClients, all_there_are_up_to_a_tag_may_be_none) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3);
  open_channel(b);
  for (DeliveryTag tag = 1; tag <= 3; ++tag) must_ok(fetch(b, tag, false));
  SettleTag all{1, 2, true, Settlement::kAck};
  all.if_any = true;
  must_ok(b.broker->settle(all, b.moment()));
  EXPECT_EQ(b.unacked("q"), 1u);
  must_ok(b.broker->settle(all, b.moment()));
  EXPECT_EQ(b.unacked("q"), 1u);
}

TEST(BrokerClients, consumers_that_come_and_go_leave_nothing_behind) {
  BrokerTester b;
  b.declare("q");
  b.consume("first", "q", 5);
  for (int i = 0; i < 1000; ++i) {
    Consume consume{"/", "q", 5};
    consume.priority = i - 500;
    const ConsumerId id = must(b.broker->consume(consume));
    b.broker->cancel(id, b.moment());
  }
  b.post("q", "a");
  EXPECT_EQ(b.work(), "first:a");
}

TEST(BrokerClients, a_queue_refuses_only_what_no_consumer_waits_for) {
  BrokerTester b;
  FieldTable arguments;
  arguments.set("x-max-length", {std::int32_t{2}});
  arguments.set("x-overflow", {std::string("reject-publish")});
  must(b.broker->declare_queue({{"/", "q", arguments}}, b.moment()));
  b.consume("x", "q", 5);
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += b.publish("", "q", "m").ok() ? 1 : 0;
  EXPECT_EQ(taken, 7) << "five for the consumer, and two that wait";
}

TEST(BrokerClients, the_exclusive_queues_of_a_connection_go_in_bounded_steps) {
  constexpr std::size_t kQueues = 2 * Broker::kRetirePerStep + 1;
  BrokerTester b;
  open_channel(b);
  for (std::size_t i = 0; i < kQueues; ++i) {
    DeclareQueue declare{{"/", "q" + std::to_string(i), {}, false, false, 1}};
    declare.connection = 1;
    must(b.broker->declare_queue(declare, b.moment()));
  }
  const auto queues = [&] { return must(b.broker->topology().vhost("/"))->queues.size(); };
  b.broker->close_connection(1, b.moment());
  EXPECT_EQ(queues(), kQueues - Broker::kRetirePerStep);
  EXPECT_TRUE(b.broker->work(b.moment()));
  b.work();
  EXPECT_EQ(queues(), 0u);
}

}  // namespace
}  // namespace escrow::broker
