// Pages in and out of memory, and the stored forms of a log.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"
#include "tests/unit/golden.h"

namespace escrow::broker {
namespace {

constexpr LogId kLog = 5;

TEST(LogState, has_golden_bytes) {
  std::string bytes;
  LogState{300, 700, 1025}.encode(bytes);
  EXPECT_EQ(hex(bytes), golden("01 ac02 bc05 8108"));
  const LogState back = must(LogState::decode(bytes));
  EXPECT_EQ(back.head, 300u);
  EXPECT_EQ(back.next, 700u);
  EXPECT_EQ(back.delivered_mark, 1025u);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(LogState::decode(bytes.substr(0, size)).ok());
  EXPECT_FALSE(LogState::decode(bytes + "x").ok());
  EXPECT_FALSE(LogState::decode("\x02\x01\x01\x01").ok());
}

TEST(PageExtent, has_golden_bytes) {
  const PageExtent extent{100, 400, 65'536, {{1, 5000, 9}, {299, 6000, 10}}};
  std::string bytes;
  extent.encode(bytes);
  EXPECT_EQ(hex(bytes), golden("01 9003 808004 02"
                               "01 0900000000000000 88130000"
                               "ab02 0a00000000000000 70170000"));
  const PageExtent back = must(PageExtent::decode(100, bytes));
  EXPECT_EQ(back.first, 100u);
  EXPECT_EQ(back.end, 400u);
  EXPECT_EQ(back.bytes, 65'536u);
  ASSERT_EQ(back.bodies.size(), 2u);
  EXPECT_EQ(back.bodies[1].offset, 299u);
  EXPECT_EQ(back.bodies[1].body(), (BodyRef{10, 6000}));
}

TEST(PageExtent, damaged_is_data_loss) {
  std::string bytes;
  PageExtent{100, 400, 65'536, {{1, 5000, 9}}}.encode(bytes);
  const auto expect_damaged = [](const Result<PageExtent>& result) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  };
  for (std::size_t size = 0; size < bytes.size(); ++size)
    expect_damaged(PageExtent::decode(100, bytes.substr(0, size)));
  expect_damaged(PageExtent::decode(100, bytes + "x"));
  expect_damaged(PageExtent::decode(400, bytes));  // it would end where it begins
  expect_damaged(PageExtent::of(1, ""));
  expect_damaged(PageExtent::of(1, "x"));
}

TEST(PageExtent, is_found_by_reading_the_page) {
  PageCache cache(1 << 20);
  QueueLog log(kLog, cache);
  LogStore store;
  MessageView large = view("");
  large.apart = {9, 5000};
  log.append(record_of("a"), {}, 0, at(1), 1);
  log.append(record_of(large), large.apart, 0, at(1), 1);
  log.take_changes(store);
  log.append(record_of("b"), {}, 0, at(2), 2);
  log.take_changes(store);
  const PageExtent extent = must(PageExtent::of(1, store.pages.at(1)));
  EXPECT_EQ(extent.end, 4u);
  EXPECT_EQ(extent.bytes, store.pages.at(1).size());
  ASSERT_EQ(extent.bodies.size(), 1u);
  EXPECT_EQ(extent.bodies[0].offset, 1u);
  EXPECT_EQ(extent.bodies[0].body(), large.apart);
}

/// A log of which everything leaves memory whenever the bound is enforced.
struct EvictedLogOf : testing::Test {
  PageCache cache{0};
  LogStore store;
  std::unique_ptr<QueueLog> log = std::make_unique<QueueLog>(kLog, cache);
  BatchNumber batch = 1;

  Seq append(std::string_view body) { return log->append(record_of(body), {}, 0, at(1), batch); }
  void append_kib(int count) {
    for (int i = 0; i < count; ++i) append(std::string(1000, 'x'));
  }
  void seal() {
    cache.enforce();
    log->take_changes(store);
    ++batch;
  }
  std::string body(Seq seq) {
    const auto found = log->locate(seq);
    if (found.presence == QueueLog::Presence::kNotLoaded) return "not loaded";
    return std::string(found.fragment->record(found.index).message.body);
  }
};

TEST_F(EvictedLogOf, a_page_is_found_where_it_was_before_it_is_loaded) {
  append("a");
  append("b");
  EXPECT_EQ(body(2), "b");
  seal();
  EXPECT_EQ(cache.bytes(), 0u);
  const auto found = log->locate(2);
  EXPECT_EQ(found.presence, QueueLog::Presence::kNotLoaded);
  EXPECT_EQ(found.page, 1u);
  ASSERT_TRUE(log->request_load(1).has_value());
  ASSERT_TRUE(log->load(1, store.pages.at(1)).ok());
  EXPECT_EQ(body(2), "b");
  EXPECT_GT(cache.bytes(), 0u);
}

TEST_F(EvictedLogOf, transient_messages_that_leave_memory_are_stored_and_may_have_been_delivered) {
  for (const char* text : {"a", "b"}) log->append(record_of(text), {}, 0, at(1), batch, false);
  log->remove(1);
  cache.enforce(batch);
  seal();
  EXPECT_EQ(body(2), "not loaded");
  log->append(record_of("c"), {}, 0, at(1), batch, false);
  append("d");
  seal();
  log = store.recover(kLog, cache);
  EXPECT_EQ(log->first_live(1), 2u);
  EXPECT_EQ(log->live(), 3u);
  EXPECT_TRUE(log->maybe_delivered(2));
  for (const Seq page : {1, 4}) {
    ASSERT_TRUE(log->request_load(page).has_value());
    ASSERT_TRUE(log->load(page, store.pages.at(page)).ok());
  }
  EXPECT_EQ(body(2) + body(3) + body(4), "bcd");
}

TEST_F(EvictedLogOf, a_page_is_asked_for_once) {
  append("a");
  EXPECT_FALSE(log->request_load(1).has_value()) << "it is in memory";
  seal();
  const auto request = log->request_load(1);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->log, kLog);
  EXPECT_EQ(request->page, 1u);
  EXPECT_EQ(request->after, 1u);
  EXPECT_FALSE(log->request_load(1).has_value()) << "it is on its way";
  EXPECT_FALSE(log->request_load(2).has_value()) << "there is no such page";
  ASSERT_TRUE(log->load(1, store.pages.at(1)).ok());
  EXPECT_FALSE(log->request_load(1).has_value());
}

TEST_F(EvictedLogOf, a_read_has_to_see_what_was_appended_after_the_page_left) {
  append("a");
  seal();
  append("b");
  const auto request = log->request_load(1);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->after, batch);
}

TEST_F(EvictedLogOf, a_read_may_or_may_not_see_what_was_appended_meanwhile) {
  for (const bool late : {false, true}) {
    log = std::make_unique<QueueLog>(kLog, cache);
    store = {};
    append("a");
    seal();
    ASSERT_TRUE(log->request_load(1).has_value());
    const std::string early = store.pages.at(1);
    append("b");
    seal();
    append("c");
    ASSERT_TRUE(log->load(1, late ? store.pages.at(1) : early).ok());
    EXPECT_EQ(body(1), "a");
    EXPECT_EQ(body(2), "b");
    EXPECT_EQ(body(3), "c");
  }
}

TEST_F(EvictedLogOf, a_page_holds_what_was_appended_meanwhile_once) {
  append("a");
  seal();
  ASSERT_TRUE(log->request_load(1).has_value());
  append(std::string(3000, 'b'));
  seal();
  const std::size_t before = cache.bytes();
  ASSERT_TRUE(log->load(1, store.pages.at(1)).ok());
  EXPECT_LT(cache.bytes(), before + 1000);
}

TEST_F(EvictedLogOf, a_page_that_is_being_read_is_not_evicted_in_part) {
  append("a");
  seal();
  ASSERT_TRUE(log->request_load(1).has_value());
  const std::string early = store.pages.at(1);
  append("b");
  seal();  // enforces the bound: what the read has not seen must stay
  append("c");
  ASSERT_TRUE(log->load(1, early).ok());
  EXPECT_EQ(body(2), "b");
  EXPECT_EQ(body(3), "c");
  cache.enforce();
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(EvictedLogOf, a_load_that_nobody_waits_for_is_passed_over) {
  append("a");
  seal();
  EXPECT_TRUE(log->load(1, "damaged").ok());
  EXPECT_TRUE(log->load(77, "damaged").ok());
  ASSERT_TRUE(log->request_load(1).has_value());
  log->remove(1);
  EXPECT_TRUE(log->load(1, "damaged").ok()) << "the page is gone";
}

TEST_F(EvictedLogOf, a_damaged_page_is_data_loss) {
  append("a");
  seal();
  ASSERT_TRUE(log->request_load(1).has_value());
  const auto loaded = log->load(1, store.pages.at(1).substr(1));
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::kDataLoss);
}

TEST_F(EvictedLogOf, closed_pages_get_an_extent_when_they_leave_memory) {
  append_kib(100);
  seal();
  EXPECT_EQ(store.index.size(), 1u) << "the page at the tail is still open";
  const PageExtent extent = must(PageExtent::decode(1, store.index.at(1)));
  EXPECT_EQ(extent.end, std::next(store.pages.begin())->first);
}

TEST_F(EvictedLogOf, no_page_is_lost_that_was_back_in_memory_when_its_extent_was_due) {
  append_kib(100);
  log->take_changes(store);  // two pages, the first closed
  cache.enforce();           // both leave; the extent is due
  ASSERT_TRUE(log->request_load(1).has_value());
  ASSERT_TRUE(log->load(1, store.pages.at(1)).ok());
  append_kib(100);
  log->take_changes(store);
  EXPECT_TRUE(store.index.contains(1)) << "recovery reads only what comes after the last extent";
  const std::uint64_t digest = log->digest();
  EXPECT_EQ(store.recover(kLog, cache)->digest(), digest);
}

TEST_F(EvictedLogOf, after_a_restart_all_pages_get_their_extents) {
  append_kib(200);
  log->take_changes(store);
  EXPECT_TRUE(store.index.empty()) << "nothing has left memory";
  log = store.recover(kLog, cache);
  log->take_changes(store);
  EXPECT_EQ(store.index.size(), store.pages.size());
  EXPECT_EQ(store.recover(kLog, cache)->digest(), log->digest());
}

TEST(PageCache, evicts_the_oldest_page_first_and_what_came_back_last) {
  PageCache cache(150 << 10);
  LogStore store;
  QueueLog log(kLog, cache);
  BatchNumber batch = 1;
  const auto fill_page = [&] {
    for (int i = 0; i < 64; ++i) log.append(record_of(std::string(1000, 'x')), {}, 0, at(1), batch);
    log.take_changes(store);
    ++batch;
  };
  const auto in_memory = [&](Seq seq) { return log.locate(seq).presence == QueueLog::Presence::kInMemory; };
  while (store.pages.size() < 2) fill_page();
  while (store.pages.size() < 3) fill_page();
  const Seq second = std::next(store.pages.begin())->first;
  cache.enforce();
  EXPECT_LE(cache.bytes(), std::size_t{150 << 10});
  EXPECT_FALSE(in_memory(1));
  EXPECT_TRUE(in_memory(log.next_seq() - 1));
  ASSERT_TRUE(log.request_load(1).has_value());
  ASSERT_TRUE(log.load(1, store.pages.at(1)).ok());
  cache.enforce();
  EXPECT_TRUE(in_memory(1));
  EXPECT_FALSE(in_memory(second));
}

TEST(PageCache, bounds_ten_thousand_logs_with_one_message_at_a_time) {
  constexpr std::size_t kBound = 256 << 10;
  constexpr LogId kLogs = 10'000;
  PageCache cache(kBound);
  std::vector<std::unique_ptr<QueueLog>> logs;
  std::vector<LogStore> stores(kLogs);
  for (LogId id = 0; id < kLogs; ++id) logs.push_back(std::make_unique<QueueLog>(id, cache));
  for (BatchNumber batch = 1; batch <= 5; ++batch) {
    for (LogId id = 0; id < kLogs; ++id) {
      logs[id]->append(record_of("one message"), {}, 0, at(1), batch);
      if (id % 100 != 0) continue;
      cache.enforce();
      ASSERT_LE(cache.bytes(), kBound);
    }
    cache.enforce();
    for (LogId id = 0; id < kLogs; ++id) logs[id]->take_changes(stores[id]);
  }
  for (LogId id = 0; id < kLogs; id += 997) {
    ASSERT_EQ(stores[id].pages.size(), 1u) << "small batches share a page, in memory or not";
    EXPECT_EQ(must(PageExtent::of(1, stores[id].pages.at(1))).end, 6u);
  }
  while (!logs.empty()) {
    for (Seq seq = 1; seq <= 5; ++seq) ASSERT_TRUE(logs.back()->remove(seq));
    logs.pop_back();
  }
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace escrow::broker
