// Messages that come again: each is looked for in the keys of the exchange it is published to, and of the queues that it
// reaches for the first time. Dead letters and retries are not looked at; they were before.
#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/core/broker.h"

namespace escrow::broker {

Broker::KeysOwner Broker::owner(Exchange& exchange) {
  const ExchangeSpec& spec = exchange.spec();
  return {spec.vhost, {spec.name, DestinationKind::kExchange}, exchange.keys_log, spec.durable};
}

Broker::KeysOwner Broker::owner(Queue& queue) {
  const QueueSpec& spec = queue.spec();
  return {spec.vhost, {spec.name, DestinationKind::kQueue}, queue.keys_log, spec.stored()};
}

bool Broker::deduplicates(const Router::Found& found) {
  if (found.from != nullptr && found.from->deduplication()) return true;
  return std::ranges::any_of(*found.queues,
                             [](const Queue* queue) { return queue->arguments().deduplication.has_value(); });
}

bool Broker::seen(LogId keys, const std::optional<DeduplicationWindow>& window, std::string_view properties,
                  Timestamp now) const {
  if (!window || keys == 0) return false;
  const std::optional<SeenKey> key = idempotency_key(*window, properties);
  return key && keys_.at(keys).contains(*key, *window, now);
}

void Broker::remember(const KeysOwner& owner, const std::optional<DeduplicationWindow>& window,
                      std::string_view properties, Timestamp now) {
  if (!window) return;
  const std::optional<SeenKey> key = idempotency_key(*window, properties);
  if (!key) return;
  if (owner.log == 0) {
    owner.log = next_log_++;
    if (owner.stored) topology_.keys_begin(owner.vhost, owner.destination, owner.log);
    keys_.try_emplace(owner.log, owner.log, owner.stored);
  }
  SeenKeys& keys = keys_.at(owner.log);
  keys.add(*key, persisted_, *window, now);
  if (!std::exchange(keys.listed_changed, true)) changed_keys_.push_back(&keys);
}

void Broker::remember(const std::vector<Queue*>& queues, std::string_view properties, Timestamp now) {
  for (Queue* queue : queues) remember(owner(*queue), queue->arguments().deduplication, properties, now);
}

void Broker::forget_keys(const KeysOwner& owner) {
  topology_.keys_end(owner.vhost, owner.destination, std::exchange(owner.log, 0), owner.stored);
}

std::vector<Queue*> Broker::without_seen(const std::vector<Queue*>& queues, std::string_view properties,
                                         Timestamp now) const {
  std::vector<Queue*> fresh;
  std::ranges::copy_if(queues, std::back_inserter(fresh), [&](const Queue* queue) {
    return !seen(queue->keys_log, queue->arguments().deduplication, properties, now);
  });
  return fresh;
}

Result<std::uint32_t> Broker::publish_once(const Router::Found& found, const MessageView& seen_message,
                                           const MessageView& sent, const Moment& moment) {
  const auto all = static_cast<std::uint32_t>(found.queues->size() + found.delays.size());
  Exchange* const from = found.from;
  if (from != nullptr && seen(from->keys_log, from->deduplication(), sent.properties, moment.now)) return all;
  std::vector<Queue*> fresh = without_seen(*found.queues, sent.properties, moment.now);
  if (fresh.empty() && found.delays.empty()) return all;
  std::vector<Queue*> full;
  const Router::Found once{&fresh, found.delays, found.internal, from};
  const Result<std::uint32_t> published = publish_to(once, seen_message, sent, moment, full);
  std::erase_if(fresh, [&](Queue* queue) { return std::ranges::find(full, queue) != full.end(); });
  remember(fresh, sent.properties, moment.now);
  // Who is told of a refusal comes again.
  if (!published) return published;
  if (from != nullptr) remember(owner(*from), from->deduplication(), sent.properties, moment.now);
  return all;
}

void Broker::send_once(const Router::Found& found, const MessageView& seen_message, const MessageView& sent,
                       const Moment& moment) {
  Exchange* const from = found.from;
  const bool again = from != nullptr && seen(from->keys_log, from->deduplication(), sent.properties, moment.now);
  const std::vector<Queue*> fresh = without_seen(*found.queues, sent.properties, moment.now);
  if (again || (fresh.empty() && found.delays.empty())) {
    if (sent.apart) released_.push_back(sent.apart);
    return;
  }
  persisted_ = false;
  const std::vector<Exchange*> delays(found.delays.begin(), found.delays.end());
  send(fresh, delays, seen_message, sent, moment);
  remember(fresh, sent.properties, moment.now);
  if (from != nullptr) remember(owner(*from), from->deduplication(), sent.properties, moment.now);
}

LogId* Broker::find_keys_log(const StoredKeys& stored) {
  if (stored.of == DestinationKind::kQueue) {
    const Result<Queue*> queue = topology_.queue(stored.vhost, stored.name);
    return queue ? &(*queue)->keys_log : nullptr;
  }
  const Result<Exchange*> exchange = topology_.exchange(stored.vhost, stored.name);
  return exchange ? &(*exchange)->keys_log : nullptr;
}

std::vector<SeenKeys*> Broker::recover_keys() {
  std::vector<SeenKeys*> all;
  all.reserve(keys_.size());
  for (auto& [log, keys] : keys_) all.push_back(&keys);
  return all;
}

}  // namespace escrow::broker
