#include "broker/core/queue.h"

#include <algorithm>

#include "base/invariant.h"
#include "base/planted_fault.h"

namespace escrow::broker {

void Queue::add(Consumer* consumer) {
  consumers_.push_back(consumer);
  grant(*consumer, 0);
}

void Queue::grant(Consumer& consumer, std::uint32_t credit) {
  consumer.credit += credit;
  if (consumer.credit == 0 || consumer.listed || consumer.cancelled) return;
  consumer.listed = true;
  with_credit_.push_back(&consumer);
}

void Queue::remove(Consumer* consumer) {
  consumer->cancelled = true;
  std::erase(consumers_, consumer);
  for (std::size_t i = 0; i < with_credit_.size(); ++i) {
    if (with_credit_[i] == consumer) with_credit_[i] = nullptr;
  }
}

bool Queue::dispatch(BatchNumber batch, QueueEffects& effects) {
  for (std::size_t step = 0; !with_credit_.empty(); ++step) {
    Consumer* consumer = with_credit_.front();
    if (consumer == nullptr || consumer->credit == 0) {
      if (consumer != nullptr) consumer->listed = false;
      with_credit_.pop_front();
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
    with_credit_.pop_front();
    with_credit_.push_back(consumer);
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

void Queue::deliver(Consumer& consumer, Seq seq, const QueueLog::Location& at, BodyCache::Body body,
                    BatchNumber batch, QueueEffects& effects) {
  if (returned_.empty()) {
    cursor_ = seq + 1;
  } else {
    returned_.erase(returned_.begin());
  }
  const std::uint32_t count = log_.delivery_count(seq);
  const bool redelivered = count > 0 || log_.maybe_delivered(seq);
  const BatchNumber after = std::max(at.fragment->batch(), log_.mark_delivered(seq, batch));
  consumer.outstanding.push_back({seq});
  --consumer.credit;
  ++unacked_;
  const DeliveryTag tag = consumer.next_tag++;
  if (!effects.deliveries.empty() && body == nullptr) {
    Delivery& last = effects.deliveries.back();
    if (last.consumer == consumer.id && last.body == nullptr && last.fragment.get() == at.fragment && last.first_index + last.count == at.index &&
        last.redelivered == redelivered && last.delivery_count == count) {
      ++last.count;
      last.after = std::max(last.after, after);
      return;
    }
  }
  effects.deliveries.push_back({consumer.id, tag, at.fragment->shared_from_this(), at.index, 1, redelivered, count, after, std::move(body)});
}

std::size_t Queue::settle(Consumer& consumer, DeliveryTag first, DeliveryTag last, Settlement settlement) {
  const DeliveryTag oldest = consumer.next_tag - consumer.outstanding.size();
  first = std::max(first, oldest);
  last = std::min(last, consumer.next_tag - 1);
  std::size_t settled = 0;
  for (DeliveryTag tag = first; tag <= last && settled < kMaxStep; ++tag) {
    Consumer::Outstanding& entry = consumer.outstanding[tag - oldest];
    if (entry.seq == 0) continue;
    ++settled;
    --unacked_;
    if (settlement == Settlement::kRequeue) {
      give_back(entry.seq);
    } else {
      log_.remove(entry.seq);
    }
    entry.seq = 0;
  }
  while (!consumer.outstanding.empty() && consumer.outstanding.front().seq == 0) consumer.outstanding.pop_front();
  if (consumer.auto_credit && settled > 0) grant(consumer, static_cast<std::uint32_t>(settled));
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

QueueLog::Trimmed Queue::purge(Seq from, Seq until, std::size_t max_pages) {
  std::set<Seq> kept;
  const auto hold = [&](const Consumer& consumer) {
    for (std::size_t i = 0; i < consumer.outstanding.size(); ++i) {
      if (const Seq seq = consumer.outstanding[i].seq; seq != 0) kept.insert(seq);
    }
  };
  for (const Consumer* consumer : consumers_) hold(*consumer);
  const QueueLog::Trimmed trimmed = log_.trim(from, until, kept, max_pages);
  returned_.erase(returned_.lower_bound(from), returned_.lower_bound(trimmed.position));
  return trimmed;
}

}  // namespace escrow::broker
