#include "base/ring.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <memory>
#include <vector>

namespace escrow {
namespace {

TEST(Ring, is_empty_at_first) {
  const Ring<int> ring;
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.size(), 0u);
}

TEST(Ring, gives_back_in_the_order_of_arrival) {
  Ring<int> ring;
  for (int i = 0; i < 100; ++i) ring.push_back(i);
  EXPECT_EQ(ring.back(), 99);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ring.front(), i);
    ring.pop_front();
  }
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, keeps_its_order_when_it_grows_around_its_end) {
  Ring<int> ring;
  for (int i = 0; i < 8; ++i) ring.push_back(i);
  for (int i = 0; i < 5; ++i) ring.pop_front();
  for (int i = 8; i < 30; ++i) ring.push_back(i);
  for (std::size_t i = 0; i < ring.size(); ++i) EXPECT_EQ(ring[i], static_cast<int>(i) + 5);
}

TEST(Ring, can_be_changed_in_place) {
  Ring<int> ring;
  for (int i = 0; i < 3; ++i) ring.push_back(i);
  ring[1] = 10;
  ring.pop_front();
  EXPECT_EQ(ring.front(), 10);
}

TEST(Ring, lets_go_of_what_was_popped) {
  Ring<std::shared_ptr<int>> ring;
  const auto value = std::make_shared<int>(1);
  ring.push_back(value);
  ring.push_back(value);
  EXPECT_EQ(value.use_count(), 3);
  ring.pop_front();
  EXPECT_EQ(value.use_count(), 2);
}

TEST(Ring, holds_what_can_only_be_moved) {
  Ring<std::unique_ptr<int>> ring;
  for (int i = 0; i < 20; ++i) ring.push_back(std::make_unique<int>(i));
  EXPECT_EQ(*ring[19], 19);
}

TEST(RingDeathTest, stops_the_process_when_it_is_asked_for_more_than_it_holds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Ring<int> ring;
  ring.push_back(1);
  ring.pop_front();
  EXPECT_DEATH(ring.pop_front(), "a ring gives only what it holds");
}

RC_GTEST_PROP(Ring, is_a_queue, (const std::vector<int>& steps)) {
  Ring<int> ring;
  std::deque<int> model;
  for (const int step : steps) {
    if (step % 3 == 0 && !model.empty()) {
      ring.pop_front();
      model.pop_front();
    } else {
      ring.push_back(step);
      model.push_back(step);
    }
    RC_ASSERT(ring.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) RC_ASSERT(ring[i] == model[i]);
  }
}

}  // namespace
}  // namespace escrow
