// placeholder until merge
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "model/field_table.h"
namespace escrow::broker {
enum class Overflow : std::uint8_t { kDropHead, kRejectPublish, kRejectPublishDlx };
struct QueueArguments {
  std::optional<std::int64_t> expires_ms;
  std::optional<std::uint64_t> max_length, max_length_bytes;
  Overflow overflow = Overflow::kDropHead;
  std::uint8_t max_priority = 0;
  bool single_active_consumer = false;
};
inline Result<QueueArguments> parse_queue_arguments(const FieldTable&) { return QueueArguments{}; }
}  // namespace escrow::broker
