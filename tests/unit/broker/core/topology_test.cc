#include "broker/core/topology.h"

#include <gtest/gtest.h>

#include "broker/core/names.h"
#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

const FieldTable kMaxLength = arguments({{"x-max-length", {std::int32_t{10}}}});

TEST(Topology, begins_with_the_exchanges_that_amqp_demands) {
  Topology topology;
  const auto type = [&](const char* name) { return (*topology.exchange("/", name))->spec().type; };
  EXPECT_EQ(type("amq.direct"), ExchangeType::kDirect);
  EXPECT_EQ(type("amq.fanout"), ExchangeType::kFanout);
  EXPECT_EQ(type("amq.topic"), ExchangeType::kTopic);
  EXPECT_EQ(type("amq.headers"), ExchangeType::kHeaders);
  EXPECT_EQ(type("amq.match"), ExchangeType::kHeaders);
  EXPECT_EQ(type("amq.rabbitmq.trace"), ExchangeType::kTopic);
  EXPECT_TRUE((*topology.exchange("/", "amq.rabbitmq.trace"))->spec().internal);
  EXPECT_FALSE(topology.has_changes()) << "they are not stored";
}

TEST(Topology, declares_an_exchange_once) {
  TopologyTester t;
  EXPECT_EQ(outcome(t.exchange("ex")), "ok");
  EXPECT_TRUE(t.topology.has_changes());
  t.store();
  EXPECT_EQ(outcome(t.exchange("ex")), "ok");
  EXPECT_FALSE(t.topology.has_changes()) << "nothing new";
}

TEST(Topology, declares_a_queue_once) {
  TopologyTester t;
  const Result<Queue*> queue = t.queue("q", kMaxLength);
  ASSERT_TRUE(queue.ok());
  EXPECT_EQ((*queue)->log().id(), 1u);
  EXPECT_EQ(*t.queue("q", kMaxLength), *queue);
  EXPECT_EQ(t.next_log, 2u) << "no second log";
  EXPECT_EQ(*t.topology.queue("/", "q"), *queue);
}

TEST(Topology, refuses_names_that_are_malformed_or_reserved) {
  TopologyTester t;
  EXPECT_EQ(outcome(t.exchange("")), "NAME_RESERVED") << "the default exchange";
  EXPECT_EQ(outcome(t.exchange(std::string(256, 'x'))), "LIMIT_EXCEEDED");
  EXPECT_EQ(outcome(t.exchange("amq.mine")), "NAME_RESERVED");
  EXPECT_EQ(outcome(t.exchange("escrow.mine")), "NAME_RESERVED");
  EXPECT_EQ(outcome(t.queue("")), "MALFORMED");
  EXPECT_EQ(outcome(t.queue("a\nb")), "MALFORMED");
}

TEST(Topology, lets_what_the_server_declared_be_declared_again_as_it_is) {
  TopologyTester t;
  EXPECT_EQ(outcome(t.exchange("amq.topic", ExchangeType::kTopic)), "ok");
  EXPECT_EQ(outcome(t.exchange("amq.topic", ExchangeType::kFanout)), "DECLARATION_DIFFERS");
}

TEST(Topology, knows_what_it_does_not_know) {
  TopologyTester t;
  const auto exchange = t.topology.exchange("/", "x");
  EXPECT_EQ(exchange.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(exchange.error().reason, "EXCHANGE_UNKNOWN");
  EXPECT_EQ(exchange.error().message, "no exchange 'x' in vhost '/'");
  const auto queue = t.topology.queue("/", "x");
  EXPECT_EQ(queue.error().reason, "QUEUE_UNKNOWN");
  EXPECT_EQ(queue.error().message, "no queue 'x' in vhost '/'");
  EXPECT_EQ(outcome(t.topology.vhost("v")), "VHOST_UNKNOWN");
  EXPECT_EQ(outcome(t.queue("q", {}, "v")), "VHOST_UNKNOWN");
  EXPECT_EQ(outcome(t.topology.exchange("v", "amq.topic")), "VHOST_UNKNOWN");
}

TEST(Topology, deletes_an_exchange_and_its_bindings) {
  TopologyTester t;
  t.exchange("ex").ok();
  t.queue("q").ok();
  t.bind("ex", "q", "k").ok();
  t.store();
  const auto used = t.topology.delete_exchange("/", "ex", true);
  EXPECT_EQ(used.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(used.error().reason, "EXCHANGE_IN_USE");
  EXPECT_EQ(used.error().message, "exchange 'ex' in vhost '/' in use");
  EXPECT_EQ(outcome(t.topology.delete_exchange("/", "ex", false)), "ok");
  EXPECT_EQ(t.route("ex", "k"), "EXCHANGE_UNKNOWN");
  t.store();
  EXPECT_EQ(t.stored.size(), 1u) << "the queue is left";
  EXPECT_EQ(outcome(t.topology.delete_exchange("/", "ex", false)), "ok") << "it is gone already";
  EXPECT_FALSE(t.topology.has_changes());
}

TEST(Topology, deletes_an_exchange_that_nobody_uses) {
  TopologyTester t;
  t.exchange("ex").ok();
  EXPECT_EQ(outcome(t.topology.delete_exchange("/", "ex", true)), "ok");
  for (const char* name : {"amq.direct", "amq.topic", "escrow.x", ""}) {
    EXPECT_EQ(outcome(t.topology.delete_exchange("/", name, false)), "NAME_RESERVED") << name;
  }
  EXPECT_EQ(t.topology.delete_exchange("/", "amq.topic", false).error().message,
            "deletion of system exchange 'amq.topic' in vhost '/' not allowed");
  EXPECT_EQ(t.topology.delete_exchange("/", "", false).error().message,
            "operation not permitted on the default exchange");
}

TEST(Topology, hands_over_a_queue_with_all_its_bindings_undone) {
  TopologyTester t;
  t.exchange("ex").ok();
  t.queue("q").ok();
  t.queue("other").ok();
  t.bind("ex", "q", "k").ok();
  t.bind("amq.topic", "q", "#").ok();
  t.bind("ex", "other", "k").ok();
  t.store();
  const auto taken = t.topology.take_queue("/", "q");
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ((*taken)->spec().name, "q");
  EXPECT_EQ(t.route("ex", "k"), "other");
  EXPECT_EQ(t.route("amq.topic", "k"), "");
  EXPECT_EQ(t.route("", "q"), "");
  t.store();
  EXPECT_EQ(t.stored.size(), 3u) << "exchange, other queue, its binding";
  EXPECT_EQ(outcome(t.topology.take_queue("/", "q")), "QUEUE_UNKNOWN");
}

TEST(Topology, stores_nothing_of_what_is_not_durable) {
  TopologyTester t;
  const auto transient = [](auto& spec) { spec.durable = false; };
  ASSERT_EQ(outcome(t.exchange_with("transient", ExchangeType::kFanout, transient)), "ok");
  ASSERT_EQ(outcome(t.queue_with("transient", transient)), "ok");
  ASSERT_EQ(outcome(t.queue_with("exclusive", [](QueueSpec& spec) { spec.exclusive = 7; })), "ok");
  EXPECT_FALSE(t.topology.has_changes());
  ASSERT_TRUE(t.exchange("durable").ok());
  ASSERT_TRUE(t.queue("durable").ok());
  t.store();
  EXPECT_EQ(t.stored.size(), 2u);
  for (const char* queue : {"transient", "exclusive"}) ASSERT_TRUE(*t.bind("durable", queue, "k"));
  ASSERT_TRUE(*t.bind("transient", "durable", "k"));
  ASSERT_TRUE(*t.bind_exchange("durable", "transient", "k"));
  EXPECT_FALSE(t.topology.has_changes()) << "a binding is as durable as both its ends";
  EXPECT_EQ(t.route("durable", "k"), "durable exclusive transient");
  ASSERT_TRUE(*t.unbind("transient", "durable", "k"));
  ASSERT_TRUE(t.topology.take_queue("/", "exclusive").ok());
  ASSERT_TRUE(t.topology.take_queue("/", "transient").ok());
  ASSERT_TRUE(t.topology.delete_exchange("/", "transient", false).ok());
  EXPECT_FALSE(t.topology.has_changes()) << "and nothing is erased that was never stored";
  EXPECT_EQ(t.route("durable", "k"), "");
}

TEST(VirtualHosts, are_declared_once_with_the_predeclared_exchanges) {
  TopologyTester t;
  EXPECT_TRUE(*t.topology.declare_vhost("v"));
  EXPECT_TRUE(t.topology.has_changes());
  t.store();
  EXPECT_FALSE(*t.topology.declare_vhost("v"));
  EXPECT_FALSE(*t.topology.declare_vhost("/"));
  EXPECT_FALSE(t.topology.has_changes());
  for (const char* name : {"amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"}) {
    EXPECT_EQ(outcome(t.topology.exchange("v", name)), "ok") << name;
  }
  EXPECT_EQ(outcome(t.topology.declare_vhost("")), "MALFORMED");
  EXPECT_EQ(outcome(t.topology.declare_vhost(std::string(256, 'v'))), "LIMIT_EXCEEDED");
}

TEST(VirtualHosts, keep_their_things_apart) {
  TopologyTester t;
  ASSERT_TRUE(t.topology.declare_vhost("v").ok());
  ASSERT_TRUE(t.queue("q").ok());
  ASSERT_TRUE(t.queue("q", {}, "v").ok());
  ASSERT_NE(*t.topology.queue("/", "q"), *t.topology.queue("v", "q"));
  ASSERT_TRUE(*t.topology.bind("v", "amq.fanout", {"q"}, {"", {}, nullptr}));
  EXPECT_EQ(t.route("amq.fanout", ""), "");
  MessageView message = view("", "", "amq.fanout");
  message.vhost = "v";
  EXPECT_EQ(*t.topology.route(message)->queues, std::vector<Queue*>{*t.topology.queue("v", "q")});
  message.vhost = "w";
  EXPECT_EQ(outcome(t.topology.route(message)), "VHOST_UNKNOWN");
}

TEST(TopologyLimits, refuse_the_virtual_host_that_is_too_much) {
  Topology topology;
  for (std::size_t i = 1; i < Topology::kMaxVhosts; ++i) ASSERT_TRUE(topology.declare_vhost(std::to_string(i)).ok());
  const auto vhost = topology.declare_vhost("one more");
  ASSERT_FALSE(vhost.ok());
  EXPECT_EQ(vhost.error().metadata, (decltype(Error::metadata){{"limit", "vhosts"}, {"maximum", "1000"}}));
  EXPECT_TRUE(topology.declare_vhost("1").ok()) << "one that exists is no more";
}

TEST(TopologyLimits, refuse_the_queue_that_is_too_much) {
  TopologyTester t;
  for (std::size_t i = 0; i < Topology::kMaxQueues; ++i) ASSERT_TRUE(t.queue(std::to_string(i)).ok());
  const auto queue = t.queue("one more");
  ASSERT_FALSE(queue.ok());
  EXPECT_EQ(queue.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(queue.error().metadata, (decltype(Error::metadata){{"limit", "queues"}, {"maximum", "100000"}}));
  EXPECT_TRUE(t.queue("0").ok()) << "one that exists is no more";
  ASSERT_TRUE(t.topology.take_queue("/", "0").ok());
  EXPECT_TRUE(t.queue("one more").ok()) << "there is room again";
}

TEST(TopologyLimits, refuse_the_exchange_that_is_too_much) {
  TopologyTester t;
  for (std::size_t i = 0; i < Topology::kMaxExchanges; ++i) ASSERT_TRUE(t.exchange(std::to_string(i)).ok());
  const auto exchange = t.exchange("one more");
  ASSERT_FALSE(exchange.ok());
  EXPECT_EQ(exchange.error().metadata, (decltype(Error::metadata){{"limit", "exchanges"}, {"maximum", "100000"}}));
  ASSERT_TRUE(t.topology.delete_exchange("/", "0", false).ok());
  EXPECT_TRUE(t.exchange("one more").ok());
}

}  // namespace
}  // namespace escrow::broker
