// Random topologies with bindings between exchanges, alternate exchanges and all types: the router finds what a naive
// search finds, remembered or not, and a topology recovered from what was stored is the one that was.
#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "broker/core/headers_match.h"
#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

constexpr ExchangeType kTypes[] = {ExchangeType::kDirect, ExchangeType::kFanout, ExchangeType::kTopic,
                                   ExchangeType::kHeaders, ExchangeType::kConsistentHash};
constexpr const char* kKeys[] = {"1", "2", "a.b", "a.*", "#"};

class RandomTopology {
 public:
  explicit RandomTopology(std::uint64_t seed) : random_(seed) {}

  void change() {
    switch (random_.below(10)) {
      case 0:
        return declare_exchange();
      case 1:
        return (void)t.queue_with(queue(), [&](QueueSpec& spec) { spec.durable = random_.chance(0.7); }).ok();
      case 2:
        if (random_.chance(0.3)) (void)t.topology.take_queue("/", queue()).ok();
        return;
      case 3:
        if (random_.chance(0.3)) (void)t.topology.delete_exchange("/", exchange(), random_.chance(0.5)).ok();
        return;
      case 4:
        return (void)t.unbind(exchange(), queue(), key(), binding_arguments()).ok();
      case 5:
        return (void)t.unbind_exchange(exchange(), exchange(), key(), binding_arguments()).ok();
      case 6:
      case 7:
        return (void)t.bind_exchange(exchange(), exchange(), key(), binding_arguments()).ok();
      default:
        return (void)t.bind(exchange(), queue(), key(), binding_arguments()).ok();
    }
  }

  MessageView message() {
    MessageView m = view("");
    names_ = {exchange(), key()};
    m.exchange = names_[0];
    m.routing_key = names_[1];
    Properties properties;
    if (random_.chance(0.7)) properties.headers = arguments({{"v", {static_cast<std::int32_t>(random_.below(2))}}});
    properties_ = *encode_properties(properties);
    m.properties = properties_;
    return m;
  }

  /// Names of the queues by the letter of the rules: no remembering, no index.
  std::string naive(const MessageView& message) {
    const VirtualHost& host = **t.topology.vhost("/");
    std::set<std::string> queues;
    std::set<std::string> visited;
    std::vector<std::string> pending{std::string(message.exchange)};
    if (host.exchange(message.exchange) == nullptr) return "EXCHANGE_UNKNOWN";
    while (!pending.empty()) {
      const std::string name = pending.back();
      pending.pop_back();
      Exchange* exchange = host.exchange(name);
      if (exchange == nullptr || !visited.insert(name).second) continue;
      const std::vector<Target> targets = matches(*exchange, message);
      if (targets.empty()) pending.push_back(exchange->alternate());
      for (const Target& target : targets) {
        if (target.queue != nullptr) queues.insert(target.queue->spec().name);
        if (target.exchange != nullptr) pending.push_back(target.exchange->spec().name);
      }
    }
    std::string text;
    for (const std::string& queue : queues) text += (text.empty() ? "" : " ") + queue;
    return text;
  }

  TopologyTester t;

 private:
  template <class List>
  auto any_of(const List& list) {
    return list[random_.below(std::size(list))];
  }
  std::string exchange() { return random_.chance(0.1) ? "amq.fanout" : "ex" + std::to_string(random_.below(8)); }
  std::string queue() { return "q" + std::to_string(random_.below(6)); }
  std::string key() { return any_of(kKeys); }
  FieldTable binding_arguments() {
    if (random_.chance(0.5)) return {};
    return arguments({{"x-match", {std::string(random_.chance(0.5) ? "any" : "all")}},
                      {"v", {static_cast<std::int32_t>(random_.below(2))}}});
  }
  void declare_exchange() {
    (void)
        t.exchange_with(exchange(), any_of(kTypes), [&](ExchangeSpec& spec) {
           spec.durable = random_.chance(0.7);
           spec.auto_delete = random_.chance(0.2);
           spec.internal = random_.chance(0.2);
           if (random_.chance(0.5)) spec.arguments.set("alternate-exchange", {exchange()});
           if (random_.chance(0.2)) spec.arguments.set("hash-header", {std::string("v")});
         }).ok();
  }

  static bool topic_matches(std::string_view pattern, std::string_view key) {
    return pattern == "#" || pattern == key || (pattern == "a.*" && key.size() >= 2 && key.starts_with("a."));
  }
  static std::vector<Target> matches(Exchange& exchange, const MessageView& message) {
    std::vector<Target> out;
    const Properties properties = *decode_properties(message.properties);
    const FieldTable* headers = properties.headers ? &*properties.headers : nullptr;
    // The hash is a matter of its own test: here it only has to be the same in every search.
    if (exchange.spec().type == ExchangeType::kConsistentHash) return exchange.route(RoutedMessage(message), out), out;
    for (const auto& [name, binding] : exchange.bindings()) {
      const ExchangeType type = exchange.spec().type;
      const bool match = type == ExchangeType::kFanout ||
                         (type == ExchangeType::kDirect && binding.routing_key == message.routing_key) ||
                         (type == ExchangeType::kTopic && topic_matches(binding.routing_key, message.routing_key)) ||
                         (type == ExchangeType::kHeaders && headers_match(binding.arguments, headers));
      if (match) out.push_back(binding.target());
    }
    return out;
  }

  Random random_;
  std::vector<std::string> names_;
  std::string properties_;
};

TEST(RouterProperty, finds_what_a_naive_search_finds_remembered_or_not) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomTopology r(seed);
    for (int i = 0; i < 200; ++i) {
      r.change();
      for (int j = 0; j < 3; ++j) {
        const MessageView message = r.message();
        const std::string expected = r.naive(message);
        ASSERT_EQ(r.t.route(message), expected) << "seed " << seed << " step " << i;
        ASSERT_EQ(r.t.route(message), expected) << "remembered: seed " << seed << " step " << i;
        const std::string_view again[] = {message.routing_key};
        ASSERT_EQ(r.t.route(message, again), expected) << "with more keys: seed " << seed << " step " << i;
        if (!expected.empty() && expected != "EXCHANGE_UNKNOWN") ++found;
      }
    }
  }
  EXPECT_GT(found, 10'000) << "or the test tests nothing";
}

/// Of what is durable: every exchange, queue and binding in words.
std::set<std::string> durable_part(const Topology& topology) {
  std::set<std::string> out;
  for (const auto& [vhost, host] : topology.vhosts()) {
    out.insert(vhost);
    for (const auto& [name, queue] : host.queues) {
      if (queue->spec().durable) out.insert("queue " + encode_queue_value(queue->spec(), queue->log().id()) + name);
    }
    for (const auto& [name, exchange] : host.exchanges) {
      if (!exchange->spec().durable) continue;
      out.insert("exchange " + encode_exchange_value(exchange->spec(), exchange->delay_log()) + name);
      for (const auto& [id, binding] : exchange->bindings()) {
        const bool durable = binding.queue ? binding.queue->spec().durable : binding.exchange->spec().durable;
        if (durable) out.insert("binding " + name + " " + id);
      }
    }
  }
  return out;
}

TEST(TopologyProperty, recovers_from_what_was_stored_as_it_was) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    RandomTopology r(seed);
    for (int i = 0; i < 300; ++i) r.change();
    r.t.store();
    TopologyTester after;
    for (const auto& [key, value] : r.t.stored) ASSERT_TRUE(after.recover(key, value).ok()) << "seed " << seed;
    EXPECT_FALSE(after.topology.has_changes());
    ASSERT_EQ(durable_part(after.topology), durable_part(r.t.topology)) << "seed " << seed;
    // It goes on as before: what goes from the recovered one goes from the store, with all its bindings.
    after.stored = r.t.stored;
    for (int q = 0; q < 6; ++q) (void)after.topology.take_queue("/", "q" + std::to_string(q)).ok();
    after.store();
    TopologyTester last;
    for (const auto& [key, value] : after.stored) ASSERT_TRUE(last.recover(key, value).ok()) << "seed " << seed;
    ASSERT_EQ(durable_part(last.topology), durable_part(after.topology)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace escrow::broker
