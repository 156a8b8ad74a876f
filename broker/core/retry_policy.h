// When a message that a consumer has refused is delivered again, and how often, by the arguments of its queue. The presets
// are lists that other brokers have made known.
//
//   x-retry-delays      the delays one after the other, in milliseconds, or the name of a preset: rocketmq
//   x-retry-base-delay  or the first delay, in milliseconds, which grows
//   x-retry-factor      … by this factor each time, from 1 on; without it, 2
//   x-retry-max-delay   … up to so many milliseconds
//   x-retry-jitter      the share of each delay that is drawn, 0 to 1: at 0.2 it takes from 80 % to all of it
//   x-retry-attempts    how often it is delivered again; without it, as often as there are delays, or 16 times
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/field_table.h"

namespace escrow::broker {

struct RetryPolicy {
  static constexpr std::size_t kMaxAttempts = 1000;
  static constexpr std::size_t kDefaultAttempts = 16;
  static constexpr double kDefaultFactor = 2;

  /// One for each time; at least one.
  std::vector<std::int64_t> delays_ms;
  double jitter = 0;

  /// How often a message is delivered again before it is dead.
  std::size_t attempts() const { return delays_ms.size(); }
  /// Before it is delivered again for the `retry`th time, 1 to attempts(). The same `draw` gives the same delay.
  Duration delay(std::size_t retry, std::uint64_t draw) const;

  bool operator==(const RetryPolicy&) const = default;
};

/// What is wrong with an argument, as RabbitMQ prints it.
struct ArgumentComplaint {
  std::string argument;
  std::string text;
};
/// nullopt: nothing. `out` is empty when no argument asks for retries.
std::optional<ArgumentComplaint> read_retry_policy(const FieldTable& arguments, std::optional<RetryPolicy>& out);

inline constexpr std::array<std::string_view, 6> kRetryArguments = {"x-retry-delays", "x-retry-base-delay",
                                                                    "x-retry-factor", "x-retry-max-delay",
                                                                    "x-retry-jitter", "x-retry-attempts"};

}  // namespace escrow::broker
