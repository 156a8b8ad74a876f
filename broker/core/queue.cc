#include "broker/core/queue.h"

#include <algorithm>

#include "base/invariant.h"
#include "base/planted_fault.h"

namespace escrow::broker {

void Queue::add(Consumer* consumer) {
  consumers_.push_back(consumer);
  offer(*consumer);
}

void Queue::grant(Consumer& consumer, std::uint32_t credit, std::int64_t bytes) {
  consumer.credit += credit;
  if (__builtin_add_overflow(consumer.bytes, bytes, &consumer.bytes)) consumer.bytes = kUnlimitedBytes;
  offer(consumer);
}

void Queue::offer(Consumer& consumer) {
  if (!consumer.may_be_given() || consumer.listed || consumer.cancelled) return;
  consumer.listed = true;
  takers_.push_back(&consumer);
}

void Queue::remove(Consumer* consumer) {
  consumer->cancelled = true;
  std::erase(consumers_, consumer);
  for (std::size_t i = 0; i < takers_.size(); ++i) {
    if (takers_[i] == consumer) takers_[i] = nullptr;
  }
}

bool Queue::dispatch(BatchNumber batch, QueueEffects& effects) {
  for (std::size_t step = 0; !takers_.empty(); ++step) {
    Consumer* consumer = takers_.front();
    if (consumer == nullptr || !consumer->may_be_given()) {
      if (consumer != nullptr) consumer->listed = false;
      takers_.pop_front();
      continue;
    }
    const Seq seq = returned_.empty() ? log_.first_live(cursor_) : *returned_.begin();
    if (seq == log_.next_seq()) return false;
    if (step >= kMaxStep) return true;
    const QueueLog::Location at = log_.locate(seq);
    if (at.presence == QueueLog::Presence::kNotLoaded) {
      load(at.page, effects);
      return false;
    }
    BodyCache::Body body;
    if (at.fragment->has_bodies_apart() && !fetch_body(at, body, effects)) return false;
    deliver(*consumer, seq, at, std::move(body), batch, effects);
    takers_.pop_front();
    takers_.push_back(consumer);
  }
  return false;
}

void Queue::load(Seq page, QueueEffects& effects) {
  if (auto request = log_.request_load(page)) effects.loads.push_back(*request);
  // The next page is wanted soon: read it now.
  if (const auto next = log_.page_after(page)) {
    if (auto request = log_.request_load(*next)) effects.loads.push_back(*request);
  }
}

bool Queue::fetch_body(const QueueLog::Location& at, BodyCache::Body& body, QueueEffects& effects) {
  const BodyRef ref = at.fragment->record(at.index).message.apart;
  if (!ref) return true;
  body = bodies_.find(ref.id);
  if (body == nullptr && bodies_.request_load(ref.id, this)) effects.body_loads.push_back(ref);
  return body != nullptr;
}

void Queue::deliver(Consumer& consumer, Seq seq, const QueueLog::Location& at, BodyCache::Body body, BatchNumber batch,
                    QueueEffects& effects) {
  if (returned_.empty()) {
    cursor_ = seq + 1;
  } else {
    returned_.erase(returned_.begin());
  }
  const std::uint32_t count = log_.delivery_count(seq);
  const bool redelivered = count > 0 || log_.maybe_delivered(seq);
  const BatchNumber after = std::max(at.fragment->batch(), log_.mark_delivered(seq, batch));
  consumer.outstanding.push_back({seq, 0});
  --consumer.credit;
  consumer.bytes -= static_cast<std::int64_t>(at.fragment->record_bytes(at.index) + (body ? body->size() : 0));
  ++unacked_;
  const DeliveryTag tag = consumer.next_tag++;
  if (!effects.deliveries.empty() && body == nullptr) {
    Delivery& last = effects.deliveries.back();
    if (last.consumer == consumer.id && last.body == nullptr && last.fragment.get() == at.fragment &&
        last.first_index + last.count == at.index && last.redelivered == redelivered && last.delivery_count == count) {
      ++last.count;
      last.after = std::max(last.after, after);
      return;
    }
  }
  effects.deliveries.push_back(
      {consumer.id, tag, at.fragment->shared_from_this(), at.index, 1, redelivered, count, after, std::move(body)});
}

Queue::Settled Queue::settle(Consumer& consumer, DeliveryTag first, DeliveryTag last, Settlement settlement) {
  const DeliveryTag oldest = consumer.next_tag - consumer.outstanding.size();
  first = std::max(first, oldest);
  last = std::min(last, consumer.next_tag - 1);
  Settled settled{0, first};
  for (std::size_t step = 0; settled.next <= last && step < kMaxStep; ++step) {
    Consumer::Outstanding& entry = consumer.outstanding[settled.next - oldest];
    if (entry.seq == 0) {
      settled.next += entry.run;
      continue;
    }
    ++settled.messages;
    ++settled.next;
    --unacked_;
    if (settlement == Settlement::kRequeue) {
      give_back(entry.seq);
    } else {
      log_.remove(entry.seq);
    }
    entry = {0, 1};
  }
  // Whoever settles them again passes over them at once.
  if (settled.next > first) consumer.outstanding[first - oldest].run = static_cast<std::uint32_t>(settled.next - first);
  while (!consumer.outstanding.empty() && consumer.outstanding.front().seq == 0) consumer.outstanding.pop_front();
  if (consumer.auto_credit) consumer.credit += static_cast<std::uint32_t>(settled.messages);
  offer(consumer);
  return settled;
}

void Queue::give_back(Seq seq) {
  log_.set_delivery_count(seq, log_.delivery_count(seq) + 1);
  returned_.insert(seq);
}

bool Queue::abandon(Consumer& consumer) {
  for (std::size_t step = 0; step < kMaxStep; ++step) {
    if (consumer.outstanding.empty()) return false;
    const Seq seq = consumer.outstanding.front().seq;
    consumer.outstanding.pop_front();
    if (seq == 0) continue;
    if constexpr (planted_fault::kLostRequeue) continue;
    --unacked_;
    give_back(seq);
  }
  return !consumer.outstanding.empty();
}

QueueLog::Trimmed Queue::purge(Seq from, Seq until, std::size_t max_work) {
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
