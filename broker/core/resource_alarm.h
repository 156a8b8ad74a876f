// When there is too little memory or disk to take more messages: RabbitMQ's alarms
// (https://www.rabbitmq.com/docs/alarms). Pure: what is measured, and how often, is the caller's affair.
#pragma once

#include <cstdint>
#include <string_view>

namespace escrow::broker {

/// Which alarms are up.
struct LowResources {
  bool memory = false;
  bool disk = false;

  bool any() const { return memory || disk; }
  /// As RabbitMQ tells publishers: "low on memory", "low on disk", "low on memory & disk"; empty without an alarm.
  std::string_view text() const;
  bool operator==(const LowResources&) const = default;
};

/// In bytes.
struct ResourceLimits {
  std::uint64_t memory = 0;     ///< resident memory above it is too much
  std::uint64_t disk_free = 0;  ///< less is too little
};

/// In bytes.
struct Resources {
  std::uint64_t memory = 0;
  std::uint64_t disk_free = 0;
};

/// An alarm that is up goes when there is a twentieth of the limit to spare, so that it does not come and go all the time.
LowResources judge(LowResources before, const ResourceLimits& limits, const Resources& now);

}  // namespace escrow::broker
