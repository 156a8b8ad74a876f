// How messages leave a queue that nobody takes: expired, over its limits, rejected, or returned too often.
#include "broker/core/queue.h"

namespace escrow::broker {

std::optional<Timestamp> Queue::deadline(const QueueLog::Location& at) const {
  const std::optional<Timestamp> own = at.fragment->expires_at(at.index);
  if (!arguments_.message_ttl_ms) return own;
  const Timestamp of_queue = at.fragment->time() + std::chrono::milliseconds(*arguments_.message_ttl_ms);
  return std::min(own.value_or(of_queue), of_queue);
}

bool Queue::expired(const Head& head, Timestamp now) const {
  if (!arguments_.message_ttl_ms && !head.at.fragment->has_expirations()) return false;
  const std::optional<Timestamp> end = deadline(head.at);
  if (!end || *end > now) return false;
  // With no time at all it may go to a consumer that takes it at once.
  const bool at_once = *end <= head.at.fragment->time() && head.seq >= lanes_[head.lane].unoffered();
  return !at_once;
}

bool Queue::expire_heads(Timestamp now, QueueEffects& effects) {
  next_expiry_.reset();
  if (!arguments_.message_ttl_ms) return false;
  Head head;
  std::size_t step = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Found found = Found::kNone;
    while ((found = find_head(i, false, now, head, effects)) == Found::kExpired) {
      if (step++ >= kMaxStep || effects.dead.size() >= kMaxDead) return true;
      die_ready(i, head.seq, DeathReason::kExpired, effects);
    }
    if (found != Found::kMessage) continue;
    const Timestamp end = *deadline(head.at);
    next_expiry_ = std::min(next_expiry_.value_or(end), end);
  }
  return false;
}

bool Queue::expire(std::size_t lane, Seq seq, QueueEffects& effects) {
  if (lanes_[lane].is_ready(seq)) {
    die_ready(lane, seq, DeathReason::kExpired, effects);
    return true;
  }
  return lanes_[lane].log().first_live(seq) != seq || lanes_[lane].condemned().contains(seq);
}

void Queue::settle(std::size_t lane, const Outstanding& entry, Settlement settlement, Timestamp now,
                   QueueEffects& effects) {
  unacked_bytes_ -= entry.body_bytes;
  switch (settlement) {
    case Settlement::kAck:
      return lanes_[lane].remove_taken(entry.seq, entry.body_bytes);
    case Settlement::kReject:
      return die_taken(lane, entry, DeathReason::kRejected, effects);
    case Settlement::kRequeue:
      if (entry.expires_at <= now) return die_taken(lane, entry, DeathReason::kExpired, effects);
      if (arguments_.delivery_limit && lanes_[lane].delivery_count(entry.seq) >= *arguments_.delivery_limit) {
        return die_taken(lane, entry, DeathReason::kDeliveryLimit, effects);
      }
      return lanes_[lane].give_back(entry.seq);
  }
}

void Queue::execute_condemned(QueueEffects& effects) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    while (!lane.condemned().empty() && effects.dead.size() < kMaxDead) {
      const auto [seq, reason] = *lane.condemned().begin();
      const QueueLog::Location at = lane.log().locate(seq);
      if (at.presence == QueueLog::Presence::kNotLoaded) {
        load(i, at.page, effects);
        break;
      }
      const std::uint32_t body_bytes = die(at, reason, effects);
      lane.remove_condemned(seq, body_bytes);
    }
  }
}

std::uint32_t Queue::die(const QueueLog::Location& at, DeathReason reason, QueueEffects& effects) {
  if (arguments_.dead_letter_exchange) effects.dead.push_back({at.fragment->shared_from_this(), at.index, reason});
  return at.fragment->body_bytes(at.index);
}

void Queue::die_ready(std::size_t lane, Seq seq, DeathReason reason, QueueEffects& effects) {
  const QueueLog::Location at = lanes_[lane].log().locate(seq);
  if (at.presence == QueueLog::Presence::kInMemory) {
    lanes_[lane].remove_ready(seq, die(at, reason, effects));
  } else if (arguments_.dead_letter_exchange) {
    lanes_[lane].condemn_ready(seq, reason);
  } else {
    lanes_[lane].remove_ready(seq, {});
  }
}

void Queue::die_taken(std::size_t lane, const Outstanding& entry, DeathReason reason, QueueEffects& effects) {
  if (!arguments_.dead_letter_exchange) return lanes_[lane].remove_taken(entry.seq, entry.body_bytes);
  const QueueLog::Location at = lanes_[lane].log().locate(entry.seq);
  if (at.presence == QueueLog::Presence::kNotLoaded) return lanes_[lane].condemn_taken(entry.seq, reason);
  die(at, reason, effects);
  lanes_[lane].remove_taken(entry.seq, entry.body_bytes);
}

}  // namespace escrow::broker
