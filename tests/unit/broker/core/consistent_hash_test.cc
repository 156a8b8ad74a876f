#include "broker/core/consistent_hash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

constexpr int kKeys = 20'000;

class HashTester {
 public:
  explicit HashTester(FieldTable arguments = {}) {
    EXPECT_TRUE(t.exchange("hash", ExchangeType::kConsistentHash, std::move(arguments)).ok());
  }
  void add(const std::string& queue, const std::string& weight) {
    EXPECT_TRUE(t.queue(queue).ok());
    EXPECT_TRUE(*t.bind("hash", queue, weight));
  }
  /// Which queue each of the keys goes to.
  std::vector<std::string> owners() {
    std::vector<std::string> out;
    for (int i = 0; i < kKeys; ++i) out.push_back(t.route("hash", "key" + std::to_string(i)));
    return out;
  }
  std::string route(const Properties& properties, const std::string& key = "k") {
    const std::string encoded = *encode_properties(properties);
    MessageView message = view("", key, "hash");
    message.properties = encoded;
    return t.route(message);
  }

  TopologyTester t;
};

std::map<std::string, int> counted(const std::vector<std::string>& owners) {
  std::map<std::string, int> counts;
  for (const std::string& owner : owners) ++counts[owner];
  return counts;
}

/// Within five standard deviations of its share.
void expect_share(int count, double share) {
  EXPECT_NEAR(count, kKeys * share, 5 * std::sqrt(kKeys * share * (1 - share)));
}

TEST(ConsistentHash, gives_each_key_to_one_queue_in_equal_shares) {
  HashTester h;
  for (int i = 0; i < 10; ++i) h.add("q" + std::to_string(i), "1");
  const auto counts = counted(h.owners());
  ASSERT_EQ(counts.size(), 10u);
  for (const auto& [queue, count] : counts) expect_share(count, 0.1);
}

TEST(ConsistentHash, gives_shares_by_weight) {
  HashTester h;
  h.add("light", "1");
  h.add("heavy", "9");
  h.add("none but one in a million", "4294967295");
  EXPECT_EQ(counted(h.owners()).size(), 1u);
  ASSERT_TRUE(h.t.topology.take_queue("/", "none but one in a million").ok());
  const auto counts = counted(h.owners());
  expect_share(counts.at("light"), 0.1);
  expect_share(counts.at("heavy"), 0.9);
}

TEST(ConsistentHash, moves_only_the_share_of_the_queue_that_comes_or_goes) {
  HashTester h;
  for (int i = 0; i < 9; ++i) h.add("q" + std::to_string(i), "2");
  const auto before = h.owners();
  h.add("new", "2");
  const auto with_new = h.owners();
  int moved = 0;
  for (int i = 0; i < kKeys; ++i) {
    if (with_new[i] == before[i]) continue;
    EXPECT_EQ(with_new[i], "new");
    ++moved;
  }
  expect_share(moved, 0.1);
  ASSERT_TRUE(h.t.topology.take_queue("/", "new").ok());
  EXPECT_EQ(h.owners(), before);
  ASSERT_TRUE(h.t.topology.take_queue("/", "q3").ok());
  const auto without = h.owners();
  for (int i = 0; i < kKeys; ++i) {
    if (before[i] != "q3") {
      ASSERT_EQ(without[i], before[i]);
    }
  }
}

TEST(ConsistentHash, is_the_same_in_every_run_and_whatever_the_order_of_binding) {
  HashTester h;
  for (const char* queue : {"a", "b", "c", "d"}) h.add(queue, "1");
  HashTester other;
  for (const char* queue : {"d", "b", "a", "c"}) other.add(queue, "1");
  EXPECT_EQ(h.owners(), other.owners());
  // Frozen: messages of one kind must not change their queue with a new version.
  std::string golden;
  for (int i = 0; i < 32; ++i) golden += h.t.route("hash", std::to_string(i));
  EXPECT_EQ(golden, "accacabdaccbcaadbbbbbabbcbcabadc");
  EXPECT_EQ(stable_hash(""), 0xf52a15e9a9b5e89bu);
  EXPECT_EQ(stable_hash("key"), 0x487eb6f7e0ea7e7cu);
}

TEST(ConsistentHash, counts_a_queue_that_is_bound_several_times_with_its_greatest_weight) {
  HashTester h;
  h.add("a", "1");
  h.add("b", "1");
  ASSERT_TRUE(*h.t.bind("hash", "b", "3"));
  expect_share(counted(h.owners()).at("b"), 0.75);
}

TEST(ConsistentHash, hashes_a_header_where_it_is_asked_to) {
  HashTester h(arguments({{"hash-header", {std::string("h")}}}));
  for (int i = 0; i < 10; ++i) h.add("q" + std::to_string(i), "1");
  std::map<std::string, int> owners;
  for (int i = 0; i < 100; ++i) {
    Properties properties;
    properties.headers = arguments({{"h", {std::int32_t{i}}}});
    const std::string owner = h.route(properties, std::to_string(i));
    EXPECT_EQ(h.route(properties, "another key"), owner);
    properties.headers = arguments({{"h", {std::int64_t{i}}}});
    EXPECT_EQ(h.route(properties), owner) << "the width of a number does not matter";
    properties.headers = arguments({{"h", {std::to_string(i)}}});
    EXPECT_EQ(h.route(properties), owner);
    ++owners[owner];
  }
  EXPECT_GT(owners.size(), 5u);
  EXPECT_EQ(h.route({}), h.route({}, "whatever")) << "without it all go the same way";
}

TEST(ConsistentHash, hashes_a_property_where_it_is_asked_to) {
  const std::pair<const char*, void (*)(Properties&, int)> kinds[] = {
      {"message_id", [](Properties& p, int i) { p.message_id = std::to_string(i); }},
      {"correlation_id", [](Properties& p, int i) { p.correlation_id = std::to_string(i); }},
      {"timestamp", [](Properties& p, int i) { p.timestamp = i; }}};
  for (const auto& [name, set] : kinds) {
    HashTester h(arguments({{"hash-property", {std::string(name)}}}));
    for (int i = 0; i < 10; ++i) h.add("q" + std::to_string(i), "1");
    std::map<std::string, int> owners;
    for (int i = 0; i < 100; ++i) {
      Properties properties;
      set(properties, i);
      const std::string owner = h.route(properties, std::to_string(i));
      EXPECT_EQ(h.route(properties, "another key"), owner);
      ++owners[owner];
    }
    EXPECT_GT(owners.size(), 5u) << name;
  }
}

TEST(ConsistentHash, leads_to_exchanges_too) {
  HashTester h;
  ASSERT_TRUE(*h.t.bind_exchange("hash", "amq.fanout", "1"));
  h.t.queue("q").ok();
  h.t.bind("amq.fanout", "q", "").ok();
  EXPECT_EQ(h.t.route("hash", "k"), "q");
}

TEST(ConsistentHash, of_nothing_bound_goes_nowhere) { EXPECT_EQ(HashTester().t.route("hash", "k"), ""); }

TEST(HashedPart, is_refused_when_it_makes_no_sense) {
  const auto refusal = [](FieldTable table) {
    const auto part = parse_hashed_part(table);
    return part.ok() ? "ok" : part.error().message;
  };
  const FieldValue h{std::string("h")};
  EXPECT_EQ(refusal({}), "ok");
  EXPECT_EQ(refusal(arguments({{"hash-header", h}})), "ok");
  EXPECT_EQ(refusal(arguments({{"hash-property", h}})), "Unsupported property: h");
  EXPECT_EQ(refusal(arguments({{"hash-header", h}, {"hash-property", {std::string("timestamp")}}})),
            "hash-header and hash-property are mutually exclusive");
  EXPECT_EQ(refusal(arguments({{"hash-header", {true}}})), "hash-header must be a string");
  EXPECT_EQ(refusal(arguments({{"hash-property", {true}}})), "hash-property must be a string");
  TopologyTester t;
  const auto declared = t.exchange("x", ExchangeType::kConsistentHash, arguments({{"hash-property", h}}));
  EXPECT_EQ(outcome(declared), "ARGUMENT_INVALID");
}

TEST(HashWeight, is_a_decimal_number_above_0) {
  EXPECT_EQ(*parse_hash_weight("1"), 1u);
  EXPECT_EQ(*parse_hash_weight("4294967295"), 4294967295u);
  EXPECT_EQ(parse_hash_weight("0").error().message, "The binding key must be greater than 0");
  for (const char* key : {"", "k", "1.5", "-1", "4294967296", "1 ", "0x1"}) {
    const auto weight = parse_hash_weight(key);
    ASSERT_FALSE(weight.ok()) << key;
    EXPECT_EQ(weight.error().reason, "ARGUMENT_INVALID");
    EXPECT_EQ(weight.error().message, "The binding key must be an integer: <<\"" + std::string(key) + "\">>");
  }
}

}  // namespace
}  // namespace escrow::broker
