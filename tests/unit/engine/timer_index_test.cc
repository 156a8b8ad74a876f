#include "engine/timer_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tests/unit/engine/lane_store.h"
#include "tests/unit/golden.h"

namespace escrow::engine {
namespace {

Timestamp at_ms(std::int64_t ms) { return from_micros(ms * 1000); }
Timestamp at(std::int64_t seconds) { return at_ms(seconds * 1000); }

constexpr LaneId kLane = 3;

/// A lane with its store, and a batch for every time that changes are taken.
struct TimerLaneOf : testing::Test {
  LaneStore store;
  TimerLane lane{kLane, 0};
  BatchNumber building = 1;

  static Timer timer(std::int64_t due_seconds, std::string key = "t") { return {at(due_seconds), 7, std::move(key)}; }
  void seal(Timestamp now) { lane.take_changes(store, building++, now); }
  /// Reads what the lane wants to have read; false: nothing.
  bool read(Timestamp now) {
    const auto wanted = lane.next_read(now, building);
    if (!wanted) return false;
    seal(now);
    auto found = store.read(*wanted);
    lane.loaded(*wanted, std::move(found.entries), std::move(found.stopped_at));
    return true;
  }
  std::vector<std::string> fire(Timestamp now) {
    std::vector<std::string> keys;
    while (auto timer = lane.next_due(now)) keys.push_back(timer->key);
    return keys;
  }
};

using Keys = std::vector<std::string>;

TEST(TimerFormat, has_golden_bytes) {
  EXPECT_EQ(hex(timer_key(3, 0x0102030405060708, 9)), golden("00000003 0102030405060708 0000000000000009"));
  std::string value;
  encode_timer({from_micros(0x0102030405060708), 300, "ab"}, value);
  encode_timer({from_micros(1), 1, ""}, value);
  EXPECT_EQ(hex(value), golden("0807060504030201 ac02 02 6162"
                               "0100000000000000 01 00"));
}

TEST(TimerFormat, reads_back_what_it_wrote) {
  const auto key = decode_timer_key(timer_key(3, 4, 5));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->lane, 3u);
  EXPECT_EQ(key->bucket, 4u);
  EXPECT_EQ(key->batch, 5u);
  std::string value;
  encode_timer({at(1), 2, "a"}, value);
  encode_timer({at(3), 4, "b"}, value);
  const auto timers = decode_timers(value);
  ASSERT_TRUE(timers.ok());
  ASSERT_EQ(timers->size(), 2u);
  EXPECT_EQ((*timers)[1].due, at(3));
  EXPECT_EQ((*timers)[1].epoch, 4u);
  EXPECT_EQ((*timers)[1].key, "b");
  EXPECT_TRUE(decode_timers("")->empty());
}

TEST(TimerFormat, cut_off_is_damaged) {
  const std::string key = timer_key(1, 2, 3);
  for (std::size_t size = 0; size < key.size(); ++size) EXPECT_FALSE(decode_timer_key(key.substr(0, size)));
  EXPECT_FALSE(decode_timer_key(key + "x"));
  std::string value;
  encode_timer({at(1), 300, "abc"}, value);
  for (std::size_t size = 1; size < value.size(); ++size) {
    const auto timers = decode_timers(value.substr(0, size));
    ASSERT_FALSE(timers.ok()) << size;
    EXPECT_EQ(timers.error().code, ErrorCode::kDataLoss);
  }
}

TEST(TimerFormat, orders_keys_by_lane_then_time_then_batch) {
  EXPECT_LT(timer_key(1, ~Bucket{0}, 9), timer_key(2, 0, 0));
  EXPECT_LT(timer_key(1, 255, 9), timer_key(1, 256, 0));
  EXPECT_LT(timer_key(1, 1, 255), timer_key(1, 1, 256));
}

TEST(TimerFormat, puts_a_time_into_the_bucket_of_its_second) {
  EXPECT_EQ(bucket_of(at_ms(0)), 0u);
  EXPECT_EQ(bucket_of(at_ms(999)), 0u);
  EXPECT_EQ(bucket_of(at_ms(1000)), 1u);
  EXPECT_EQ(bucket_of(from_micros(-5'000'000)), 0u) << "before 1970 is the first second";
}

TEST_F(TimerLaneOf, an_unserved_group_writes_and_keeps_nothing_in_memory) {
  lane.add(timer(100, "a"));
  lane.add(timer(100, "b"));
  lane.add(timer(101, "c"));
  seal(at(1));
  EXPECT_EQ(store.stored.size(), 2u) << "packed by second";
  EXPECT_EQ(store.timers(), 3u);
  EXPECT_EQ(lane.next_time(), std::nullopt);
  EXPECT_EQ(lane.next_read(at(1000), building), std::nullopt);
  EXPECT_EQ(lane.next_due(at(1000)), std::nullopt);
}

TEST_F(TimerLaneOf, a_served_group_reads_what_was_added_before) {
  lane.add(timer(100, "a"));
  seal(at(1));
  lane.serve(true);
  ASSERT_TRUE(read(at(99)));
  EXPECT_EQ(fire(at_ms(99'999)), Keys{});
  EXPECT_EQ(fire(at(100)), Keys{"a"});
}

TEST_F(TimerLaneOf, a_served_group_fires_in_order_of_time_and_not_before) {
  lane.serve(true);
  EXPECT_TRUE(read(at(100)));
  for (const auto& [ms, key] : {std::pair{100'900, "c"}, {100'100, "a"}, {100'500, "b"}}) {
    lane.add({at_ms(ms), 1, key});
  }
  EXPECT_EQ(fire(at_ms(100'099)), Keys{});
  EXPECT_EQ(fire(at_ms(100'100)), Keys{"a"});
  EXPECT_EQ(fire(at_ms(200'000)), (Keys{"b", "c"}));
}

TEST_F(TimerLaneOf, timers_beyond_the_horizon_are_read_when_they_come_near) {
  lane.serve(true);
  EXPECT_TRUE(read(at(10)));
  lane.add(timer(100, "a"));
  seal(at(10));
  EXPECT_EQ(lane.next_time(), at(100 - 2));
  EXPECT_FALSE(read(at(50))) << "nothing is near";
  EXPECT_EQ(lane.next_time(), at(100 - 2));
  EXPECT_TRUE(read(at(98)));
  EXPECT_EQ(lane.next_time(), at(100));
  EXPECT_EQ(fire(at(100)), Keys{"a"});
}

TEST_F(TimerLaneOf, timers_within_the_horizon_need_no_read) {
  lane.serve(true);
  EXPECT_TRUE(read(at(99)));
  lane.add(timer(100, "a"));
  EXPECT_EQ(lane.next_time(), at(100));
  EXPECT_EQ(lane.next_read(at(100), building), std::nullopt);
  EXPECT_EQ(fire(at(100)), Keys{"a"});
}

TEST_F(TimerLaneOf, a_bucket_of_which_all_became_moot_goes_without_being_read) {
  for (int i = 0; i < 3; ++i) lane.add(timer(100, std::to_string(i)));
  seal(at(1));
  for (int i = 0; i < 3; ++i) lane.moot(at(100));
  seal(at(100));
  EXPECT_EQ(store.stored.size(), 1u) << "its second is not over";
  seal(at(101));
  EXPECT_TRUE(store.stored.empty());
}

TEST_F(TimerLaneOf, a_served_group_does_not_read_buckets_of_which_all_became_moot) {
  lane.serve(true);
  EXPECT_TRUE(read(at(1)));
  lane.add(timer(100));
  seal(at(1));
  lane.moot(at(100));
  EXPECT_FALSE(read(at(99)));
  seal(at(101));
  EXPECT_TRUE(store.stored.empty());
}

TEST_F(TimerLaneOf, a_bucket_with_one_timer_that_is_not_moot_stays) {
  for (int i = 0; i < 3; ++i) lane.add(timer(100, std::to_string(i)));
  seal(at(1));
  for (int i = 0; i < 2; ++i) lane.moot(at(100));
  seal(at(200));
  EXPECT_EQ(store.timers(), 3u);
}

TEST_F(TimerLaneOf, a_bucket_of_an_earlier_process_is_not_moot_before_it_was_read) {
  TimerLane recovered(kLane, 100);
  recovered.add(timer(100));
  recovered.moot(at(100));
  recovered.take_changes(store, building++, at(200));
  EXPECT_EQ(store.timers(), 1u) << "it may hold timers that nobody has seen";
}

TEST_F(TimerLaneOf, a_bucket_of_an_earlier_process_is_read_and_goes_when_resolved) {
  lane.add(timer(100, "old"));
  seal(at(1));
  TimerLane recovered(kLane, 100);
  recovered.serve(true);
  const auto wanted = recovered.next_read(at(150), building);
  ASSERT_TRUE(wanted.has_value());
  auto found = store.read(*wanted);
  recovered.loaded(*wanted, std::move(found.entries), std::nullopt);
  const auto due = recovered.next_due(at(150));
  ASSERT_TRUE(due.has_value());
  recovered.take_changes(store, building++, at(151));
  EXPECT_EQ(store.timers(), 1u) << "it fired, but what came of it is not known";
  recovered.resolved(*due);
  recovered.take_changes(store, building++, at(152));
  EXPECT_TRUE(store.stored.empty());
}

TEST_F(TimerLaneOf, a_timer_that_is_to_come_again_does) {
  lane.serve(true);
  EXPECT_TRUE(read(at(99)));
  lane.add(timer(100, "a"));
  auto due = lane.next_due(at(100));
  ASSERT_TRUE(due.has_value());
  lane.again(*due, at(105));
  seal(at(104));
  EXPECT_EQ(store.timers(), 1u) << "its entry stays for the case of a restart";
  EXPECT_EQ(fire(at(104)), Keys{});
  EXPECT_EQ(lane.next_time(), at(105));
  due = lane.next_due(at(105));
  ASSERT_TRUE(due.has_value());
  EXPECT_EQ(due->due, at(100)) << "it is due since then all the same";
  lane.resolved(*due);
  seal(at(106));
  EXPECT_TRUE(store.stored.empty());
}

TEST_F(TimerLaneOf, a_group_that_is_served_no_more_forgets_and_reads_again) {
  lane.serve(true);
  EXPECT_TRUE(read(at(99)));
  lane.add(timer(100, "a"));
  lane.add(timer(101, "b"));
  seal(at(99));
  EXPECT_EQ(fire(at(100)), Keys{"a"});
  lane.serve(false);
  EXPECT_EQ(lane.next_time(), std::nullopt);
  EXPECT_EQ(fire(at(200)), Keys{});
  seal(at(200));
  EXPECT_EQ(store.timers(), 2u) << "nobody was asked";
  lane.serve(true);
  ASSERT_TRUE(read(at(200)));
  EXPECT_EQ(fire(at(200)), (Keys{"a", "b"}));
}

TEST_F(TimerLaneOf, a_read_of_an_earlier_service_is_passed_over) {
  lane.add(timer(100, "a"));
  seal(at(1));
  lane.serve(true);
  const auto late = lane.next_read(at(100), building);
  ASSERT_TRUE(late.has_value());
  lane.serve(false);
  lane.serve(true);
  const auto current = lane.next_read(at(100), building);
  ASSERT_TRUE(current.has_value());
  auto found = store.read(*late);
  lane.loaded(*late, std::move(found.entries), std::nullopt);
  EXPECT_EQ(fire(at(100)), Keys{});
  found = store.read(*current);
  lane.loaded(*current, std::move(found.entries), std::nullopt);
  EXPECT_EQ(fire(at(100)), Keys{"a"});
}

TEST_F(TimerLaneOf, one_read_is_under_way_at_a_time) {
  lane.serve(true);
  ASSERT_TRUE(lane.next_read(at(100), building).has_value());
  EXPECT_EQ(lane.next_read(at(200), building), std::nullopt);
  EXPECT_EQ(lane.next_time(), std::nullopt);
}

TEST_F(TimerLaneOf, what_is_added_while_a_read_is_under_way_fires_once) {
  lane.add(timer(100, "before"));
  lane.serve(true);
  const auto wanted = lane.next_read(at(99), building);
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->after, building);
  seal(at(99));
  lane.add(timer(100, "meanwhile"));
  seal(at(99));
  auto found = store.read(*wanted);  // sees later batches, too
  lane.loaded(*wanted, std::move(found.entries), std::nullopt);
  Keys fired = fire(at(100));
  std::ranges::sort(fired);
  EXPECT_EQ(fired, (Keys{"before", "meanwhile"}));
}

TEST_F(TimerLaneOf, a_read_that_was_cut_off_goes_on_where_it_stopped) {
  for (int i = 0; i < 5; ++i) {
    lane.add(timer(100 + i, std::to_string(i)));
    seal(at(1));
  }
  TimerLane recovered(kLane, 104);
  recovered.serve(true);
  Keys fired;
  int reads = 0;
  while (const auto wanted = recovered.next_read(at(200), building)) {
    auto found = store.read(*wanted, 2);
    recovered.loaded(*wanted, std::move(found.entries), std::move(found.stopped_at));
    ++reads;
    EXPECT_EQ(recovered.next_time() == Timestamp(), reads < 3) << "it goes on at once";
    recovered.take_changes(store, building++, at(200 + reads));
    EXPECT_EQ(store.timers(), 5u) << "nothing goes while some of it was not read";
  }
  EXPECT_EQ(reads, 3);
  while (auto due = recovered.next_due(at(200))) {
    fired.push_back(due->key);
    recovered.resolved(*due);
  }
  EXPECT_EQ(fired, (Keys{"0", "1", "2", "3", "4"}));
  recovered.take_changes(store, building++, at(300));
  EXPECT_TRUE(store.stored.empty());
}

TEST_F(TimerLaneOf, no_more_is_read_while_the_lane_holds_as_much_as_it_may) {
  lane.serve(true);
  EXPECT_TRUE(read(at(1)));
  for (std::size_t i = 0; i < TimerLane::kMaxLoaded; ++i) lane.add(timer(2, "t"));
  lane.add(timer(100, "later"));
  seal(at(1));
  EXPECT_EQ(lane.next_read(at(100), building), std::nullopt);
  EXPECT_EQ(lane.next_time(), at(2)) << "what it holds comes first";
  const auto due = lane.next_due(at(100));
  lane.resolved(*due);
  EXPECT_TRUE(lane.next_read(at(100), building).has_value());
}

TEST_F(TimerLaneOf, timers_added_beyond_what_it_may_hold_are_left_to_the_store_until_there_is_room) {
  TimerLane small(kLane, 0, 3);
  small.serve(true);
  while (const auto wanted = small.next_read(at(1), building)) small.loaded(*wanted, {}, {});
  for (const char* key : {"a", "b", "c", "d", "e"}) small.add(timer(2, key));
  Keys fired;
  const auto fire = [&](int second) {
    while (auto due = small.next_due(at(second))) {
      fired.push_back(due->key);
      small.resolved(*due);
    }
  };
  fire(2);
  EXPECT_EQ(fired.size(), 3u);
  small.take_changes(store, building++, at(4));
  EXPECT_EQ(store.timers(), 5u) << "what was not read stays";
  const auto wanted = small.next_read(at(4), building);
  ASSERT_TRUE(wanted.has_value());
  auto found = store.read(*wanted);
  small.loaded(*wanted, std::move(found.entries), std::move(found.stopped_at));
  fire(4);
  std::ranges::sort(fired);
  fired.erase(std::ranges::unique(fired).begin(), fired.end());
  EXPECT_EQ(fired, (Keys{"a", "b", "c", "d", "e"}));
  small.take_changes(store, building++, at(5));
  EXPECT_TRUE(store.stored.empty());
}

TEST_F(TimerLaneOf, buckets_are_erased_one_by_one_and_only_their_own_keys) {
  store.put_timers(timer_key(kLane + 1, 100, 1), "");
  store.put_timers(timer_key(kLane, 102, 1), "");
  lane.add(timer(100));
  lane.add(timer(101));
  seal(at(1));
  lane.moot(at(100));
  lane.moot(at(101));
  seal(at(110));
  EXPECT_EQ(store.stored.size(), 2u);
  EXPECT_EQ(store.erased_ranges,
            (std::vector<std::pair<std::string, std::string>>{{timer_key(kLane, 100, 0), timer_key(kLane, 101, 0)},
                                                              {timer_key(kLane, 101, 0), timer_key(kLane, 102, 0)}}));
}

}  // namespace
}  // namespace escrow::engine
