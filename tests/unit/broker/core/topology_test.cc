#include "broker/core/topology.h"

#include <gtest/gtest.h>

#include "broker/core/names.h"
#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

/// "ok", or the reason of the refusal.
template <class T>
std::string outcome(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().reason;
}

const FieldTable kMaxLength = arguments({{"x-max-length", {std::int32_t{10}}}});

TEST(Topology, begins_with_the_exchanges_that_amqp_demands) {
  Topology topology;
  const auto type = [&](const char* name) { return (*topology.exchange("/", name))->spec().type; };
  EXPECT_EQ(type("amq.direct"), ExchangeType::kDirect);
  EXPECT_EQ(type("amq.fanout"), ExchangeType::kFanout);
  EXPECT_EQ(type("amq.topic"), ExchangeType::kTopic);
  EXPECT_EQ(type("amq.headers"), ExchangeType::kHeaders);
  EXPECT_EQ(type("amq.match"), ExchangeType::kHeaders);
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

TEST(Topology, refuses_an_exchange_that_exists_with_other_properties) {
  TopologyTester t;
  ASSERT_EQ(outcome(t.exchange("ex", ExchangeType::kTopic, kMaxLength)), "ok");
  const auto type = t.exchange("ex", ExchangeType::kFanout, kMaxLength);
  EXPECT_EQ(type.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(type.error().reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(type.error().metadata, (decltype(Error::metadata){{"property", "type"}}));
  const auto args = t.exchange("ex", ExchangeType::kTopic);
  EXPECT_EQ(args.error().metadata, (decltype(Error::metadata){{"property", "arguments"}}));
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

TEST(Topology, refuses_a_queue_that_exists_with_other_arguments) {
  TopologyTester t;
  ASSERT_TRUE(t.queue("q", kMaxLength).ok());
  const auto other = t.queue("q");
  EXPECT_EQ(other.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(other.error().reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(other.error().metadata, (decltype(Error::metadata){{"property", "arguments"}}));
}

TEST(Topology, takes_arguments_for_equal_whatever_their_order_and_integer_type) {
  // Clients of different languages send the same table in other orders, and the same number in other widths.
  TopologyTester t;
  ASSERT_TRUE(t.queue("q", arguments({{"a", {std::int32_t{10}}}, {"b", {std::string("x")}}})).ok());
  EXPECT_EQ(outcome(t.queue("q", arguments({{"b", {std::string("x")}}, {"a", {std::int64_t{10}}}}))), "ok");
  EXPECT_EQ(outcome(t.queue("q", arguments({{"a", {std::string("10")}}, {"b", {std::string("x")}}}))),
            "DECLARATION_DIFFERS");
  EXPECT_EQ(outcome(t.queue("q", arguments({{"a", {std::int32_t{10}}}}))), "DECLARATION_DIFFERS");
}

TEST(Topology, refuses_names_that_are_malformed_or_reserved) {
  TopologyTester t;
  EXPECT_EQ(outcome(t.exchange("")), "MALFORMED");
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

TEST(Topology, binds_and_unbinds_once) {
  TopologyTester t;
  t.exchange("ex").ok();
  t.queue("q").ok();
  EXPECT_TRUE(*t.bind("ex", "q", "k"));
  EXPECT_FALSE(*t.bind("ex", "q", "k"));
  EXPECT_EQ(t.route("ex", "k"), "q");
  EXPECT_TRUE(*t.unbind("ex", "q", "k"));
  EXPECT_FALSE(*t.unbind("ex", "q", "k"));
  EXPECT_EQ(t.route("ex", "k"), "");
}

TEST(Topology, binds_only_what_exists) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_EQ(outcome(t.bind("x", "q", "k")), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(outcome(t.bind("amq.direct", "x", "k")), "QUEUE_UNKNOWN");
  EXPECT_EQ(outcome(t.unbind("x", "q", "k")), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(outcome(t.bind("", "q", "k")), "NAME_RESERVED");
  EXPECT_EQ(outcome(t.unbind("", "q", "q")), "NAME_RESERVED");
}

TEST(Topology, binds_with_keys_of_255_bytes_and_no_longer) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_EQ(outcome(t.bind("amq.direct", "q", std::string(kMaxRoutingKeyBytes, 'k'))), "ok");
  EXPECT_EQ(outcome(t.bind("amq.direct", "q", std::string(kMaxRoutingKeyBytes + 1, 'k'))), "LIMIT_EXCEEDED");
}

TEST(Topology, refuses_headers_bindings_that_make_no_sense) {
  TopologyTester t;
  t.queue("q").ok();
  const FieldTable odd = arguments({{"x-match", {std::string("most")}}});
  EXPECT_EQ(outcome(t.bind("amq.headers", "q", "", odd)), "MALFORMED");
  EXPECT_EQ(outcome(t.bind("amq.direct", "q", "", odd)), "ok") << "others do not look at it";
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

TEST(Topology, routes_by_queue_name_through_the_default_exchange) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_EQ(t.route("", "q"), "q");
  EXPECT_EQ(t.route("", "x"), "");
  EXPECT_EQ(t.route("x", "q"), "EXCHANGE_UNKNOWN");
}

TEST(Topology, routes_to_a_queue_once_however_often_it_is_bound) {
  TopologyTester t;
  t.queue("a").ok();
  t.queue("b").ok();
  for (const char* pattern : {"#", "k.*", "k.l"}) t.bind("amq.topic", "a", pattern).ok();
  t.bind("amq.topic", "b", "k.#").ok();
  EXPECT_EQ(t.route("amq.topic", "k.l"), "a b");
}

TEST(Topology, forgets_routes_that_it_remembered_when_anything_changes) {
  TopologyTester t;
  t.exchange("ex").ok();
  t.queue("a").ok();
  EXPECT_EQ(t.route("ex", "k"), "");
  EXPECT_EQ(t.route("", "b"), "");
  t.bind("ex", "a", "k").ok();
  EXPECT_EQ(t.route("ex", "k"), "a");
  t.queue("b").ok();
  EXPECT_EQ(t.route("", "b"), "b");
  t.bind("ex", "b", "k").ok();
  EXPECT_EQ(t.route("ex", "k"), "a b");
  t.unbind("ex", "a", "k").ok();
  EXPECT_EQ(t.route("ex", "k"), "b");
  t.topology.take_queue("/", "b").ok();
  EXPECT_EQ(t.route("ex", "k"), "");
  EXPECT_EQ(t.route("", "b"), "");
  t.topology.delete_exchange("/", "ex", false).ok();
  EXPECT_EQ(t.route("ex", "k"), "EXCHANGE_UNKNOWN");
}

TEST(Topology, does_not_mix_up_routes_that_share_a_slot) {
  TopologyTester t;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(i);
    t.queue(name).ok();
    t.bind("amq.direct", name, "k" + name).ok();
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const std::string name = std::to_string(i);
      ASSERT_EQ(t.route("amq.direct", "k" + name), name);
      ASSERT_EQ(t.route("", name), name);
    }
  }
  for (int i = 0; i < 300; ++i) {
    const std::string name = std::to_string(i);
    t.exchange(name).ok();
    t.bind(name, name, "same").ok();
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) ASSERT_EQ(t.route(std::to_string(i), "same"), std::to_string(i));
  }
}

TEST(Topology, does_not_remember_routes_by_headers) {
  TopologyTester t;
  t.queue("a").ok();
  t.bind("amq.headers", "a", "", arguments({{"v", {std::int32_t{1}}}})).ok();
  EXPECT_EQ(t.route("amq.headers", "k"), "");
  MessageView message = view("", "k", "amq.headers");
  const std::string properties = std::string("\x20\0", 2) + std::string("\0\0\0\7\1vI\0\0\0\1", 11);
  message.properties = properties;
  EXPECT_EQ((**t.topology.route(message)).size(), 1u);
  EXPECT_EQ(t.route("amq.headers", "k"), "");
}

TEST(TopologyLimits, refuse_the_queue_and_the_binding_that_is_too_much) {
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
