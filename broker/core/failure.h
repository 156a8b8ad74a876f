// What a message tells about the attempts to process it that have failed, in headers of its own:
//
//   x-retry-count           how often it was delivered again by the retry policy of the queue it is in, or has died in
//   x-first-failure-time    seconds since the epoch
//   x-first-failure-reason  what the consumer gave as the reason, or `rejected`
//   x-last-failure-time, x-last-failure-reason
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/field_table.h"

namespace escrow::broker {

/// Bytes of a reason that a consumer gives.
inline constexpr std::size_t kMaxFailureReason = 1024;

struct Failure {
  Timestamp time;
  std::string_view reason;  ///< empty: none was given
};

/// `retries`: how often the message was delivered again so far. The first failure is the one with none.
void tell_failure(const Failure& failure, std::uint32_t retries, FieldTable& headers);

/// As x-retry-count has it; 0 without it.
std::uint32_t retry_count(std::string_view properties);
/// What the headers tell of a message that is delivered again.
struct FailureTold {
  std::uint32_t retries = 0;
  Timestamp first_time;
  std::string last_reason;
};
FailureTold failure_told(std::string_view properties);
/// The properties of a message that has failed and is to be delivered again, for the time that `retries` counts from 1. nullopt:
/// they have no room for it.
std::optional<std::string> for_retry(std::string_view properties, const Failure& failure, std::uint32_t retries);

}  // namespace escrow::broker
