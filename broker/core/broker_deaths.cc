// Messages that die: when, and where they go then.
#include <algorithm>
#include <utility>

#include "broker/core/broker.h"

namespace escrow::broker {

void Broker::bury(Queue& from, QueueEffects& effects, const Moment& moment) {
  for (const QueueEffects::Dead& dead : std::exchange(effects.dead, {})) {
    MessageView message = dead.fragment->record(dead.index).message;
    message.vhost = from.spec().vhost;
    // The queue gives its reference back with the message.
    if (message.apart) bodies_.share(message.apart.id, 2);
    bury(from, message, dead.reason, moment);
  }
}

void Broker::bury(const Queue& from, MessageView message, DeathReason reason, const Moment& moment) {
  const QueueArguments& arguments = from.arguments();
  const bool rerouted = arguments.dead_letter_routing_key.has_value();
  const DeadLetter letter = make_dead_letter(message, {reason, from.spec().name, moment.now}, rerouted);
  message.properties = letter.properties;
  message.exchange = *arguments.dead_letter_exchange;
  if (rerouted) message.routing_key = *arguments.dead_letter_routing_key;

  const std::vector<std::string_view> more_keys(letter.more_keys.begin(), letter.more_keys.end());
  const Result<const std::vector<Queue*>*> found = topology_.route(message, more_keys);
  std::vector<Queue*> queues = found ? **found : std::vector<Queue*>();
  const std::size_t cycles = std::erase_if(queues, [&](const Queue* queue) {
    return std::ranges::find(letter.automatic, queue->spec().name) != letter.automatic.end();
  });
  if (queues.empty() || cycles > 0) queues.push_back(parked_queue(message.vhost));
  enqueue(queues, message, moment);
}

void Broker::arm(const Queue& queue, const MessagePlace& place, Timestamp due, Timestamp now) {
  const auto& of_queue = queue.arguments().message_ttl_ms;
  if (of_queue && now + std::chrono::milliseconds(*of_queue) <= due) return;
  if (queue.spec().stored()) {
    effects_.expirations.push_back({due, place});
  } else {
    transient_expirations_.emplace(due, place);
  }
}

bool Broker::expire(const BrokerEffects::Expiration& expiration, const Moment& moment) {
  const auto it = by_log_.find(expiration.place.log);
  if (it == by_log_.end()) return true;
  const auto [queue, lane] = it->second;
  if (!queue->expire(lane, expiration.place.seq, queue_effects_)) {
    if (queue->spec().stored()) overdue_.emplace(expiration.place, expiration.due);
    return false;
  }
  changed(queue);
  wants_dispatch(queue);
  bury(*queue, queue_effects_, moment);
  return true;
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
  for (std::size_t step = 0; !transient_expirations_.empty() && step < Queue::kMaxStep; ++step) {
    const auto [due, place] = transient_expirations_.top();
    if (due > moment.now) break;
    transient_expirations_.pop();
    expire({due, place}, moment);
  }
}

}  // namespace escrow::broker
