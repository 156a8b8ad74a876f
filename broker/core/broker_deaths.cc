// Messages that die: when, and where they go then.
#include <algorithm>
#include <functional>
#include <utility>

#include "base/invariant.h"
#include "base/planted_fault.h"
#include "broker/core/broker.h"

namespace escrow::broker {
namespace {

/// Expirations of messages that are not stored, beyond which those of messages that are gone are looked for.
constexpr std::size_t kSweepFrom = 10'000;

}  // namespace

void Broker::bury(Queue& from, QueueEffects& effects, const Moment& moment) {
  for (const QueueEffects::Dead& dead : std::exchange(effects.dead, {})) {
    const MessagePlace place{dead.log, dead.fragment->first() + dead.index};
    expiration_over(place);
    Record record = dead.fragment->record(dead.index);
    record.message.vhost = from.spec().vhost;
    record.expires_at = from.deadline(*dead.fragment, dead.index);
    // The queue gives its reference back with the message.
    if (record.message.apart) bodies_.share(record.message.apart.id, 2);
    const bool refused = dead.reason == DeathReason::kRejected;
    const Death death{.reason = dead.reason,
                      .queue = from.spec().name,
                      .time = moment.now,
                      .failed = refused && (from.arguments().retry || !dead.failure.empty()),
                      .failure = dead.failure,
                      .retries = record.retried ? retry_count(record.message.properties) : 0};
    if (refused && retry(from, record, death, place, moment)) continue;
    bury(from, record.message, death, moment);
  }
}

void Broker::bury(const Queue& from, MessageView message, const Death& death, const Moment& moment) {
  const QueueArguments& arguments = from.arguments();
  const bool rerouted = arguments.dead_letter_routing_key.has_value();
  const DeadLetter letter = make_dead_letter(message, death, rerouted);
  message.properties = letter.properties;
  // Retried in vain, which must not be the end of it.
  if (!arguments.dead_letter_exchange) return enqueue({parked_queue(message.vhost)}, message, moment);
  message.exchange = *arguments.dead_letter_exchange;
  if (rerouted) message.routing_key = *arguments.dead_letter_routing_key;

  const std::vector<std::string_view> more_keys(letter.more_keys.begin(), letter.more_keys.end());
  const Result<Router::Found> found = topology_.route(message, more_keys);
  std::vector<Queue*> queues = found ? *found->queues : std::vector<Queue*>();
  const std::span<Exchange* const> delays = found ? found->delays : std::span<Exchange* const>();
  const std::size_t cycles = std::erase_if(queues, [&](const Queue* queue) {
    return std::ranges::find(letter.automatic, queue->spec().name) != letter.automatic.end();
  });
  if (!planted_fault::kLostDeadLetter && ((queues.empty() && delays.empty()) || cycles > 0)) {
    Queue* const parked = parked_queue(message.vhost);
    if (std::ranges::find(queues, parked) == queues.end()) queues.push_back(parked);
  }
  send(queues, delays, message, message, moment);
}

void Broker::arm(const Queue& queue, const MessagePlace& place, Timestamp due, Timestamp now) {
  const auto& of_queue = queue.declared_ttl_ms();  // that of a policy may be lifted before
  if (of_queue && now + std::chrono::milliseconds(*of_queue) <= due) return;
  if (queue.persists(place)) {
    effects_.expirations.push_back({due, place});
    return;
  }
  transient_expirations_.emplace_back(due, place);
  std::ranges::push_heap(transient_expirations_, std::greater<>());
  if (transient_expirations_.size() > 2 * transient_expirations_after_sweep_ + kSweepFrom) forget_moot_expirations();
}

void Broker::forget_moot_expirations() {
  std::erase_if(transient_expirations_, [&](const auto& expiration) {
    const auto place = by_log_.find(expiration.second.log);
    return place == by_log_.end() || !place->second.queue->lane(place->second.lane).is_live(expiration.second.seq);
  });
  std::ranges::make_heap(transient_expirations_, std::greater<>());
  transient_expirations_after_sweep_ = transient_expirations_.size();
}

Queue::Expired Broker::expire(const BrokerEffects::Expiration& expiration, const Moment& moment) {
  const Queue::Expired expired = expire(expiration.place, moment);
  // One that is heard of twice is held once.
  const bool held = expired == Queue::Expired::kHeld;
  return held && !overdue_.emplace(expiration.place, expiration.due).second ? Queue::Expired::kGone : expired;
}

Queue::Expired Broker::expire(const MessagePlace& place, const Moment& moment) {
  const auto it = by_log_.find(place.log);
  if (it == by_log_.end()) return Queue::Expired::kGone;
  const auto [queue, lane] = it->second;
  const Queue::Expired expired = queue->expire(lane, place.seq, queue_effects_);
  if (expired == Queue::Expired::kDied) {
    changed(queue);
    wants_dispatch(queue);
    bury(*queue, queue_effects_, moment);
  }
  take_queue_effects();
  return expired;
}

void Broker::expiration_over(const MessagePlace& place) {
  if (overdue_.empty()) return;
  const auto overdue = overdue_.extract(place);
  if (!overdue.empty()) effects_.expirations_done.push_back({overdue.mapped(), place});
}

void Broker::schedule_expiry(Queue* queue) {
  const std::optional<Timestamp> next = queue->next_expiry();
  // Earlier than that it is looked at again.
  if (!next || (queue->expiry_at && *queue->expiry_at <= *next)) return;
  if (queue->expiry_at) expiries_.erase({*queue->expiry_at, queue->first_log()});
  queue->expiry_at = next;
  expiries_.emplace(*next, queue->first_log());
}

void Broker::step_expiry(const Moment& moment) {
  while (!expiries_.empty() && expiries_.begin()->first <= moment.now) {
    Queue* const queue = by_log_.at(expiries_.begin()->second).queue;
    expiries_.erase(expiries_.begin());
    queue->expiry_at.reset();
    wants_dispatch(queue);
  }
}

void Broker::step_transient_expirations(const Moment& moment) {
  std::vector<std::pair<Timestamp, MessagePlace>> later;
  const std::size_t copied_before = copied_bytes_;
  for (std::size_t step = 0; !transient_expirations_.empty() && step < Queue::kMaxStep; ++step) {
    if (transient_expirations_.front().first > moment.now || copied_bytes_ - copied_before >= kMaxStepBytes) break;
    std::ranges::pop_heap(transient_expirations_, std::greater<>());
    const auto expiration = transient_expirations_.back();
    transient_expirations_.pop_back();
    const Queue::Expired expired = expire(expiration.second, moment);
    if (expired == Queue::Expired::kLater) later.push_back(expiration);
  }
  for (const auto& expiration : later) {
    transient_expirations_.push_back(expiration);
    std::ranges::push_heap(transient_expirations_, std::greater<>());
  }
}

}  // namespace escrow::broker
