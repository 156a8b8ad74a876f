#include "broker/core/queue_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {
namespace {

constexpr LogId kLog = 5;
constexpr std::size_t kPlenty = 100 << 20;

struct QueueLogOf : testing::Test {
  PageCache cache{kPlenty};
  LogStore store;
  std::unique_ptr<QueueLog> log = std::make_unique<QueueLog>(kLog, cache);
  BatchNumber batch = 1;

  Seq append(std::string_view body, bool persistent = true) {
    return log->append(record_of(body), {}, 0, at(1), batch, persistent);
  }
  Seq append_transient(std::string_view body) { return append(body, false); }
  /// Messages of 1 KiB: 63 or 64 fill a page.
  void append_kib(int count) {
    for (int i = 0; i < count; ++i) append(std::string(1000, 'x'));
  }
  void seal() {
    log->take_changes(store);
    ++batch;
  }
  void restart() {
    log.reset();
    log = store.recover(kLog, cache);
  }
  std::string body(Seq seq) {
    const auto found = log->locate(seq);
    if (found.presence == QueueLog::Presence::kNotLoaded) return "not loaded";
    return std::string(found.fragment->record(found.index).message.body);
  }
  void load(Seq page) {
    ASSERT_TRUE(log->request_load(page).has_value());
    ASSERT_TRUE(log->load(page, store.pages.at(page)).ok());
  }
};

TEST_F(QueueLogOf, messages_are_numbered_from_one) {
  EXPECT_EQ(log->next_seq(), 1u);
  EXPECT_EQ(append("a"), 1u);
  EXPECT_EQ(append("b"), 2u);
  EXPECT_EQ(log->live(), 2u);
  EXPECT_EQ(body(2), "b");
}

TEST_F(QueueLogOf, messages_of_one_batch_are_one_fragment) {
  append("a");
  append("b");
  seal();
  append("c");
  seal();
  ASSERT_EQ(store.pages.size(), 1u);
  std::string_view page = store.pages.at(1);
  EXPECT_EQ(must(Fragment::decode(page))->count(), 2u);
  EXPECT_EQ(must(Fragment::decode(page))->first(), 3u);
  EXPECT_TRUE(page.empty());
}

TEST_F(QueueLogOf, nothing_changes_twice) {
  append("a");
  EXPECT_TRUE(log->changed());
  seal();
  EXPECT_FALSE(log->changed());
  const std::string page = store.pages.at(1);
  seal();
  EXPECT_EQ(store.pages.at(1), page);
}

TEST_F(QueueLogOf, a_page_ends_when_it_has_its_bytes) {
  append_kib(200);
  seal();
  ASSERT_EQ(store.pages.size(), 4u);
  Seq end = 1;
  for (const auto& [first, bytes] : store.pages) {
    EXPECT_EQ(first, end);
    end = must(PageExtent::of(first, bytes)).end;
    if (end != 201) {
      EXPECT_GE(bytes.size(), QueueLog::kPageBytes);
      EXPECT_LT(bytes.size(), QueueLog::kPageBytes + 2000);
    }
  }
  EXPECT_EQ(end, 201u);
}

TEST_F(QueueLogOf, small_batches_share_a_page) {
  for (int i = 0; i < 50; ++i) {
    append("a");
    seal();
  }
  EXPECT_EQ(store.pages.size(), 1u);
}

TEST_F(QueueLogOf, what_comes_and_goes_within_a_batch_is_never_written) {
  append("a");
  log->remove(1);
  seal();
  EXPECT_TRUE(store.pages.empty());
  EXPECT_TRUE(store.states.empty());
}

TEST_F(QueueLogOf, a_page_goes_with_its_last_message) {
  append("a");
  append("b");
  seal();
  EXPECT_TRUE(log->remove(2));
  seal();
  EXPECT_EQ(store.states.size(), 1u);
  EXPECT_TRUE(log->remove(1));
  EXPECT_FALSE(log->remove(1));
  seal();
  EXPECT_TRUE(store.pages.empty());
  EXPECT_TRUE(store.states.empty());
}

TEST_F(QueueLogOf, what_is_not_there_cannot_be_removed) {
  append("a");
  EXPECT_FALSE(log->remove(0));
  EXPECT_FALSE(log->remove(2));
}

TEST_F(QueueLogOf, an_emptied_log_does_not_use_its_numbers_again) {
  append("a");
  append("b");
  seal();
  log->remove(1);
  log->remove(2);
  seal();
  restart();
  EXPECT_EQ(log->live(), 0u);
  EXPECT_EQ(append("c"), 3u);
  EXPECT_FALSE(log->maybe_delivered(3));
}

TEST_F(QueueLogOf, numbers_that_timers_may_name_are_not_used_again) {
  append_kib(64);
  seal();
  const Seq last = append("in the next page");
  seal();
  log->remove(last);
  seal();
  restart();
  EXPECT_EQ(log->live(), 64u);
  EXPECT_EQ(append("c"), last + 1);
}

TEST_F(QueueLogOf, transient_messages_are_not_stored) {
  append_transient("a");
  append_transient("b");
  EXPECT_FALSE(log->changed());
  EXPECT_FALSE(log->persists(1));
  EXPECT_EQ(log->mark_delivered(1, batch), 0u) << "nothing has to be durable first";
  EXPECT_EQ(log->locate(1).fragment->batch(), 0u);
  log->set_delivery_count(1, 2);
  log->remove(2);
  EXPECT_FALSE(log->changed());
  seal();
  EXPECT_TRUE(store.pages.empty());
  EXPECT_TRUE(store.states.empty());
  EXPECT_EQ(body(1), "a");
  restart();
  EXPECT_EQ(log->live(), 0u);
}

TEST_F(QueueLogOf, a_persistent_message_behind_transient_ones_is_stored_alone) {
  append_transient("a");
  append("b");
  append_transient("c");
  EXPECT_TRUE(log->persists(2));
  EXPECT_TRUE(log->persists(3)) << "it may as well be stored with the other";
  seal();
  restart();
  EXPECT_EQ(log->first_live(1), 2u);
  EXPECT_EQ(log->live(), 2u);
  load(2);
  EXPECT_EQ(body(2), "b");
  EXPECT_EQ(body(3), "c");
}

TEST_F(QueueLogOf, a_large_transient_message_is_not_stored_with_persistent_ones) {
  append("a");
  append_transient(std::string(100'000, 'x'));
  EXPECT_FALSE(log->persists(2));
  seal();
  EXPECT_EQ(store.pages.size(), 1u);
  EXPECT_LT(store.pages.at(1).size(), 1000u);
}

TEST_F(QueueLogOf, an_emptied_log_starts_its_scan_behind_what_was_there) {
  append("a");
  seal();
  log->remove(1);
  append("b");
  seal();
  log->mark_delivered(2, batch);
  seal();
  EXPECT_EQ(must(LogState::decode(*store.log_state)).head, 2u);
}

// A page of 64 messages, closed because another one follows.
struct RewritingOf : QueueLogOf {
  Seq end = 0;
  void SetUp() override {
    append_kib(70);
    seal();
    end = must(PageExtent::of(1, store.pages.at(1))).end;
    ASSERT_EQ(store.pages.size(), 2u);
  }
  void leave(Seq count) {
    for (Seq seq = 1; seq < end; ++seq) {
      if (seq <= end - 1 - count) log->remove(seq);
    }
  }
};

TEST_F(RewritingOf, a_page_is_written_again_when_less_than_an_eighth_is_left) {
  leave((end - 1) / 8 + 1);
  seal();
  EXPECT_EQ(store.rewrites, 0);
  const std::size_t before = store.pages.at(1).size();
  leave((end - 1) / 8 - 1);
  seal();
  EXPECT_EQ(store.rewrites, 1);
  EXPECT_LT(store.pages.at(1).size() * 8, before);
}

TEST_F(RewritingOf, a_page_is_written_again_once) {
  leave(5);
  seal();
  leave(2);
  seal();
  EXPECT_EQ(store.rewrites, 1);
}

TEST_F(RewritingOf, a_page_that_was_written_again_recovers) {
  // What is left lies in the middle, so that the page on disk begins and ends elsewhere than the page in memory.
  for (Seq seq = 1; seq < end; ++seq) {
    if (seq != 20 && seq != 22) log->remove(seq);
  }
  log->set_delivery_count(22, 3);
  seal();
  ASSERT_EQ(store.rewrites, 1);
  const std::uint64_t digest = log->digest();
  const std::uint64_t live = log->live();
  restart();
  EXPECT_EQ(log->digest(), digest);
  EXPECT_EQ(log->live(), live);
  load(1);
  EXPECT_EQ(body(20).size(), 1000u);
  EXPECT_EQ(log->delivery_count(22), 3u);
  log->remove(20);
  log->remove(22);
  seal();
  EXPECT_FALSE(store.pages.contains(1));
}

TEST_F(RewritingOf, an_open_page_is_not_written_again) {
  append_kib(20);
  seal();
  for (Seq seq = end; seq < log->next_seq() - 1; ++seq) log->remove(seq);
  seal();
  EXPECT_EQ(store.rewrites, 0);
}

TEST_F(QueueLogOf, removing_over_a_range_removes_what_is_left_of_it) {
  append_kib(200);
  log->remove(3);
  log->remove(100);
  const auto trimmed = log->trim(1, 150, 100);
  EXPECT_EQ(trimmed.messages, 147u);
  EXPECT_EQ(trimmed.position, 150u);
  EXPECT_EQ(log->live(), 51u);
  EXPECT_EQ(log->first_live(1), 150u);
}

TEST_F(QueueLogOf, removing_over_a_range_begins_where_it_is_told) {
  append_kib(10);
  EXPECT_EQ(log->trim(5, 8, 100).messages, 3u);
  EXPECT_EQ(log->first_live(5), 8u);
  EXPECT_EQ(log->live(), 7u);
}

TEST_F(QueueLogOf, removing_over_a_range_stops_after_so_many_pages) {
  append_kib(300);
  QueueLog::Trimmed trimmed = log->trim(1, log->next_seq(), 2);
  EXPECT_EQ(trimmed.position, log->first_live(1));
  std::uint64_t messages = trimmed.messages;
  int steps = 1;
  for (; trimmed.position < log->next_seq(); ++steps) {
    trimmed = log->trim(trimmed.position, log->next_seq(), 2);
    messages += trimmed.messages;
  }
  EXPECT_EQ(messages, 300u);
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(log->live(), 0u);
}

TEST_F(QueueLogOf, removing_over_a_range_counts_large_bodies_as_pages) {
  MessageView large = view("");
  for (std::uint64_t id = 1; id <= 5000; ++id) {
    large.apart = {id, 5000};
    log->append(record_of(large), large.apart, 0, at(1), batch);
  }
  const auto trimmed = log->trim(1, log->next_seq(), 32);
  EXPECT_LT(trimmed.messages, 5000u);
  EXPECT_EQ(trimmed.work, 1 + trimmed.messages) << "the bodies of one page are work enough";
}

TEST_F(QueueLogOf, a_log_that_goes_as_a_whole_goes_step_by_step) {
  append_kib(200);
  MessageView large = view("");
  large.apart = {9, 5000};
  log->append(record_of(large), large.apart, 0, at(1), batch);
  log->append(record_of(large), large.apart, 0, at(1), batch);
  log->remove(201);
  EXPECT_EQ(log->take_released().size(), 1u);
  int steps = 1;
  while (log->dissolve(2)) ++steps;
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(log->live(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(log->take_released(), std::vector<BodyRef>{large.apart}) << "the other one was released before";
}

TEST_F(QueueLogOf, the_first_delivery_of_a_block_waits_for_its_mark) {
  for (int i = 0; i < 10; ++i) append("a");
  seal();
  EXPECT_EQ(log->mark_delivered(1, batch), batch);
  const BatchNumber marking = batch;
  EXPECT_EQ(log->mark_delivered(2, batch), marking);
  seal();
  EXPECT_EQ(must(LogState::decode(*store.log_state)).delivered_mark, 1 + QueueLog::kMarkBlock);
  EXPECT_EQ(log->mark_delivered(3, batch), marking) << "covered by the mark of that batch";
  EXPECT_FALSE(log->changed()) << "and the mark is not written again";
}

TEST_F(QueueLogOf, a_delivery_below_an_older_mark_waits_for_the_batch_of_that_mark) {
  for (Seq i = 0; i < 3 * QueueLog::kMarkBlock; ++i) append("a");
  log->mark_delivered(1, batch);
  seal();
  EXPECT_EQ(log->mark_delivered(1 + QueueLog::kMarkBlock, batch), batch) << "the next block";
  EXPECT_EQ(log->mark_delivered(2, batch), batch - 1) << "came back; the batch of its mark may be on its way still";
  EXPECT_EQ(log->mark_delivered(1 + 2 * QueueLog::kMarkBlock, batch), batch) << "the mark moves again in this batch";
  EXPECT_EQ(log->mark_delivered(2, batch), batch - 1);
}

TEST_F(QueueLogOf, several_blocks_of_one_batch_wait_for_that_batch) {
  for (Seq i = 0; i < 3 * QueueLog::kMarkBlock; ++i) append("a");
  EXPECT_EQ(log->mark_delivered(1, batch), batch);
  EXPECT_EQ(log->mark_delivered(1 + QueueLog::kMarkBlock, batch), batch);
  EXPECT_EQ(log->mark_delivered(2, batch), batch) << "the mark that covers it is no older";
}

TEST_F(QueueLogOf, after_a_restart_everything_below_the_mark_may_have_been_delivered) {
  for (Seq i = 0; i < 2 * QueueLog::kMarkBlock; ++i) append("a");
  seal();
  EXPECT_FALSE(log->maybe_delivered(1)) << "nothing was, in this process";
  log->mark_delivered(1, batch);
  EXPECT_FALSE(log->maybe_delivered(1)) << "the queue itself knows what it delivered";
  seal();
  restart();
  EXPECT_TRUE(log->maybe_delivered(1));
  EXPECT_TRUE(log->maybe_delivered(QueueLog::kMarkBlock));
  EXPECT_FALSE(log->maybe_delivered(1 + QueueLog::kMarkBlock));
  EXPECT_EQ(log->mark_delivered(2, batch), 0u) << "the mark is on disk";
}

TEST_F(QueueLogOf, delivery_counts_survive_a_restart_until_the_message_goes) {
  append("a");
  append("b");
  log->set_delivery_count(2, 7);
  seal();
  restart();
  EXPECT_EQ(log->delivery_count(1), 0u);
  EXPECT_EQ(log->delivery_count(2), 7u);
  log->remove(2);
  EXPECT_EQ(log->delivery_count(2), 0u);
}

TEST_F(QueueLogOf, digest_tells_what_is_left_and_how_often_it_came_back) {
  const std::uint64_t empty = log->digest();
  append("a");
  const std::uint64_t one = log->digest();
  EXPECT_NE(one, empty);
  log->set_delivery_count(1, 1);
  EXPECT_NE(log->digest(), one);
  log->set_delivery_count(1, 0);
  append("b");
  log->remove(2);
  EXPECT_EQ(log->digest(), one) << "and nothing of what was";
  EXPECT_NE(QueueLog(kLog + 1, cache).digest(), empty);
}

}  // namespace
}  // namespace escrow::broker
