// How messages leave a queue that nobody takes: expired, over its limits, rejected, or returned too often.
#include "base/planted_fault.h"
#include "broker/core/queue.h"

namespace escrow::broker {

std::optional<Timestamp> Queue::deadline(const Fragment& fragment, std::uint32_t index) const {
  const std::optional<Timestamp> own = fragment.expires_at(index);
  if (!arguments_.message_ttl_ms) return own;
  const Timestamp of_queue = fragment.time() + std::chrono::milliseconds(*arguments_.message_ttl_ms);
  return std::min(own.value_or(of_queue), of_queue);
}

bool Queue::expired(const Head& head, Timestamp now) const {
  if (!arguments_.message_ttl_ms && !head.at.fragment->has_expirations()) return false;
  const std::optional<Timestamp> end = deadline(*head.at.fragment, head.at.index);
  if (!end || *end > now) return false;
  // With no time at all it may go to a consumer that takes it at once.
  const bool at_once = *end <= head.at.fragment->time() && head.seq >= lanes_[head.lane].unoffered();
  return !at_once;
}

bool Queue::expire_heads(Timestamp now, QueueEffects& effects) {
  heads_unseen_ = arguments_.message_ttl_ms.has_value();
  if (!heads_unseen_) return false;
  std::optional<Timestamp> next;
  bool loading = false;
  Head head;
  std::size_t step = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Found found = Found::kNone;
    while ((found = find_head(i, false, now, head, effects)) == Found::kExpired) {
      if (step++ >= kMaxStep || effects.dead.size() >= kMaxDead) return true;
      die_ready(i, head.seq, head.at, DeathReason::kExpired, effects);
    }
    loading |= found == Found::kLoading;
    if (found != Found::kMessage) continue;
    const Timestamp end = *deadline(*head.at.fragment, head.at.index);
    next = std::min(next.value_or(end), end);
  }
  heads_unseen_ = loading;
  next_expiry_ = next;
  return false;
}

Queue::Expired Queue::expire(std::size_t lane, Seq seq, QueueEffects& effects) {
  if (!lanes_[lane].is_live(seq)) return Expired::kGone;
  if (!lanes_[lane].is_ready(seq)) return Expired::kHeld;
  if (planted_fault::kExpiryAtHead && lanes_[lane].next() != seq) return Expired::kGone;
  if (listed_dispatch && seq >= lanes_[lane].unoffered()) return Expired::kLater;
  const QueueLog::Location at = lanes_[lane].log().locate(seq);
  if (at.presence == QueueLog::Presence::kNotLoaded && keeps_dead(DeathReason::kExpired)) {
    load(lane, at.page, effects);
    return Expired::kLater;
  }
  die_ready(lane, seq, at, DeathReason::kExpired, effects);
  return Expired::kDied;
}

void Queue::settle(std::size_t lane, const Outstanding& entry, Settlement settlement, Timestamp now,
                   QueueEffects& effects, std::string_view failure) {
  unacked_bytes_ -= entry.body_bytes;
  switch (settlement) {
    case Settlement::kAck:
      return lanes_[lane].remove_taken(entry.seq, entry.body_bytes);
    case Settlement::kReject:
      return die_taken(lane, entry, DeathReason::kRejected, effects, failure);
    case Settlement::kRequeue:
      if (arguments_.retry && entry.expires_at > now) {
        return die_taken(lane, entry, DeathReason::kRejected, effects, failure);
      }
      [[fallthrough]];
    case Settlement::kReturn:
      if (entry.expires_at <= now) return die_taken(lane, entry, DeathReason::kExpired, effects);
      if (arguments_.delivery_limit && lanes_[lane].log().delivery_count(entry.seq) >= *arguments_.delivery_limit) {
        return die_taken(lane, entry, DeathReason::kDeliveryLimit, effects);
      }
      heads_unseen_ = true;
      return lanes_[lane].give_back(entry.seq);
  }
}

void Queue::execute_condemned(QueueEffects& effects) {
  // Some of a step is left for messages that live.
  constexpr std::size_t kMaxExecuted = kMaxDead / 2;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    while (!lane.condemned().empty() && effects.dead.size() < kMaxExecuted) {
      const auto& [seq, condemned] = *lane.condemned().begin();
      const QueueLog::Location at = lane.log().locate(seq);
      if (at.presence == QueueLog::Presence::kNotLoaded) {
        load(i, at.page, effects);
        break;
      }
      const std::uint32_t body_bytes = die(i, at, condemned.reason, effects, condemned.failure);
      unacked_bytes_ -= body_bytes;
      lane.remove_condemned(seq, body_bytes);
    }
  }
}

bool Queue::keeps_dead(DeathReason reason) const {
  const bool failed = reason == DeathReason::kRejected || reason == DeathReason::kDeliveryLimit;
  return arguments_.dead_letter_exchange || (arguments_.retry && failed);
}

std::uint32_t Queue::die(std::size_t lane, const QueueLog::Location& at, DeathReason reason, QueueEffects& effects,
                         std::string_view failure) {
  if (keeps_dead(reason)) {
    const LogId log = lanes_[lane].log().id();
    effects.dead.push_back({log, at.fragment->shared_from_this(), at.index, reason, std::string(failure)});
  }
  return at.fragment->body_bytes(at.index);
}

void Queue::die_ready(std::size_t lane, Seq seq, const QueueLog::Location& at, DeathReason reason,
                      QueueEffects& effects) {
  std::optional<std::uint32_t> body_bytes;
  if (at.presence == QueueLog::Presence::kInMemory) body_bytes = die(lane, at, reason, effects);
  lanes_[lane].remove_ready(seq, body_bytes);
}

void Queue::die_taken(std::size_t lane, const Outstanding& entry, DeathReason reason, QueueEffects& effects,
                      std::string_view failure) {
  if (!keeps_dead(reason)) return lanes_[lane].remove_taken(entry.seq, entry.body_bytes);
  const QueueLog::Location at = lanes_[lane].log().locate(entry.seq);
  if (at.presence == QueueLog::Presence::kNotLoaded) {
    unacked_bytes_ += entry.body_bytes;  // it is none of the ready ones
    return lanes_[lane].condemn_taken(entry.seq, reason, failure);
  }
  die(lane, at, reason, effects, failure);
  lanes_[lane].remove_taken(entry.seq, entry.body_bytes);
}

}  // namespace escrow::broker
