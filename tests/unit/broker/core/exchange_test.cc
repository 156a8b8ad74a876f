#include "broker/core/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/queue.h"
#include "broker/core/topology.h"
#include "model/properties.h"
#include "tests/support/processor_time.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {
namespace {

class ExchangeTester {
 public:
  explicit ExchangeTester(ExchangeType type, FieldTable arguments = {})
      : exchange({"/", "ex", type, std::move(arguments)}) {}

  Queue* queue(const std::string& name) {
    auto& queue = queues_[name];
    if (!queue)
      queue = std::make_unique<Queue>(QueueSpec{"/", name, {}}, QueueArguments{}, queues_.size(), pages_, bodies_);
    return queue.get();
  }
  bool bind(const std::string& name, const std::string& key, FieldTable arguments = {}) {
    return exchange.bind({key, std::move(arguments), queue(name)});
  }
  bool unbind(const std::string& name, const std::string& key, FieldTable arguments = {}) {
    return exchange.unbind({key, std::move(arguments), queue(name)});
  }
  /// Names of the queues, in order, repeated as often as they are named.
  std::string route(const MessageView& message) {
    std::vector<Target> found;
    exchange.route(RoutedMessage(message), found);
    std::vector<std::string> names;
    for (const Target& target : found) names.push_back(target.queue->spec().name);
    std::ranges::sort(names);
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
  }
  std::string route(const std::string& key) { return route(view("", key)); }

  Exchange exchange;

 private:
  PageCache pages_{0};
  BodyCache bodies_{0};
  std::map<std::string, std::unique_ptr<Queue>> queues_;
};

FieldTable headers(std::initializer_list<std::pair<const char*, int>> fields) {
  FieldTable table;
  for (const auto& [name, value] : fields) table.set(name, {std::int32_t{value}});
  return table;
}

TEST(DirectExchange, routes_by_the_exact_key) {
  ExchangeTester e(ExchangeType::kDirect);
  EXPECT_TRUE(e.bind("a", "k"));
  EXPECT_TRUE(e.bind("b", "k"));
  EXPECT_TRUE(e.bind("c", "other"));
  EXPECT_TRUE(e.bind("d", ""));
  EXPECT_EQ(e.route("k"), "a b");
  EXPECT_EQ(e.route("other"), "c");
  EXPECT_EQ(e.route(""), "d");
  EXPECT_EQ(e.route("K"), "");
  EXPECT_EQ(e.route("#"), "");
}

TEST(DirectExchange, unbinds_one_of_several_queues) {
  ExchangeTester e(ExchangeType::kDirect);
  e.bind("a", "k");
  e.bind("b", "k");
  EXPECT_TRUE(e.unbind("a", "k"));
  EXPECT_EQ(e.route("k"), "b");
  EXPECT_FALSE(e.unbind("a", "k"));
  EXPECT_FALSE(e.unbind("b", "other"));
}

TEST(DirectExchange, keeps_bindings_that_differ_in_arguments_alone) {
  ExchangeTester e(ExchangeType::kDirect);
  EXPECT_TRUE(e.bind("a", "k"));
  EXPECT_TRUE(e.bind("a", "k", headers({{"v", 1}})));
  EXPECT_EQ(e.exchange.bindings().size(), 2u);
  EXPECT_TRUE(e.unbind("a", "k"));
  EXPECT_EQ(e.route("k"), "a") << "the other binding is there still";
  EXPECT_TRUE(e.unbind("a", "k", headers({{"v", 1}})));
  EXPECT_EQ(e.route("k"), "");
}

TEST(FanoutExchange, routes_to_every_queue_whatever_the_key) {
  ExchangeTester e(ExchangeType::kFanout);
  e.bind("a", "");
  e.bind("b", "ignored");
  EXPECT_EQ(e.route("anything"), "a b");
  e.unbind("a", "");
  EXPECT_EQ(e.route(""), "b");
}

TEST(TopicExchange, routes_by_pattern) {
  ExchangeTester e(ExchangeType::kTopic);
  e.bind("a", "*.orange.*");
  e.bind("b", "*.*.rabbit");
  e.bind("b", "lazy.#");
  EXPECT_EQ(e.route("quick.orange.rabbit"), "a b");
  EXPECT_EQ(e.route("lazy.orange.elephant"), "a b");
  EXPECT_EQ(e.route("lazy.pink.rabbit"), "b b");
  EXPECT_EQ(e.route("lazy"), "b");
  EXPECT_EQ(e.route("quick.brown.fox"), "");
  EXPECT_TRUE(e.unbind("b", "lazy.#"));
  EXPECT_EQ(e.route("lazy"), "");
}

TEST(HeadersExchange, routes_by_headers_and_not_by_key) {
  ExchangeTester e(ExchangeType::kHeaders);
  e.bind("a", "", headers({{"v", 1}}));
  e.bind("b", "", headers({{"v", 2}}));
  e.bind("c", "", {});
  Properties properties;
  properties.headers = headers({{"v", 1}});
  const std::string encoded = *encode_properties(properties);
  MessageView message = view("", "key");
  message.properties = encoded;
  EXPECT_EQ(e.route(message), "a c");
  EXPECT_EQ(e.route("key"), "c") << "a message without headers";
}

TEST(HeadersExchange, routes_a_message_of_malformed_properties_nowhere) {
  ExchangeTester e(ExchangeType::kHeaders);
  e.bind("a", "", {});
  MessageView message = view("");
  message.properties = "\xff";
  EXPECT_EQ(e.route(message), "");
}

TEST(Exchange, refuses_the_same_binding_twice) {
  for (const ExchangeType type : {ExchangeType::kDirect, ExchangeType::kFanout, ExchangeType::kTopic,
                                  ExchangeType::kHeaders, ExchangeType::kConsistentHash}) {
    ExchangeTester e(type);
    EXPECT_TRUE(e.bind("a", "1"));
    EXPECT_FALSE(e.bind("a", "1"));
    EXPECT_EQ(e.exchange.bindings().size(), 1u);
    EXPECT_TRUE(e.unbind("a", "1"));
    EXPECT_TRUE(e.exchange.unused());
    EXPECT_EQ(e.route("1"), "");
  }
}

TEST(Exchange, unbinds_one_of_many_that_are_alike_without_a_look_at_the_others) {
  for (const ExchangeType type : {ExchangeType::kDirect, ExchangeType::kTopic, ExchangeType::kConsistentHash}) {
    ExchangeTester e(type);
    const ProcessorTime time;
    for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(e.bind(std::to_string(i), "1"));
    for (int i = 0; i < 100'000; ++i) {
      ASSERT_EQ(e.exchange.unbind_all({e.queue(std::to_string(i)), nullptr}).size(), 1u);
    }
    EXPECT_LT(time.seconds(), 10) << to_string(type);
  }
}

TEST(Exchange, gives_back_the_bindings_of_no_queue_whose_name_begins_alike) {
  ExchangeTester e(ExchangeType::kFanout);
  for (const char* name : {"a", "aa", "a.b", "b"}) e.bind(name, "");
  EXPECT_EQ(e.exchange.unbind_all({e.queue("a"), nullptr}).size(), 1u);
  EXPECT_EQ(e.route(""), "a.b aa b");
}

TEST(Exchange, knows_the_names_of_its_types) {
  for (const char* name : {"direct", "fanout", "topic", "headers", "x-consistent-hash", "x-delayed-message"}) {
    const Result<ExchangeType> type = parse_exchange_type(name);
    ASSERT_TRUE(type.ok()) << name;
    EXPECT_EQ(to_string(*type), name);
  }
  for (const char* name : {"", "Direct", "x-recent-history", "x-random"}) {
    const Result<ExchangeType> type = parse_exchange_type(name);
    ASSERT_FALSE(type.ok()) << name;
    EXPECT_EQ(type.error().reason, "EXCHANGE_TYPE_UNKNOWN");
    EXPECT_EQ(type.error().message, "unknown exchange type '" + std::string(name) + "'");
  }
}

TEST(Exchange, routes_by_more_keys_as_by_its_own) {
  const std::string_view more[] = {"cc", "bcc"};
  for (const ExchangeType type : {ExchangeType::kDirect, ExchangeType::kTopic}) {
    ExchangeTester e(type);
    for (const char* key : {"own", "cc", "bcc", "other"}) e.bind(key, key);
    const MessageView message = view("", "own");
    std::vector<Target> found;
    e.exchange.route(RoutedMessage(message, more), found);
    EXPECT_EQ(found.size(), 3u);
  }
}

TEST(Exchange, gives_back_all_bindings_of_a_queue_that_goes) {
  for (const ExchangeType type : {ExchangeType::kDirect, ExchangeType::kFanout, ExchangeType::kTopic}) {
    ExchangeTester e(type);
    e.bind("a", "k");
    e.bind("b", "k");
    e.bind("a", "l");
    const std::vector<Binding> removed = e.exchange.unbind_all({e.queue("a"), nullptr});
    ASSERT_EQ(removed.size(), 2u);
    EXPECT_EQ(removed[0].routing_key, "k");
    EXPECT_EQ(removed[1].routing_key, "l");
    EXPECT_EQ(e.route("k"), "b");
    EXPECT_EQ(e.route("l"), type == ExchangeType::kFanout ? "b" : "");
    EXPECT_TRUE(e.exchange.unbind_all({e.queue("a"), nullptr}).empty());
  }
}

TEST(Exchange, takes_as_many_bindings_as_it_may_have_without_comparing_all_of_them) {
  ExchangeTester e(ExchangeType::kDirect);
  const ProcessorTime time;
  const auto key = [](std::size_t i) { return "key-" + std::to_string(i); };
  for (std::size_t i = 0; i < Topology::kMaxBindingsPerExchange; ++i) ASSERT_TRUE(e.bind("a", key(i)));
  EXPECT_FALSE(e.bind("a", key(0)));
  for (std::size_t i = Topology::kMaxBindingsPerExchange; i > 0; --i) ASSERT_TRUE(e.unbind("a", key(i - 1)));
  EXPECT_LT(time.seconds(), 10) << "it took minutes once";
}

TEST(Exchange, routes_by_key_alone_unless_it_looks_at_headers) {
  EXPECT_TRUE(ExchangeTester(ExchangeType::kDirect).exchange.routes_by_key());
  EXPECT_TRUE(ExchangeTester(ExchangeType::kFanout).exchange.routes_by_key());
  EXPECT_TRUE(ExchangeTester(ExchangeType::kTopic).exchange.routes_by_key());
  EXPECT_FALSE(ExchangeTester(ExchangeType::kHeaders).exchange.routes_by_key());
  EXPECT_TRUE(ExchangeTester(ExchangeType::kConsistentHash).exchange.routes_by_key());
  FieldTable by_property;
  by_property.set("hash-property", {std::string("message_id")});
  EXPECT_FALSE(ExchangeTester(ExchangeType::kConsistentHash, by_property).exchange.routes_by_key());
}

}  // namespace
}  // namespace escrow::broker
