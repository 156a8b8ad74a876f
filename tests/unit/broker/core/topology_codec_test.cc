// The stored form of exchanges, queues and bindings, and recovery from it.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/broker/core/topology_tester.h"
#include "tests/unit/golden.h"

namespace escrow::broker {
namespace {

// { k: true }
constexpr std::string_view kTable = "00000004 01 6b 74 01";
FieldTable table() { return arguments({{"k", {true}}}); }

TEST(TopologyKeys, have_golden_bytes) {
  EXPECT_EQ(hex(encode_exchange_key("/", "ex")), golden("01 01 2f 02 6578"));
  EXPECT_EQ(hex(encode_queue_key("/", "q")), golden("02 01 2f 01 71"));
  EXPECT_EQ(hex(encode_vhost_key("v")), golden("00 01 76"));
  EXPECT_EQ(hex(encode_binding_key("/", "ex", {"q"}, "a.b", table())),
            golden("03 01 2f 02 6578 00 01 71 03 612e62" + std::string(kTable)));
  EXPECT_EQ(hex(encode_binding_key("/", "ex", {"to", DestinationKind::kExchange}, "", {})),
            golden("03 01 2f 02 6578 01 02 746f 00 00000000"));
}

TEST(TopologyKeys, sort_bindings_behind_the_exchanges_and_queues_that_they_join) {
  EXPECT_LT(encode_exchange_key(std::string(255, 'z'), "z"), encode_queue_key("/", "a"));
  EXPECT_LT(encode_queue_key(std::string(255, 'z'), "z"), encode_binding_key("/", "a", {"a"}, "", {}));
  EXPECT_LT(encode_vhost_key(std::string(255, 'z')), encode_exchange_key("/", "a"));
}

TEST(TopologyKeys, of_logs_left_over_have_golden_bytes) {
  TopologyTester t;
  t.topology.left_over({0x0102030405060708});
  t.topology.erased({0x0102030405060708});
  const std::vector<TopologyChange> changes = t.topology.take_changes();
  ASSERT_EQ(changes.size(), 2u);
  const std::string key = changes[0].key;
  EXPECT_EQ(hex(key), golden("04 0807060504030201"));
  EXPECT_EQ(hex(*changes[0].value), "01");
  EXPECT_EQ(changes[1].key, key);
  EXPECT_FALSE(changes[1].value.has_value());
  EXPECT_EQ(decode_leftover(key, "\1")->log, LogId{0x0102030405060708});
  EXPECT_FALSE(decode_leftover(key, "\1")->delayed);
  EXPECT_FALSE(decode_leftover(key, "\2").has_value());
  EXPECT_FALSE(decode_leftover(key.substr(0, 8), "\1").has_value());
  EXPECT_FALSE(decode_leftover(key + "x", "\1").has_value());
  EXPECT_FALSE(decode_leftover(encode_queue_key("/", "q"), "\1").has_value());
}

TEST(TopologyValues, have_golden_bytes) {
  TopologyTester t;
  t.next_log = 0x0102030405060708;
  ASSERT_TRUE(t.exchange("ex", ExchangeType::kTopic, table()).ok());
  ASSERT_TRUE(t.queue("q", table()).ok());
  ASSERT_TRUE(t.bind("ex", "q", "k").ok());
  const std::vector<TopologyChange> changes = t.topology.take_changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].key, encode_exchange_key("/", "ex"));
  EXPECT_EQ(hex(*changes[0].value), golden("01 03 00" + std::string(kTable)));
  EXPECT_EQ(changes[1].key, encode_queue_key("/", "q"));
  EXPECT_EQ(hex(*changes[1].value), golden("01 00 0807060504030201" + std::string(kTable)));
  EXPECT_EQ(changes[2].key, encode_binding_key("/", "ex", {"q"}, "k", {}));
  EXPECT_EQ(hex(*changes[2].value), "01");
}

TEST(TopologyValues, of_flags_have_golden_bytes) {
  ExchangeSpec exchange{"/", "ex", ExchangeType::kConsistentHash, {}};
  exchange.auto_delete = true;
  EXPECT_EQ(hex(encode_exchange_value(exchange, 0)), golden("01 05 01 00000000"));
  exchange.internal = true;
  EXPECT_EQ(hex(encode_exchange_value(exchange, 0)), golden("01 05 03 00000000"));
  exchange.auto_delete = false;
  EXPECT_EQ(hex(encode_exchange_value(exchange, 0)), golden("01 05 02 00000000"));
  QueueSpec queue{"/", "q", {}};
  queue.auto_delete = true;
  EXPECT_EQ(hex(encode_queue_value(queue, 1)), golden("01 01 0100000000000000 00000000"));
}

TEST(TopologyValues, of_a_virtual_host_have_golden_bytes) {
  Topology topology;
  ASSERT_TRUE(topology.declare_vhost("v").ok());
  const std::vector<TopologyChange> changes = topology.take_changes();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, encode_vhost_key("v"));
  EXPECT_EQ(hex(*changes[0].value), "01");
}

TEST(TopologyValues, numbers_of_exchange_types_are_frozen) {
  EXPECT_EQ(static_cast<int>(ExchangeType::kDirect), 1);
  EXPECT_EQ(static_cast<int>(ExchangeType::kFanout), 2);
  EXPECT_EQ(static_cast<int>(ExchangeType::kTopic), 3);
  EXPECT_EQ(static_cast<int>(ExchangeType::kHeaders), 4);
  EXPECT_EQ(static_cast<int>(ExchangeType::kConsistentHash), 5);
  EXPECT_EQ(static_cast<int>(DestinationKind::kQueue), 0);
  EXPECT_EQ(static_cast<int>(DestinationKind::kExchange), 1);
}

TEST(TopologyRecovery, restores_everything_as_it_was) {
  TopologyTester before;
  for (const auto& [name, type] : {std::pair{"direct", ExchangeType::kDirect},
                                   {"fanout", ExchangeType::kFanout},
                                   {"topic", ExchangeType::kTopic},
                                   {"headers", ExchangeType::kHeaders}}) {
    ASSERT_TRUE(before.exchange(name, type, table()).ok());
  }
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(before.queue(name, table()).ok());
  ASSERT_TRUE(before.bind("direct", "a", "k").ok());
  ASSERT_TRUE(before.bind("direct", "a", "k", table()).ok());
  ASSERT_TRUE(before.bind("topic", "b", "k.#").ok());
  ASSERT_TRUE(before.bind("amq.fanout", "b", "").ok());
  ASSERT_TRUE(before.bind("headers", "a", "", arguments({{"x-match", {std::string("any")}}})).ok());
  ASSERT_TRUE(before.bind("topic", "c", "#").ok());
  ASSERT_TRUE(before.topology.take_queue("/", "c").ok());
  ASSERT_TRUE(before.topology.delete_exchange("/", "fanout", false).ok());
  ASSERT_TRUE(before.unbind("direct", "a", "k").ok());
  before.store();

  TopologyTester after;
  for (const auto& [key, value] : before.stored) ASSERT_TRUE(after.recover(key, value).ok()) << hex(key);
  EXPECT_FALSE(after.topology.has_changes());
  EXPECT_EQ(after.route("direct", "k"), "a");
  EXPECT_EQ(after.route("topic", "k.x"), "b");
  EXPECT_EQ(after.route("amq.fanout", ""), "b");
  EXPECT_EQ(after.route("fanout", ""), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(after.route("", "c"), "");
  for (const char* name : {"direct", "topic", "headers", "amq.fanout"}) {
    const Exchange& old_exchange = **before.topology.exchange("/", name);
    const Exchange& new_exchange = **after.topology.exchange("/", name);
    EXPECT_EQ(new_exchange.spec(), old_exchange.spec());
    ASSERT_EQ(new_exchange.bindings().size(), old_exchange.bindings().size());
  }
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ((*after.topology.queue("/", name))->spec(), (*before.topology.queue("/", name))->spec());
    EXPECT_EQ((*after.topology.queue("/", name))->log().id(), (*before.topology.queue("/", name))->log().id());
  }
  // What is declared again after a restart is what is there.
  EXPECT_TRUE(after.queue("a", table()).ok());
  EXPECT_TRUE(after.exchange("topic", ExchangeType::kTopic, table()).ok());
  EXPECT_FALSE(*after.bind("topic", "b", "k.#"));
  EXPECT_FALSE(after.topology.has_changes());
}

TEST(TopologyRecovery, counts_what_it_found_towards_the_limits) {
  TopologyTester t;
  std::string value;
  for (std::size_t i = 0; i < Topology::kMaxQueues; ++i) {
    value = std::string("\1\0", 2) + std::string(8, '\1') + std::string(4, '\0');
    ASSERT_TRUE(t.recover(encode_queue_key("/", std::to_string(i)), value).ok());
  }
  EXPECT_FALSE(t.queue("one more").ok());
}

void expect_damaged(TopologyTester& t, const std::string& key, const std::string& value) {
  const Result<void> result = t.recover(key, value);
  ASSERT_FALSE(result.ok()) << hex(key) << " " << hex(value);
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(result.error().reason, "TOPOLOGY_DAMAGED");
}

TEST(TopologyRecovery, cut_off_or_longer_or_of_a_later_version_is_damaged) {
  TopologyTester before;
  ASSERT_TRUE(before.exchange("ex", ExchangeType::kTopic, table()).ok());
  ASSERT_TRUE(before.queue("q", table()).ok());
  ASSERT_TRUE(before.bind("ex", "q", "k", table()).ok());
  before.store();
  ASSERT_TRUE(before.bind_exchange("ex", "ex", "k", table()).ok());
  ASSERT_TRUE(before.topology.declare_vhost("v").ok());
  before.store();
  ASSERT_EQ(before.stored.size(), 5u);
  TopologyTester t;
  for (const auto& [key, value] : before.stored) {
    for (std::size_t size = 0; size < key.size(); ++size) expect_damaged(t, key.substr(0, size), value);
    for (std::size_t size = 0; size < value.size(); ++size) expect_damaged(t, key, value.substr(0, size));
    expect_damaged(t, key + "x", value);
    expect_damaged(t, key, value + "x");
    expect_damaged(t, key, "\x02" + value.substr(1));
    ASSERT_TRUE(t.recover(key, value).ok());
  }
}

TEST(TopologyRecovery, of_kinds_that_it_does_not_know_is_damaged) {
  TopologyTester t;
  expect_damaged(t, bytes_of("00 01 2f 01 71"), bytes_of("01 01 00000000"));
  expect_damaged(t, bytes_of("04 01 2f 01 71"), bytes_of("01 01 00000000"));
  expect_damaged(t, encode_exchange_key("/", "ex"), bytes_of("01 00 00 00000000"));
  expect_damaged(t, encode_exchange_key("/", "ex"), bytes_of("01 06 00 00000000"));
}

TEST(TopologyRecovery, of_flags_that_it_does_not_know_is_damaged) {
  TopologyTester t;
  expect_damaged(t, encode_exchange_key("/", "ex"), bytes_of("01 01 04 00000000"));
  expect_damaged(t, encode_queue_key("/", "q"), bytes_of("01 02 0100000000000000 00000000"));
  ASSERT_TRUE(t.queue("q").ok());
  expect_damaged(t, bytes_of("03 01 2f 0a 616d712e646972656374 02 01 71 00 00000000"), "\1");
}

TEST(TopologyValues, of_delayed_exchanges_have_golden_bytes) {
  const ExchangeSpec delayed{"/", "ex", ExchangeType::kDelayed, {}};
  EXPECT_EQ(hex(encode_exchange_value(delayed, 0x0102030405060708)), golden("01 06 00 00000000 0807060504030201"));
  EXPECT_EQ(hex(encode_leftover_key({0x0102030405060708, true})), golden("05 0807060504030201"));
  EXPECT_EQ(hex(encode_shared_body_key(0x0102030405060708)), golden("06 0807060504030201"));
  EXPECT_EQ(hex(encode_shared_body_value(2)), golden("01 02000000"));
}

TEST(TopologyValues, of_what_belongs_to_queues_and_exchanges_have_golden_bytes) {
  EXPECT_EQ(hex(encode_retries_key(0x0102030405060708)), golden("07 0807060504030201"));
  EXPECT_EQ(hex(encode_retries_value(0x0102030405060708)), golden("01 0807060504030201"));
  EXPECT_EQ(hex(encode_keys_key("/", {"q"})), golden("08 01 2f 00 01 71"));
  EXPECT_EQ(hex(encode_keys_key("/", {"x", DestinationKind::kExchange})), golden("08 01 2f 01 01 78"));
  EXPECT_EQ(hex(encode_keys_value(0x0102030405060708)), golden("01 0807060504030201"));
  const auto keys = decode_keys(encode_keys_key("/", {"x", DestinationKind::kExchange}), encode_keys_value(9));
  ASSERT_TRUE(keys.has_value());
  EXPECT_EQ(keys->of, DestinationKind::kExchange);
  EXPECT_EQ(keys->name, "x");
  EXPECT_EQ(keys->log, 9u);
  EXPECT_FALSE(decode_keys(encode_keys_key("/", {"x", static_cast<DestinationKind>(2)}), encode_keys_value(9)));
}

TEST(TopologyRecovery, of_what_could_not_have_been_declared_is_damaged) {
  TopologyTester t;
  ASSERT_TRUE(t.queue("q").ok());
  ASSERT_TRUE(t.exchange("hash", ExchangeType::kConsistentHash).ok());
  const ExchangeSpec odd{"/", "x", ExchangeType::kDirect, arguments({{"alternate-exchange", {true}}})};
  expect_damaged(t, encode_exchange_key("/", "x"), encode_exchange_value(odd, 0));
  const QueueSpec expires{"/", "x", arguments({{"x-expires", {std::int32_t{0}}}})};
  expect_damaged(t, encode_queue_key("/", "x"), encode_queue_value(expires, 9));
  expect_damaged(t, encode_queue_key("/", "q"), encode_queue_value({"/", "q", {}}, 9));
  expect_damaged(t, encode_exchange_key("/", "hash"),
                 encode_exchange_value({"/", "hash", ExchangeType::kDirect, {}}, 0));
  expect_damaged(t, encode_binding_key("/", "hash", {"q"}, "no weight", {}), "\1");
  expect_damaged(t, encode_vhost_key("/"), "\1");
}

TEST(TopologyRecovery, of_things_in_a_virtual_host_that_is_not_there_is_damaged) {
  TopologyTester t;
  expect_damaged(t, encode_exchange_key("v", "x"), encode_exchange_value({"v", "x", ExchangeType::kDirect, {}}, 0));
  expect_damaged(t, encode_queue_key("v", "q"), encode_queue_value({"v", "q", {}}, 9));
  expect_damaged(t, encode_binding_key("v", "amq.direct", {"q"}, "", {}), "\1");
}

TEST(TopologyRecovery, of_a_binding_without_its_ends_is_damaged) {
  TopologyTester t;
  ASSERT_TRUE(t.queue("q").ok());
  expect_damaged(t, encode_binding_key("/", "missing", {"q"}, "k", {}), "\1");
  expect_damaged(t, encode_binding_key("/", "amq.topic", {"missing"}, "k", {}), "\1");
  expect_damaged(t, encode_binding_key("/", "amq.topic", {"q", DestinationKind::kExchange}, "k", {}), "\1");
}

}  // namespace
}  // namespace escrow::broker
