#include "broker/core/failure.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "model/properties.h"

namespace escrow::broker {
namespace {

constexpr std::string_view kRetryCount = "x-retry-count";
constexpr std::string_view kNoReason = "rejected";
constexpr std::int64_t kMicrosPerSecond = 1'000'000;

void tell(FieldTable& headers, std::string_view which, const Failure& failure) {
  const std::string prefix = "x-" + std::string(which) + "-failure-";
  const auto seconds = static_cast<std::uint64_t>(to_micros(failure.time) / kMicrosPerSecond);
  headers.set(prefix + "time", {FieldTimestamp{seconds}});
  headers.set(prefix + "reason", {std::string(failure.reason.empty() ? kNoReason : failure.reason)});
}

}  // namespace

void tell_failure(const Failure& failure, std::uint32_t retries, FieldTable& headers) {
  if (retries == 0) tell(headers, "first", failure);
  tell(headers, "last", failure);
}

std::uint32_t retry_count(std::string_view properties) {
  PropertiesView view;
  if (!scan_properties(properties, view) || !view.headers) return 0;
  const std::optional<FieldValue> header = find_in_table(view.headers->bytes, kRetryCount);
  if (!header || !header->is_integer()) return 0;
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(header->as_integer(), 0, kMax));
}

FailureTold failure_told(std::string_view properties) {
  FailureTold told{.retries = retry_count(properties), .first_time = {}, .last_reason = {}};
  PropertiesView view;
  if (!scan_properties(properties, view) || !view.headers) return told;
  if (const auto time = find_in_table(view.headers->bytes, "x-first-failure-time")) {
    const auto* const seconds = std::get_if<FieldTimestamp>(&time->kind);
    if (seconds != nullptr)
      told.first_time = from_micros(static_cast<std::int64_t>(seconds->seconds) * kMicrosPerSecond);
  }
  if (const auto reason = find_in_table(view.headers->bytes, "x-last-failure-reason")) {
    if (reason->as_string() != nullptr) told.last_reason = *reason->as_string();
  }
  return told;
}

std::optional<std::string> for_retry(std::string_view properties, const Failure& failure, std::uint32_t retries) {
  Properties decoded;
  if (Result<Properties> known = decode_properties(properties)) decoded = *std::move(known);
  if (!decoded.headers) decoded.headers.emplace();
  tell_failure(failure, retries - 1, *decoded.headers);
  decoded.headers->set(std::string(kRetryCount), {static_cast<std::int64_t>(retries)});
  Result<std::string> encoded = encode_properties(decoded);
  if (!encoded || !scan_properties(*encoded)) return std::nullopt;
  return *std::move(encoded);
}

}  // namespace escrow::broker
