#include "broker/core/router.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

FieldTable alternate(const char* name) { return arguments({{"alternate-exchange", {std::string(name)}}}); }

TEST(Router, routes_by_queue_name_through_the_default_exchange) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_EQ(t.route("", "q"), "q");
  EXPECT_EQ(t.route("", "x"), "");
  EXPECT_EQ(t.route("x", "q"), "EXCHANGE_UNKNOWN");
}

TEST(Router, routes_to_a_queue_once_however_often_it_is_bound) {
  TopologyTester t;
  t.queue("a").ok();
  t.queue("b").ok();
  for (const char* pattern : {"#", "k.*", "k.l"}) t.bind("amq.topic", "a", pattern).ok();
  t.bind("amq.topic", "b", "k.#").ok();
  EXPECT_EQ(t.route("amq.topic", "k.l"), "a b");
}

TEST(Router, forgets_routes_that_it_remembered_when_anything_changes) {
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

TEST(Router, does_not_mix_up_routes_that_share_a_slot) {
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

TEST(Router, does_not_remember_routes_by_headers) {
  TopologyTester t;
  t.queue("a").ok();
  t.bind("amq.headers", "a", "", arguments({{"v", {std::int32_t{1}}}})).ok();
  EXPECT_EQ(t.route("amq.headers", "k"), "");
  MessageView message = view("", "k", "amq.headers");
  const std::string properties = std::string("\x20\0", 2) + std::string("\0\0\0\7\1vI\0\0\0\1", 11);
  message.properties = properties;
  EXPECT_EQ(t.topology.route(message)->queues->size(), 1u);
  EXPECT_EQ(t.route("amq.headers", "k"), "");
}

TEST(Router, follows_bindings_between_exchanges) {
  TopologyTester t;
  t.exchange("a", ExchangeType::kTopic).ok();
  t.exchange("b", ExchangeType::kFanout).ok();
  t.exchange("c", ExchangeType::kDirect).ok();
  for (const char* queue : {"qa", "qb", "qc"}) t.queue(queue).ok();
  t.bind_exchange("a", "b", "k.#").ok();
  t.bind_exchange("b", "c", "").ok();
  t.bind("a", "qa", "#").ok();
  t.bind("b", "qb", "").ok();
  t.bind("c", "qc", "k.l").ok();
  EXPECT_EQ(t.route("a", "k.l"), "qa qb qc") << "the key is the message's own all the way";
  EXPECT_EQ(t.route("a", "k.m"), "qa qb");
  EXPECT_EQ(t.route("a", "x"), "qa");
  EXPECT_EQ(t.route("c", "k.l"), "qc");
}

TEST(Router, visits_every_exchange_once) {
  TopologyTester t;
  for (const char* name : {"a", "b", "c"}) t.exchange(name, ExchangeType::kFanout).ok();
  t.queue("q").ok();
  for (const char* from : {"a", "b", "c"}) {
    for (const char* to : {"a", "b", "c"}) t.bind_exchange(from, to).ok();
  }
  EXPECT_EQ(t.route("a", ""), "");
  t.bind("c", "q", "").ok();
  for (const char* from : {"a", "b", "c"}) EXPECT_EQ(t.route(from, ""), "q");
}

TEST(AlternateExchange, takes_what_no_binding_matches) {
  TopologyTester t;
  t.exchange("ex", ExchangeType::kDirect, alternate("lost")).ok();
  for (const char* queue : {"found", "lost"}) t.queue(queue).ok();
  t.bind("ex", "found", "k").ok();
  EXPECT_EQ(t.route("ex", "other"), "") << "there is none of that name yet, and that is no error";
  t.exchange("lost", ExchangeType::kFanout).ok();
  t.bind("lost", "lost", "").ok();
  EXPECT_EQ(t.route("ex", "k"), "found");
  EXPECT_EQ(t.route("ex", "other"), "lost");
  t.topology.delete_exchange("/", "lost", false).ok();
  EXPECT_EQ(t.route("ex", "other"), "");
}

TEST(AlternateExchange, is_not_for_messages_that_got_lost_behind_another_exchange) {
  // As RabbitMQ: a binding to an exchange is a match. That exchange may have an alternate of its own.
  TopologyTester t;
  t.exchange("ex", ExchangeType::kFanout, alternate("lost")).ok();
  t.exchange("next", ExchangeType::kDirect).ok();
  t.exchange("next with", ExchangeType::kDirect, alternate("lost")).ok();
  t.exchange("lost", ExchangeType::kFanout).ok();
  t.queue("q").ok();
  t.bind("lost", "q", "").ok();
  EXPECT_EQ(t.route("ex", "k"), "q");
  t.bind_exchange("ex", "next").ok();
  EXPECT_EQ(t.route("ex", "k"), "");
  t.bind_exchange("ex", "next with").ok();
  EXPECT_EQ(t.route("ex", "k"), "q");
}

TEST(AlternateExchange, may_be_itself_or_lead_back) {
  TopologyTester t;
  t.exchange("self", ExchangeType::kDirect, alternate("self")).ok();
  t.exchange("a", ExchangeType::kDirect, alternate("b")).ok();
  t.exchange("b", ExchangeType::kDirect, alternate("a")).ok();
  EXPECT_EQ(t.route("self", "k"), "");
  EXPECT_EQ(t.route("a", "k"), "");
  t.queue("q").ok();
  t.bind("b", "q", "k").ok();
  EXPECT_EQ(t.route("a", "k"), "q");
}

TEST(AlternateExchange, is_named_by_a_string) {
  TopologyTester t;
  const auto result = t.exchange("x", ExchangeType::kDirect, arguments({{"alternate-exchange", {std::int32_t{1}}}}));
  EXPECT_EQ(outcome(result), "ARGUMENT_INVALID");
  EXPECT_EQ(result.error().message,
            "invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'");
}

TEST(Router, takes_more_keys_from_the_headers_cc_and_bcc) {
  TopologyTester t;
  t.exchange("ex", ExchangeType::kDirect, alternate("amq.fanout")).ok();
  for (const char* queue : {"a", "b", "c", "lost"}) t.queue(queue).ok();
  for (const char* queue : {"a", "b", "c"}) t.bind("ex", queue, queue).ok();
  t.bind("amq.fanout", "lost", "").ok();
  const std::string_view more[] = {"b", "c", "b", "nowhere"};
  EXPECT_EQ(t.route("ex", "a", more), "a b c");
  EXPECT_EQ(t.route("ex", "nowhere", more), "b c") << "the alternate exchange is for what no key finds";
  EXPECT_EQ(t.route("", "a", more), "a b c");
  EXPECT_EQ(t.route("ex", "a"), "a") << "and nothing of it is remembered";
  EXPECT_EQ(t.route("ex", "nowhere"), "lost");
}

TEST(Router, forgets_what_it_remembered_of_exchanges_on_the_way) {
  TopologyTester t;
  for (const char* name : {"a", "b"}) t.exchange(name, ExchangeType::kFanout).ok();
  t.queue("q").ok();
  EXPECT_EQ(t.route("a", ""), "");
  t.bind_exchange("a", "b").ok();
  EXPECT_EQ(t.route("a", ""), "");
  t.bind("b", "q", "").ok();
  EXPECT_EQ(t.route("a", ""), "q");
  t.unbind_exchange("a", "b").ok();
  EXPECT_EQ(t.route("a", ""), "");
}

TEST(Router, does_not_remember_routes_that_pass_a_headers_exchange) {
  TopologyTester t;
  t.exchange("ex", ExchangeType::kDirect, alternate("amq.headers")).ok();
  t.queue("q").ok();
  t.bind("amq.headers", "q", "", arguments({{"v", {std::int32_t{1}}}})).ok();
  EXPECT_EQ(t.route("ex", "k"), "");
  MessageView message = view("", "k", "ex");
  Properties properties;
  properties.headers = arguments({{"v", {std::int32_t{1}}}});
  const std::string encoded = *encode_properties(properties);
  message.properties = encoded;
  EXPECT_EQ(t.route(message), "q");
  EXPECT_EQ(t.route("ex", "k"), "");
}

TEST(InternalExchange, takes_messages_from_exchanges_and_not_from_clients) {
  TopologyTester t;
  t.exchange_with("inner", ExchangeType::kFanout, [](ExchangeSpec& spec) { spec.internal = true; }).ok();
  t.exchange("outer", ExchangeType::kFanout).ok();
  t.queue("q").ok();
  t.bind_exchange("outer", "inner").ok();
  t.bind("inner", "q", "").ok();
  for (int i = 0; i < 2; ++i) {  // found, and remembered
    EXPECT_EQ(outcome(t.topology.route_published(view("", "", "outer"))), "ok");
    EXPECT_EQ(t.route("inner", ""), "q");
    const auto refused = t.topology.route_published(view("", "", "inner"));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(refused.error().reason, "EXCHANGE_INTERNAL");
    EXPECT_EQ(refused.error().message, "cannot publish to internal exchange 'inner' in vhost '/'");
  }
  EXPECT_EQ(outcome(t.topology.check_publish("/", "inner")), "EXCHANGE_INTERNAL");
  EXPECT_EQ(outcome(t.topology.check_publish("/", "outer")), "ok");
  EXPECT_EQ(outcome(t.topology.check_publish("/", "")), "ok");
  EXPECT_EQ(outcome(t.topology.check_publish("/", "x")), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(outcome(t.topology.check_publish("v", "")), "VHOST_UNKNOWN");
}

}  // namespace
}  // namespace escrow::broker
