// The arguments that make a queue deliver again what consumers refuse.
#include "broker/core/retry_policy.h"

#include <gtest/gtest.h>

#include <string>

#include "broker/core/queue_arguments.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

FieldTable table(std::initializer_list<FieldTable::Field> fields) {
  FieldTable table;
  for (const auto& [name, value] : fields) table.set(name, value);
  return table;
}

FieldValue list(std::initializer_list<std::int64_t> delays) {
  FieldArray array;
  for (const std::int64_t delay : delays) array.push_back({delay});
  return {array};
}

RetryPolicy parsed(std::initializer_list<FieldTable::Field> fields) {
  const Result<QueueArguments> arguments = parse_queue_arguments("/", "q", table(fields));
  return arguments && arguments->retry ? *arguments->retry : RetryPolicy();
}

std::string refused(std::initializer_list<FieldTable::Field> fields) {
  const Result<QueueArguments> arguments = parse_queue_arguments("/", "q", table(fields));
  return arguments ? "" : arguments.error().message;
}

using Delays = std::vector<std::int64_t>;

TEST(RetryPolicy, is_not_there_unless_an_argument_asks_for_it) {
  EXPECT_EQ(parse_queue_arguments("/", "q", {})->retry, std::nullopt);
}

TEST(RetryPolicy, takes_the_delays_of_a_list_once_each) {
  EXPECT_EQ(parsed({{"x-retry-delays", list({10, 20, 30})}}).delays_ms, (Delays{10, 20, 30}));
}

TEST(RetryPolicy, repeats_the_last_delay_of_a_list_for_more_attempts_and_cuts_it_off_for_fewer) {
  EXPECT_EQ(parsed({{"x-retry-delays", list({10, 20})}, {"x-retry-attempts", {4}}}).delays_ms,
            (Delays{10, 20, 20, 20}));
  EXPECT_EQ(parsed({{"x-retry-delays", list({10, 20})}, {"x-retry-attempts", {1}}}).delays_ms, (Delays{10}));
}

TEST(RetryPolicy, knows_the_levels_of_rocketmq) {
  const RetryPolicy policy = parsed({{"x-retry-delays", {std::string("rocketmq")}}});
  EXPECT_EQ(policy.attempts(), 16u);
  EXPECT_EQ(policy.delay(1, 7), 10s);
  EXPECT_EQ(policy.delay(16, 7), 2h);
}

TEST(RetryPolicy, grows_by_a_factor_up_to_a_maximum) {
  EXPECT_EQ(parsed({{"x-retry-base-delay", {100}}, {"x-retry-attempts", {3}}}).delays_ms, (Delays{100, 200, 400}));
  EXPECT_EQ(parsed({{"x-retry-base-delay", {100}},
                    {"x-retry-factor", {1.5}},
                    {"x-retry-max-delay", {200}},
                    {"x-retry-attempts", {4}}})
                .delays_ms,
            (Delays{100, 150, 200, 200}));
  EXPECT_EQ(parsed({{"x-retry-base-delay", {1}}}).attempts(), RetryPolicy::kDefaultAttempts);
}

TEST(RetryPolicy, stays_within_a_hundred_years_however_it_grows) {
  const RetryPolicy policy =
      parsed({{"x-retry-base-delay", {1000}}, {"x-retry-factor", {1000}}, {"x-retry-attempts", {1000}}});
  EXPECT_EQ(policy.delays_ms.back(), QueueArguments::kMaxDurationMs);
}

TEST(RetryPolicy, shortens_each_delay_by_a_part_of_its_jitter) {
  const RetryPolicy policy = parsed({{"x-retry-delays", list({1000})}, {"x-retry-jitter", {0.5}}});
  Duration shortest = 1s;
  Duration longest{};
  for (std::uint64_t draw = 0; draw < 1000; ++draw) {
    const Duration delay = policy.delay(1, draw);
    shortest = std::min(shortest, delay);
    longest = std::max(longest, delay);
  }
  EXPECT_GE(shortest, 500ms);
  EXPECT_LT(shortest, 510ms);
  EXPECT_GT(longest, 990ms);
  EXPECT_LE(longest, 1s);
  EXPECT_EQ(policy.delay(1, 42), policy.delay(1, 42)) << "a run can be repeated";
}

TEST(RetryPolicy, says_what_is_wrong_with_its_arguments) {
  EXPECT_EQ(refused({{"x-retry-delays", {std::string("kafka")}}}),
            "invalid arg 'x-retry-delays' for queue 'q' in vhost '/': \"expected a list of 1 to 1000 delays, or "
            "\"rocketmq\", got kafka\"");
  EXPECT_NE(refused({{"x-retry-delays", list({})}}), "");
  EXPECT_NE(refused({{"x-retry-delays", list({0})}}), "");
  EXPECT_NE(refused({{"x-retry-delays", list({QueueArguments::kMaxDurationMs + 1})}}), "");
  EXPECT_NE(refused({{"x-retry-base-delay", {0}}}), "");
  EXPECT_NE(refused({{"x-retry-base-delay", {1}}, {"x-retry-jitter", {1.1}}}), "");
  EXPECT_NE(refused({{"x-retry-base-delay", {1}}, {"x-retry-factor", {0.5}}}), "");
  EXPECT_NE(refused({{"x-retry-base-delay", {1}}, {"x-retry-attempts", {0}}}), "");
  EXPECT_NE(refused({{"x-retry-base-delay", {1}}, {"x-retry-attempts", {1001}}}), "");
  EXPECT_EQ(refused({{"x-retry-attempts", {3}}}),
            "invalid arg 'x-retry-attempts' for queue 'q' in vhost '/': no_retry_delays_defined");
  EXPECT_EQ(refused({{"x-retry-delays", list({1})}, {"x-retry-factor", {2}}}),
            "invalid arg 'x-retry-factor' for queue 'q' in vhost '/': no_x-retry-base-delay_defined");
  EXPECT_EQ(refused({{"x-retry-delays", list({1})}, {"x-retry-base-delay", {2}}}),
            "invalid arg 'x-retry-base-delay' for queue 'q' in vhost '/': there_is_x-retry-delays");
}

}  // namespace
}  // namespace escrow::broker
