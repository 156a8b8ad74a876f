#include "broker/core/lane.h"

#include <algorithm>

namespace escrow::broker {

QueueLog::Trimmed Lane::purge(Seq from, Seq until, std::size_t max_work) {
  // Of what was given out once, only what came back is ready.
  std::uint64_t messages = 0;
  auto it = returned_.lower_bound(from);
  for (; it != returned_.end() && *it < until; ++messages) {
    if (messages == kMaxStep) return {messages, *it, kMaxStep};
    log_.remove(*it);
    it = returned_.erase(it);
  }
  from = std::max(from, cursor_);
  if (from >= until) return {messages, until, messages};
  QueueLog::Trimmed trimmed = log_.trim(from, until, max_work);
  trimmed.messages += messages;
  trimmed.work += messages;
  return trimmed;
}

}  // namespace escrow::broker
