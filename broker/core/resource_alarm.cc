#include "broker/core/resource_alarm.h"

namespace escrow::broker {
namespace {

constexpr std::uint64_t kToSpare = 20;  // that part of a limit

}  // namespace

std::string_view LowResources::text() const {
  if (memory && disk) return "low on memory & disk";
  if (memory) return "low on memory";
  return disk ? "low on disk" : "";
}

LowResources judge(LowResources before, const ResourceLimits& limits, const Resources& now) {
  const std::uint64_t memory = limits.memory - (before.memory ? limits.memory / kToSpare : 0);
  const std::uint64_t disk_free = limits.disk_free + (before.disk ? limits.disk_free / kToSpare : 0);
  return {now.memory > memory, now.disk_free < disk_free};
}

}  // namespace escrow::broker
