// Messages that were published before, told by an idempotency key: by the arguments of an exchange, or of a queue. Their
// names are those of https://github.com/noxdafox/rabbitmq-message-deduplication.
//
//   x-message-deduplication  true or `header`: by the header x-deduplication-header; `message-id`: by that property where
//                            the header is missing
//   x-cache-size             the window: how many keys are remembered, …
//   x-cache-ttl              … and for how many milliseconds; without both, kDefaultKeys for kDefaultTtlMs
//
// A message without a key is never a duplicate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "broker/core/retry_policy.h"
#include "model/field_table.h"

namespace escrow::broker {

struct DeduplicationWindow {
  static constexpr std::uint64_t kDefaultKeys = 1'000'000;
  static constexpr std::uint64_t kMaxKeys = 10'000'000;
  static constexpr std::int64_t kDefaultTtlMs = std::int64_t{3600} * 1000;

  bool by_message_id = false;
  std::uint64_t keys = kDefaultKeys;   ///< the latest
  std::optional<std::int64_t> ttl_ms;  ///< nullopt: for as long as there are not too many

  bool operator==(const DeduplicationWindow&) const = default;
};

/// nullopt: nothing is wrong. `out` is empty when no argument asks for it.
std::optional<ArgumentComplaint> read_deduplication(const FieldTable& arguments,
                                                    std::optional<DeduplicationWindow>& out);

inline constexpr std::array<std::string_view, 3> kDeduplicationArguments = {"x-message-deduplication", "x-cache-size",
                                                                            "x-cache-ttl"};

/// A digest, so that keys take the same room whatever their length: two that are not the same never meet.
using SeenKey = std::array<std::uint64_t, 2>;
/// nullopt: the message has none.
std::optional<SeenKey> idempotency_key(const DeduplicationWindow& window, std::string_view properties);

}  // namespace escrow::broker
