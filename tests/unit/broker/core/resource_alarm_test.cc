#include "broker/core/resource_alarm.h"

#include <gtest/gtest.h>

namespace escrow::broker {
namespace {

constexpr ResourceLimits kLimits{.memory = 1000, .disk_free = 200};
constexpr LowResources kNone;
constexpr LowResources kMemory{.memory = true};
constexpr LowResources kDisk{.disk = true};

TEST(ResourceAlarm, goes_up_one_past_the_limit) {
  EXPECT_EQ(judge(kNone, kLimits, {.memory = 1000, .disk_free = 200}), kNone);
  EXPECT_EQ(judge(kNone, kLimits, {.memory = 1001, .disk_free = 200}), kMemory);
  EXPECT_EQ(judge(kNone, kLimits, {.memory = 1000, .disk_free = 199}), kDisk);
}

TEST(ResourceAlarm, goes_down_when_there_is_something_to_spare) {
  EXPECT_EQ(judge(kMemory, kLimits, {.memory = 951, .disk_free = 200}), kMemory);
  EXPECT_EQ(judge(kMemory, kLimits, {.memory = 950, .disk_free = 200}), kNone);
  EXPECT_EQ(judge(kDisk, kLimits, {.memory = 1000, .disk_free = 209}), kDisk);
  EXPECT_EQ(judge(kDisk, kLimits, {.memory = 1000, .disk_free = 210}), kNone);
}

TEST(ResourceAlarm, of_one_resource_does_not_depend_on_the_other) {
  EXPECT_EQ(judge(kMemory, kLimits, {.memory = 940, .disk_free = 205}), kNone);
  EXPECT_EQ(judge(kMemory, kLimits, {.memory = 960, .disk_free = 199}), (LowResources{true, true}));
}

TEST(ResourceAlarm, is_up_for_good_with_a_limit_that_nothing_meets) {
  EXPECT_EQ(judge(kMemory, {.memory = 0, .disk_free = 0}, {.memory = 1, .disk_free = 0}), kMemory);
  EXPECT_EQ(judge(kNone, {.memory = 1000, .disk_free = 0}, {.memory = 1, .disk_free = 0}), kNone);
}

TEST(ResourceAlarm, is_worded_as_by_rabbitmq) {
  EXPECT_EQ(kNone.text(), "");
  EXPECT_EQ(kMemory.text(), "low on memory");
  EXPECT_EQ(kDisk.text(), "low on disk");
  EXPECT_EQ((LowResources{true, true}).text(), "low on memory & disk");
}

}  // namespace
}  // namespace escrow::broker
