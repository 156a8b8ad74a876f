// A delay or a due time, which several messages of the API have as a oneof.
#pragma once

#include "base/result.h"
#include "coordinator/core/when.h"
#include "rpc/time_codec.h"

namespace escrow::coordinator::api {

/// Neither of the two when neither is set.
template <class Proto>
Result<When> to_when(const Proto& in) {
  When when;
  if (in.has_delay()) {
    const Result<Duration> delay = rpc::to_model(in.delay());
    if (!delay) return delay.error();
    when.delay = *delay;
  } else if (in.has_due_time()) {
    const Result<Timestamp> due = rpc::to_model(in.due_time());
    if (!due) return due.error();
    when.due = *due;
  }
  return when;
}

}  // namespace escrow::coordinator::api
