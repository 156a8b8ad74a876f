// Idempotency keys in their window.
#include "broker/core/seen_keys.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "model/properties.h"
#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"
#include "tests/unit/golden.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

SeenKey key(std::uint64_t number) { return {number * 0x9e3779b97f4a7c15, number}; }

DeduplicationWindow window(std::uint64_t keys, std::optional<std::int64_t> ttl_ms = {}) {
  return {.by_message_id = false, .keys = keys, .ttl_ms = ttl_ms};
}

struct KeysStore {
  std::map<std::uint64_t, std::string> rows;
  void put_keys(LogId, std::uint64_t row, const std::string& bytes) { rows[row] = bytes; }
  void erase_keys(LogId, std::uint64_t row) { rows.erase(row); }
  std::unique_ptr<SeenKeys> recover() const {
    auto keys = std::make_unique<SeenKeys>(1, true);
    for (const auto& [row, bytes] : rows) must_ok(keys->recover(row, bytes));
    return keys;
  }
};

TEST(SeenKeys, remember_as_many_as_the_window_has_room_for) {
  SeenKeys keys(1, true);
  for (std::uint64_t i = 0; i < 4; ++i) keys.add(key(i), true, window(3), at(1));
  EXPECT_FALSE(keys.contains(key(0), window(3), at(1)));
  for (std::uint64_t i = 1; i < 4; ++i) EXPECT_TRUE(keys.contains(key(i), window(3), at(1))) << i;
  EXPECT_FALSE(keys.contains(key(4), window(3), at(1)));
  EXPECT_EQ(keys.size(), 3u);
}

TEST(SeenKeys, remember_for_as_long_as_the_window_says) {
  SeenKeys keys(1, true);
  keys.add(key(1), true, window(10, 1000), at(1));
  EXPECT_TRUE(keys.contains(key(1), window(10, 1000), at(2) - 1us));
  EXPECT_FALSE(keys.contains(key(1), window(10, 1000), at(2)));
  EXPECT_TRUE(keys.contains(key(1), window(10, 2000), at(2))) << "a window may change";
}

TEST(SeenKeys, take_one_that_has_left_the_window_as_new) {
  SeenKeys keys(1, true);
  keys.add(key(1), true, window(10, 1000), at(1));
  keys.add(key(1), true, window(10, 1000), at(2));
  EXPECT_TRUE(keys.contains(key(1), window(10, 1000), at(2)));
  keys.add(key(2), true, window(10, 1000), at(3) - 1us);
  EXPECT_TRUE(keys.contains(key(1), window(10, 1000), at(3) - 1us));
}

TEST(SeenKeys, of_a_batch_are_one_row_with_golden_bytes) {
  SeenKeys keys(1, true);
  KeysStore store;
  keys.add({1, 2}, true, window(10), at(0));
  keys.add({3, 4}, true, window(10), from_micros(0x1112131415161718));
  EXPECT_TRUE(keys.changed());
  keys.take_changes(store);
  EXPECT_FALSE(keys.changed());
  ASSERT_EQ(store.rows.size(), 1u);
  EXPECT_EQ(hex(store.rows[1]), golden("01 1817161514131211 0100000000000000 0200000000000000 0300000000000000 "
                                       "0400000000000000"));
}

TEST(SeenKeys, of_messages_that_a_crash_loses_are_lost_with_them) {
  SeenKeys keys(1, true);
  KeysStore store;
  keys.add(key(1), true, window(10), at(1));
  keys.add(key(2), false, window(10), at(1));
  keys.add(key(3), true, window(10), at(1));
  keys.take_changes(store);
  EXPECT_TRUE(keys.contains(key(2), window(10), at(1)));
  const auto recovered = store.recover();
  EXPECT_TRUE(recovered->contains(key(1), window(10), at(1)));
  EXPECT_FALSE(recovered->contains(key(2), window(10), at(1)));
  EXPECT_TRUE(recovered->contains(key(3), window(10), at(1)));
}

TEST(SeenKeys, leave_no_rows_behind_when_they_have_left_the_window) {
  SeenKeys keys(1, true);
  KeysStore store;
  for (std::uint64_t i = 0; i < 100; ++i) {
    keys.add(key(i), true, window(5), at(1));
    keys.take_changes(store);
    EXPECT_LE(store.rows.size(), 6u);
  }
}

TEST(SeenKeys, cannot_be_recovered_from_damage) {
  SeenKeys keys(1, true);
  EXPECT_EQ(keys.recover(1, std::string(9, '\x02')).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(keys.recover(2, std::string("\x01") + std::string(8 + 15, 'x')).error().code, ErrorCode::kDataLoss);
}

RC_GTEST_PROP(SeenKeysProperty, are_those_of_a_plain_list, ()) {
  KeysStore store;
  std::deque<std::pair<std::uint64_t, Timestamp>> plain;  // oldest first
  const auto size = *rc::gen::inRange<std::uint64_t>(1, 60);
  const DeduplicationWindow w = window(size, *rc::gen::inRange<std::int64_t>(1, 400));
  Timestamp now = at(1);
  const auto steps = *rc::gen::inRange(0, 600);
  auto live = std::make_unique<SeenKeys>(1, true);
  for (int step = 0; step < steps; ++step) {
    const auto number = *rc::gen::inRange<std::uint64_t>(0, 100);
    now += std::chrono::milliseconds(*rc::gen::inRange(0, 20));
    while (!plain.empty() && plain.front().second + std::chrono::milliseconds(*w.ttl_ms) <= now) plain.pop_front();
    const bool known = std::ranges::find(plain, number, &std::pair<std::uint64_t, Timestamp>::first) != plain.end();
    RC_ASSERT(live->contains(key(number), w, now) == known);
    if (!known) {
      live->add(key(number), true, w, now);
      plain.emplace_back(number, now);
      if (plain.size() > w.keys) plain.pop_front();
    }
    // One batch a key, so that all times are exact.
    live->take_changes(store);
    if (*rc::gen::inRange(0, 50) == 0) live = store.recover();
  }
}

FieldTable table(std::initializer_list<FieldTable::Field> fields) {
  FieldTable table;
  for (const auto& [name, value] : fields) table.set(name, value);
  return table;
}

std::string keyed(std::optional<FieldValue> header, std::optional<std::string> message_id) {
  Properties properties;
  if (header) properties.headers = table({{"x-deduplication-header", *header}});
  properties.message_id = std::move(message_id);
  return must(encode_properties(properties));
}

TEST(IdempotencyKey, is_the_header_or_the_message_id_where_that_is_asked_for) {
  const DeduplicationWindow by_header;
  const DeduplicationWindow by_id{.by_message_id = true, .keys = 1, .ttl_ms = {}};
  const auto text = [](const char* t) { return FieldValue{std::string(t)}; };
  EXPECT_EQ(idempotency_key(by_header, keyed({}, {})), std::nullopt);
  EXPECT_EQ(idempotency_key(by_header, keyed({}, "a")), std::nullopt);
  EXPECT_EQ(idempotency_key(by_id, keyed({}, "a")), idempotency_key(by_header, keyed(text("a"), {})));
  EXPECT_EQ(idempotency_key(by_id, keyed(text("b"), "a")), idempotency_key(by_header, keyed(text("b"), {})));
  EXPECT_NE(idempotency_key(by_id, keyed({}, "a")), idempotency_key(by_id, keyed({}, "b")));
  EXPECT_EQ(idempotency_key(by_header, keyed(FieldValue{7}, {})), idempotency_key(by_header, keyed(text("7"), {})));
}

std::optional<DeduplicationWindow> parsed(std::initializer_list<FieldTable::Field> fields) {
  std::optional<DeduplicationWindow> out;
  EXPECT_EQ(read_deduplication(table(fields), out), std::nullopt);
  return out;
}

std::string refused(std::initializer_list<FieldTable::Field> fields) {
  std::optional<DeduplicationWindow> out;
  const auto complaint = read_deduplication(table(fields), out);
  return complaint ? complaint->argument + " " + complaint->text : "";
}

TEST(DeduplicationWindow, is_asked_for_by_an_argument) {
  EXPECT_EQ(parsed({}), std::nullopt);
  EXPECT_EQ(parsed({{"x-message-deduplication", {false}}}), std::nullopt);
  EXPECT_EQ(parsed({{"x-cache-size", {7}}}), std::nullopt);
  const auto plain = parsed({{"x-message-deduplication", {true}}});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->keys, DeduplicationWindow::kDefaultKeys);
  EXPECT_EQ(plain->ttl_ms, DeduplicationWindow::kDefaultTtlMs);
  EXPECT_FALSE(plain->by_message_id);
  EXPECT_TRUE(parsed({{"x-message-deduplication", {std::string("message-id")}}})->by_message_id);
  const auto counted = parsed({{"x-message-deduplication", {std::string("header")}}, {"x-cache-size", {10}}});
  EXPECT_EQ(counted->keys, 10u);
  EXPECT_EQ(counted->ttl_ms, std::nullopt) << "as the plugin has it";
}

TEST(DeduplicationWindow, says_what_is_wrong_with_its_arguments) {
  EXPECT_EQ(refused({{"x-message-deduplication", {std::string("body")}}}),
            "x-message-deduplication \"expected true, \"header\" or \"message-id\", got body\"");
  EXPECT_NE(refused({{"x-cache-size", {0}}}), "");
  EXPECT_EQ(refused({{"x-cache-size", {10'000'000}}}), "");
  EXPECT_NE(refused({{"x-cache-size", {10'000'001}}}), "");
  EXPECT_NE(refused({{"x-cache-ttl", {0}}}), "");
}

}  // namespace
}  // namespace escrow::broker
