#include "client/cpp/internal/operation_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace escrow::client::internal {
namespace {

using testing::ElementsAre;
using Clock = OperationWindow::Clock;

class OperationWindowTest : public testing::Test {
 protected:
  /// Adds a commit of the given id whose callback notes the id.
  void add(const std::string& id, Clock::time_point deadline = Clock::time_point::max()) {
    v1::TransactRequest::Operation operation;
    operation.mutable_commit()->set_transaction_id(id);
    window_.add(std::move(operation), Transactor::DecidedCallback([](const Result<Timestamp>&) {}), deadline);
  }
  /// The ids in the next frame.
  std::vector<std::string> next() {
    std::vector<std::string> ids;
    if (const auto frame = window_.next_frame()) {
      for (const auto& operation : frame->request.operations()) ids.push_back(operation.commit().transaction_id());
    }
    return ids;
  }

  OperationWindow window_{TransactorOptions{.max_operations_per_frame = 3, .max_frame_bytes = 1000}};
};

TEST_F(OperationWindowTest, operations_gather_in_the_frame_that_is_not_written_yet) {
  add("a");
  EXPECT_THAT(next(), ElementsAre("a"));
  add("b");
  add("c");
  EXPECT_THAT(next(), ElementsAre("b", "c"));
  EXPECT_THAT(next(), ElementsAre());
}

TEST_F(OperationWindowTest, a_frame_holds_no_more_operations_than_it_may) {
  for (const char* id : {"a", "b", "c", "d"}) add(id);
  EXPECT_THAT(next(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(next(), ElementsAre("d"));
}

TEST_F(OperationWindowTest, a_full_frame_is_closed_by_its_size) {
  const std::string large(1000, 'x');
  add(large);
  add("b");
  EXPECT_THAT(next(), ElementsAre(large));
  EXPECT_THAT(next(), ElementsAre("b"));
}

TEST_F(OperationWindowTest, an_operation_is_answered_once) {
  add("a");
  add("b");
  EXPECT_TRUE(window_.answer(2));
  EXPECT_FALSE(window_.answer(2));
  EXPECT_EQ(window_.base_tag(), 1u);
  EXPECT_TRUE(window_.answer(1));
  EXPECT_EQ(window_.base_tag(), 3u);
  EXPECT_TRUE(window_.empty());
  EXPECT_FALSE(window_.answer(1));
  EXPECT_FALSE(window_.answer(99));
}

TEST_F(OperationWindowTest, after_a_rewind_unanswered_frames_come_again_in_order) {
  for (const char* id : {"a", "b", "c", "d", "e"}) add(id);
  EXPECT_THAT(next(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(next(), ElementsAre("d", "e"));
  for (const std::uint64_t tag : {1, 2, 3}) EXPECT_TRUE(window_.answer(tag));
  window_.rewind();
  add("f");
  EXPECT_THAT(next(), ElementsAre("d", "e"));
  EXPECT_THAT(next(), ElementsAre("f"));
}

TEST_F(OperationWindowTest, answers_do_not_disturb_what_is_still_to_be_written) {
  for (const char* id : {"a", "b", "c", "d", "e", "f", "g"}) add(id);
  EXPECT_THAT(next(), ElementsAre("a", "b", "c"));
  for (const std::uint64_t tag : {1, 2, 3}) EXPECT_TRUE(window_.answer(tag));
  EXPECT_THAT(next(), ElementsAre("d", "e", "f"));
  EXPECT_THAT(next(), ElementsAre("g"));
}

TEST_F(OperationWindowTest, what_is_overdue_fails_and_leaves_the_frames) {
  const Clock::time_point start;
  EXPECT_EQ(window_.first_deadline(), Clock::time_point::max());
  for (int i = 1; i <= 4; ++i) add(std::to_string(i), start + std::chrono::seconds(i));
  EXPECT_EQ(window_.first_deadline(), start + std::chrono::seconds(1));
  EXPECT_EQ(window_.expire(start).size(), 0u);
  EXPECT_EQ(window_.expire(start + std::chrono::seconds(3)).size(), 3u);
  EXPECT_THAT(next(), ElementsAre("4"));
  EXPECT_FALSE(window_.answer(2));
}

TEST_F(OperationWindowTest, a_frame_outlives_its_operations_while_it_is_written) {
  add("a");
  const auto frame = window_.next_frame();
  EXPECT_EQ(window_.expire(Clock::time_point::max()).size(), 1u);
  EXPECT_EQ(frame->request.operations(0).commit().transaction_id(), "a");
}

}  // namespace
}  // namespace escrow::client::internal
