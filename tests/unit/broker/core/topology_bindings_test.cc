// Bindings to queues and exchanges, and what goes with the last of them.
#include <gtest/gtest.h>

#include "broker/core/names.h"
#include "tests/support/processor_time.h"
#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

void auto_delete(ExchangeSpec& spec) { spec.auto_delete = true; }

std::vector<std::string> auto_deleted(TopologyTester& t) {
  std::vector<std::string> names;
  for (const ExchangeSpec& spec : t.topology.take_auto_deleted()) names.push_back(spec.name);
  return names;
}

TEST(Bindings, come_and_go_once) {
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

TEST(Bindings, differ_in_destination_key_or_arguments) {
  TopologyTester t;
  t.exchange("same").ok();
  t.queue("same").ok();
  t.queue("q").ok();
  EXPECT_TRUE(*t.bind("amq.direct", "same", "k"));
  EXPECT_TRUE(*t.bind_exchange("amq.direct", "same", "k")) << "an exchange of the same name is another destination";
  EXPECT_TRUE(*t.bind("amq.direct", "q", "k"));
  EXPECT_TRUE(*t.bind("amq.direct", "q", "l"));
  EXPECT_TRUE(*t.bind("amq.direct", "q", "k", arguments({{"a", {true}}})));
  EXPECT_EQ((*t.topology.exchange("/", "amq.direct"))->bindings().size(), 5u);
}

TEST(Bindings, are_the_same_whatever_the_order_of_their_arguments) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_TRUE(*t.bind("amq.direct", "q", "k", arguments({{"b", {true}}, {"a", {true}}})));
  EXPECT_FALSE(*t.bind("amq.direct", "q", "k", arguments({{"a", {true}}, {"b", {true}}})));
  t.store();
  ASSERT_TRUE(*t.unbind("amq.direct", "q", "k", arguments({{"a", {true}}, {"b", {true}}})));
  t.store();
  EXPECT_EQ(t.stored.size(), 1u) << "the queue alone";
}

TEST(Bindings, join_only_what_exists) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_EQ(t.bind("x", "q", "k").error().message, "no exchange 'x' in vhost '/'");
  EXPECT_EQ(t.bind("amq.direct", "x", "k").error().message, "no queue 'x' in vhost '/'");
  EXPECT_EQ(t.bind_exchange("amq.direct", "q", "k").error().message, "no exchange 'q' in vhost '/'");
  EXPECT_EQ(t.bind("x", "x", "k").error().reason, "EXCHANGE_UNKNOWN") << "the source is looked for first";
  EXPECT_EQ(outcome(t.topology.bind("v", "amq.direct", {"q"}, {})), "VHOST_UNKNOWN");
}

TEST(Bindings, that_are_not_there_are_undone_without_an_error) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_FALSE(*t.unbind("amq.direct", "q", "k"));
  EXPECT_FALSE(*t.unbind("missing", "q", "k"));
  EXPECT_FALSE(*t.unbind("amq.direct", "missing", "k"));
  EXPECT_FALSE(*t.unbind_exchange("amq.direct", "missing", "k"));
  EXPECT_EQ(outcome(t.topology.unbind("v", "amq.direct", {"q"}, {})), "VHOST_UNKNOWN");
}

TEST(Bindings, never_touch_the_default_exchange) {
  TopologyTester t;
  t.queue("q").ok();
  for (const auto& result : {t.bind("", "q", "k"), t.unbind("", "q", "q"), t.bind_exchange("amq.direct", "", "k"),
                             t.unbind_exchange("amq.direct", "", "k"), t.bind_exchange("", "amq.direct", "k")}) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(result.error().message, "operation not permitted on the default exchange");
  }
}

TEST(Bindings, have_keys_of_255_bytes_and_no_longer) {
  TopologyTester t;
  t.queue("q").ok();
  EXPECT_EQ(outcome(t.bind("amq.direct", "q", std::string(kMaxRoutingKeyBytes, 'k'))), "ok");
  EXPECT_EQ(outcome(t.bind("amq.direct", "q", std::string(kMaxRoutingKeyBytes + 1, 'k'))), "LIMIT_EXCEEDED");
}

TEST(Bindings, that_an_exchange_can_do_nothing_with_are_refused) {
  TopologyTester t;
  t.queue("q").ok();
  t.exchange("hash", ExchangeType::kConsistentHash).ok();
  const FieldTable odd = arguments({{"x-match", {std::string("most")}}});
  EXPECT_EQ(outcome(t.bind("amq.headers", "q", "", odd)), "ARGUMENT_INVALID");
  EXPECT_EQ(outcome(t.bind("amq.direct", "q", "", odd)), "ok") << "others do not look at it";
  EXPECT_EQ(outcome(t.bind("hash", "q", "k")), "ARGUMENT_INVALID");
  EXPECT_EQ(outcome(t.bind("hash", "q", "10")), "ok");
}

TEST(Bindings, of_an_exchange_have_a_limit) {
  TopologyTester t;
  t.queue("q").ok();
  for (std::size_t i = 0; i < Topology::kMaxBindingsPerExchange; ++i) {
    ASSERT_TRUE(t.bind("amq.direct", "q", std::to_string(i)).ok());
  }
  const auto binding = t.bind("amq.direct", "q", "one more");
  ASSERT_FALSE(binding.ok());
  EXPECT_EQ(binding.error().metadata,
            (decltype(Error::metadata){{"limit", "bindings_per_exchange"}, {"maximum", "100000"}}));
  EXPECT_FALSE(*t.bind("amq.direct", "q", "0")) << "one that exists is no more";
  EXPECT_TRUE(*t.bind("amq.topic", "q", "one more")) << "another exchange has room of its own";
  ASSERT_TRUE(*t.unbind("amq.direct", "q", "0"));
  EXPECT_TRUE(*t.bind("amq.direct", "q", "one more")) << "there is room again";
}

TEST(Bindings, of_an_exchange_that_goes_go_on_both_sides) {
  TopologyTester t;
  for (const char* name : {"from", "ex", "to"}) t.exchange(name, ExchangeType::kFanout).ok();
  t.queue("q").ok();
  t.bind_exchange("from", "ex").ok();
  t.bind_exchange("ex", "to").ok();
  t.bind_exchange("ex", "ex").ok();
  t.bind("ex", "q", "").ok();
  t.bind("to", "q", "").ok();
  EXPECT_EQ(t.route("from", ""), "q");
  EXPECT_EQ(outcome(t.topology.delete_exchange("/", "ex", true)), "EXCHANGE_IN_USE");
  ASSERT_TRUE(t.topology.delete_exchange("/", "ex", false).ok());
  EXPECT_EQ(t.route("from", ""), "");
  EXPECT_EQ(t.route("to", ""), "q");
  EXPECT_TRUE((*t.topology.exchange("/", "from"))->unused());
  t.store();
  EXPECT_EQ(t.stored.size(), 4u) << "from, to, the queue, and its binding to it";
  ASSERT_TRUE(t.exchange("ex", ExchangeType::kFanout).ok());
  EXPECT_EQ(t.route("from", ""), "") << "a new one of that name is not bound";
  EXPECT_TRUE(*t.bind_exchange("from", "ex"));
}

TEST(Bindings, that_lead_to_an_exchange_do_not_keep_it_in_use) {
  TopologyTester t;
  t.exchange("ex").ok();
  t.bind_exchange("amq.fanout", "ex").ok();
  EXPECT_EQ(outcome(t.topology.delete_exchange("/", "ex", true)), "ok");
  EXPECT_TRUE((*t.topology.exchange("/", "amq.fanout"))->unused());
}

TEST(AutoDelete, takes_an_exchange_with_its_last_binding_and_not_before) {
  TopologyTester t;
  t.exchange_with("ex", ExchangeType::kFanout, auto_delete).ok();
  for (const char* name : {"a", "b"}) t.queue(name).ok();
  t.bind_exchange("amq.fanout", "ex").ok();
  EXPECT_TRUE(*t.bind("ex", "a", ""));
  EXPECT_TRUE(*t.bind("ex", "b", ""));
  ASSERT_TRUE(*t.unbind("ex", "a", ""));
  EXPECT_EQ(t.route("ex", ""), "b");
  EXPECT_FALSE(*t.unbind("ex", "a", "")) << "what is not there is no last binding";
  t.store();
  ASSERT_TRUE(*t.unbind("ex", "b", ""));
  EXPECT_EQ(t.route("ex", ""), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(auto_deleted(t), std::vector<std::string>{"ex"});
  EXPECT_TRUE((*t.topology.exchange("/", "amq.fanout"))->unused());
  t.store();
  EXPECT_EQ(t.stored.size(), 2u) << "the queues";
}

TEST(AutoDelete, leaves_an_exchange_that_was_never_bound) {
  TopologyTester t;
  t.exchange_with("ex", ExchangeType::kFanout, auto_delete).ok();
  t.queue("q").ok();
  EXPECT_FALSE(*t.unbind("ex", "q", ""));
  ASSERT_TRUE(*t.bind_exchange("amq.fanout", "ex"));
  ASSERT_TRUE(*t.unbind_exchange("amq.fanout", "ex"));
  EXPECT_EQ(outcome(t.topology.exchange("/", "ex")), "ok");
}

TEST(AutoDelete, goes_on_from_exchange_to_exchange_when_a_queue_goes) {
  TopologyTester t;
  constexpr int kChain = 10'000;
  const auto name = [](int i) { return "ex" + std::to_string(i); };
  for (int i = 0; i < kChain; ++i) ASSERT_TRUE(t.exchange_with(name(i), ExchangeType::kFanout, auto_delete).ok());
  for (int i = 1; i < kChain; ++i) ASSERT_TRUE(*t.bind_exchange(name(i), name(i - 1)));
  t.queue("q").ok();
  t.bind(name(0), "q", "").ok();
  EXPECT_EQ(t.route(name(kChain - 1), ""), "q");
  t.store();
  ASSERT_TRUE(t.topology.take_queue("/", "q").ok());
  EXPECT_EQ(auto_deleted(t).size(), std::size_t{kChain});
  t.store();
  EXPECT_TRUE(t.stored.empty());
}

TEST(AutoDelete, goes_on_when_an_exchange_is_deleted) {
  TopologyTester t;
  for (const char* name : {"a", "b"}) t.exchange_with(name, ExchangeType::kFanout, auto_delete).ok();
  t.exchange("ex").ok();
  t.queue("q").ok();
  t.bind_exchange("a", "b").ok();
  t.bind_exchange("b", "ex").ok();
  t.bind("a", "q", "").ok();
  ASSERT_TRUE(t.topology.delete_exchange("/", "ex", false).ok());
  EXPECT_EQ(auto_deleted(t), std::vector<std::string>{"b"}) << "a is bound to the queue still";
  EXPECT_EQ(t.route("a", ""), "q");
}

TEST(AutoDelete, copes_with_cycles) {
  TopologyTester t;
  for (const char* name : {"a", "b"}) t.exchange_with(name, ExchangeType::kFanout, auto_delete).ok();
  t.bind_exchange("a", "b").ok();
  t.bind_exchange("b", "a").ok();
  t.bind_exchange("a", "a").ok();
  ASSERT_TRUE(*t.unbind_exchange("a", "b"));
  EXPECT_TRUE(auto_deleted(t).empty());
  ASSERT_TRUE(*t.unbind_exchange("a", "a"));
  EXPECT_EQ(auto_deleted(t), (std::vector<std::string>{"a", "b"})) << "with a goes what b was bound to";
  t.store();
  EXPECT_TRUE(t.stored.empty());
}

TEST(Bindings, a_hundred_thousand_of_them_go_without_a_look_at_each_other) {
  TopologyTester t;
  constexpr int kMany = 100'000;
  const ProcessorTime time;
  const auto bind_all = [&](const std::string& exchange) {
    for (int i = 0; i < kMany; ++i) ASSERT_TRUE(*t.bind(exchange, "q" + std::to_string(i % 10), std::to_string(i)));
  };
  for (int i = 0; i < 10; ++i) t.queue("q" + std::to_string(i)).ok();
  for (const ExchangeType type : {ExchangeType::kDirect, ExchangeType::kFanout, ExchangeType::kTopic}) {
    ASSERT_TRUE(t.exchange("ex", type).ok());
    bind_all("ex");
    ASSERT_TRUE(t.topology.delete_exchange("/", "ex", false).ok());
    ASSERT_TRUE(t.exchange("ex", type).ok());
    bind_all("ex");
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(t.topology.take_queue("/", "q" + std::to_string(i)).ok());
      t.queue("q" + std::to_string(i)).ok();
    }
    EXPECT_TRUE((*t.topology.exchange("/", "ex"))->unused());
    ASSERT_TRUE(t.topology.delete_exchange("/", "ex", true).ok());
    t.store();
    EXPECT_EQ(t.stored.size(), 10u);
  }
  EXPECT_LT(time.seconds(), 30);
}

TEST(Bindings, of_many_queues_to_one_exchange_go_with_each_queue_alone) {
  TopologyTester t;
  constexpr int kMany = 50'000;
  for (int i = 0; i < kMany; ++i) {
    const std::string name = std::to_string(i);
    t.queue(name).ok();
    for (const char* exchange : {"amq.fanout", "amq.topic", "amq.direct"}) ASSERT_TRUE(*t.bind(exchange, name, "k"));
  }
  const ProcessorTime time;
  for (int i = 0; i < kMany; ++i) ASSERT_TRUE(t.topology.take_queue("/", std::to_string(i)).ok());
  EXPECT_LT(time.seconds(), 10);
  EXPECT_EQ(t.route("amq.fanout", ""), "");
}

}  // namespace
}  // namespace escrow::broker
