// The head: what every batch writes about itself. Recovery starts from it.
//
//   head  u8 version = 1 │ u64 batch │ i64 engine time µs │ u64 next epoch │ u64 next log │ u64 next body
//         │ u32 next lane │ u64 last timer bucket │ u64 schedules │ u64 audit sequence │ 32 bytes audit hash
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "base/result.h"
#include "broker/core/queue_log.h"
#include "coordinator/core/transaction.h"

namespace escrow::engine {

inline constexpr std::string_view kHeadKey = "head";

/// Names a stream of timers; producer groups have their own, from 1.
using LaneId = std::uint32_t;
inline constexpr LaneId kRetentionLane = 0;
/// Of messages that expire by themselves.
inline constexpr LaneId kExpirationLane = 0xffff'fffe;
inline constexpr LaneId kScheduleLane = 0xffff'fffd;

struct Head {
  broker::BatchNumber batch = 0;
  Timestamp engine_time;
  coordinator::Epoch next_epoch = 1;
  broker::LogId next_log = 1;
  std::uint64_t next_body = 1;
  LaneId next_lane = 1;
  std::uint64_t last_timer_bucket = 0;
  std::uint64_t schedules = 0;  ///< that wait for their time
  audit::Tip audit;

  std::string encode() const;
  static Result<Head> decode(std::string_view in);
  bool operator==(const Head&) const = default;
};

}  // namespace escrow::engine
