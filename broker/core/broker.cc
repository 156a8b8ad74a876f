#include "broker/core/broker.h"

#include <algorithm>

#include "base/invariant.h"
#include "base/planted_fault.h"
#include "broker/core/names.h"

namespace escrow::broker {

std::unique_ptr<Queue> Broker::make_queue(QueueSpec spec, LogId log) {
  auto queue = std::make_unique<Queue>(std::move(spec), log, pages_, bodies_);
  by_log_.emplace(log, queue.get());
  return queue;
}

void Broker::changed(Queue* queue) {
  if (std::exchange(queue->listed_changed, true)) return;
  changed_.push_back(queue);
}

void Broker::wants_dispatch(Queue* queue) {
  if (queue->consumers().empty() || std::exchange(queue->listed_dispatch, true)) return;
  dispatch_.push_back(queue);
}

Result<QueueInfo> Broker::declare_queue(QueueSpec spec) {
  const std::string vhost = spec.vhost;
  if (!topology_.queue(vhost, spec.name)) {
    if (auto allowed = check_not_reserved("queue", spec.name); !allowed && !spec.name.empty()) return allowed.error();
  }
  const Result<Queue*> queue =
      topology_.declare_queue(std::move(spec), [&](QueueSpec s) { return make_queue(std::move(s), next_log_++); });
  if (!queue) return queue.error();
  return QueueInfo{(*queue)->ready(), (*queue)->unacked(), static_cast<std::uint32_t>((*queue)->consumers().size())};
}

Result<std::uint64_t> Broker::delete_queue(std::string_view vhost, std::string_view name, bool if_unused,
                                           bool if_empty) {
  if (auto allowed = check_not_reserved("queue", name); !allowed) return allowed.error();
  if (auto host = topology_.vhost(vhost); !host) return host.error();
  const Result<Queue*> found = topology_.queue(vhost, name);
  if (!found) return std::uint64_t{0};
  if (if_unused && !(*found)->consumers().empty()) {
    return Error{ErrorCode::kFailedPrecondition, "QUEUE_IN_USE", "queue '" + std::string(name) + "' has consumers", {}};
  }
  if (if_empty && (*found)->log().live() != 0) {
    return Error{
        ErrorCode::kFailedPrecondition, "QUEUE_NOT_EMPTY", "queue '" + std::string(name) + "' has messages", {}};
  }
  Result<std::unique_ptr<Queue>> taken = topology_.take_queue(vhost, name);
  if (!taken) return taken.error();
  Queue* queue = taken->get();
  const std::vector<Consumer*> consumers = queue->consumers();
  for (const Consumer* consumer : consumers) {
    effects_.cancelled.push_back(consumer->id);
    consumers_.erase(consumer->id);
  }
  std::erase(dispatch_, queue);
  std::erase_if(abandoned_, [&](const auto& consumer) { return consumer->queue == queue; });
  bodies_.forget(queue);
  by_log_.erase(queue->log().id());
  const std::uint64_t messages = queue->log().live();
  if (dissolve(*queue)) {
    topology_.log_left_over(queue->log().id());
    leftovers_.push_back(*std::move(taken));
  } else {
    erase_log(*queue);
  }
  return messages;
}

bool Broker::dissolve(Queue& queue) {
  const bool more = queue.log().dissolve(kErasePerStep);
  const std::vector<BodyRef> bodies = queue.log().take_released();
  released_.insert(released_.end(), bodies.begin(), bodies.end());
  erased_in_batch_ += bodies.size();
  return more;
}

void Broker::erase_log(Queue& queue) {
  std::erase(changed_, &queue);
  erased_logs_.push_back(queue.log().id());
}

Result<void> Broker::purge(std::string_view vhost, std::string_view name, std::uint64_t job) {
  const Result<Queue*> queue = topology_.queue(vhost, name);
  if (!queue) return queue.error();
  purges_.push_back({job, (*queue)->log().id(), 1, (*queue)->log().next_seq(), 0});
  return {};
}

Result<std::uint32_t> Broker::publish(const MessageView& message, const Moment& moment) {
  const Result<const std::vector<Queue*>*> queues = topology_.route_published(message);
  if (!queues) return queues.error();
  enqueue(**queues, message, moment);
  return static_cast<std::uint32_t>((*queues)->size());
}

std::uint32_t Broker::publish_committed(const MessageView& message, const Moment& moment) {
  const Result<const std::vector<Queue*>*> queues = topology_.route(message);
  if (queues && !(*queues)->empty()) {
    enqueue(**queues, message, moment);
    if constexpr (planted_fault::kDoubleEnqueue) enqueue({(*queues)->front()}, message, moment);
    return static_cast<std::uint32_t>((*queues)->size());
  }
  QueueSpec parked{
      std::string(topology_.vhost(message.vhost) ? message.vhost : kDefaultVhost), std::string(kParkedQueue), {}};
  const Result<Queue*> queue =
      topology_.declare_queue(std::move(parked), [&](QueueSpec s) { return make_queue(std::move(s), next_log_++); });
  ESCROW_INVARIANT(queue.ok(), "the parked queue can always be declared");
  enqueue({*queue}, message, moment);
  return 1;
}

void Broker::enqueue(const std::vector<Queue*>& queues, const MessageView& message, const Moment& moment) {
  if (queues.empty()) return;
  MessageView stored = message;
  if (!stored.apart && stored.body.size() > kMaxInlineBody) stored.apart = add_body(std::string(stored.body), moment);
  if (stored.apart && queues.size() > 1) {
    bodies_.share(stored.apart.id, static_cast<std::uint32_t>(queues.size()));
  }
  record_.clear();
  encode_record(stored, record_);
  for (Queue* queue : queues) {
    queue->enqueue(record_, stored.apart, moment.now, moment.batch);
    changed(queue);
    wants_dispatch(queue);
  }
}

BodyRef Broker::add_body(std::string body, const Moment& moment) {
  const BodyRef ref{next_body_++, static_cast<std::uint32_t>(body.size())};
  auto shared = std::make_shared<const std::string>(std::move(body));
  bodies_.put(ref.id, shared, moment.batch);
  new_bodies_.emplace_back(ref, std::move(shared));
  return ref;
}

void Broker::separate_body(Message& message, const Moment& moment) {
  if (message.body.size() > kMaxInlineBody) message.apart = add_body(std::exchange(message.body, {}), moment);
}

void Broker::drop_body(BodyRef body) { released_.push_back(body); }

Consumer* Broker::find(ConsumerId id) {
  const auto it = consumers_.find(id);
  return it == consumers_.end() ? nullptr : it->second.get();
}

Consumer* Broker::find_settling(ConsumerId id) {
  if (Consumer* consumer = find(id)) return consumer;
  const auto it = std::ranges::find_if(abandoned_, [&](const auto& consumer) { return consumer->id == id; });
  return it == abandoned_.end() ? nullptr : it->get();
}

Result<ConsumerId> Broker::consume(std::string_view vhost, std::string_view queue_name, std::uint32_t credit,
                                   bool auto_credit, std::int64_t bytes) {
  const Result<Queue*> queue = topology_.queue(vhost, queue_name);
  if (!queue) return queue.error();
  if ((*queue)->consumers().size() >= kMaxConsumersPerQueue) {
    return Error{ErrorCode::kResourceExhausted,
                 "LIMIT_EXCEEDED",
                 "the queue has too many consumers",
                 {{"limit", "consumers_per_queue"}, {"maximum", std::to_string(kMaxConsumersPerQueue)}}};
  }
  auto consumer = std::make_unique<Consumer>();
  consumer->id = next_consumer_++;
  consumer->queue = *queue;
  consumer->auto_credit = auto_credit;
  const ConsumerId id = consumer->id;
  (*queue)->add(consumer.get());
  consumers_.emplace(id, std::move(consumer));
  if (auto granted = grant(id, credit, bytes); !granted) return cancel(id), granted.error();
  return id;
}

Result<void> Broker::grant(ConsumerId id, std::uint32_t credit, std::int64_t bytes) {
  Consumer* consumer = find(id);
  if (consumer == nullptr) return Error{ErrorCode::kNotFound, "CONSUMER_UNKNOWN", "no such consumer", {}};
  if (credit > kMaxCredit - std::min(consumer->credit, kMaxCredit)) {
    return Error{ErrorCode::kInvalidArgument,
                 "LIMIT_EXCEEDED",
                 "more credit than a consumer may have",
                 {{"limit", "credit"}, {"maximum", std::to_string(kMaxCredit)}}};
  }
  consumer->queue->grant(*consumer, credit, bytes);
  wants_dispatch(consumer->queue);
  return {};
}

Result<void> Broker::settle(ConsumerId id, DeliveryTag first, DeliveryTag last, Settlement settlement) {
  const Consumer* consumer = find(id);
  if (consumer == nullptr) return Error{ErrorCode::kNotFound, "CONSUMER_UNKNOWN", "no such consumer", {}};
  if (first == 0 || first > last || last >= consumer->next_tag) {
    return Error{ErrorCode::kInvalidArgument, "MALFORMED", "a delivery tag that was never given out", {}};
  }
  settles_.push_back({id, first, last, settlement});
  step_settles();
  return {};
}

void Broker::cancel(ConsumerId id) {
  const auto it = consumers_.find(id);
  if (it == consumers_.end()) return;
  it->second->queue->remove(it->second.get());
  abandoned_.push_back(std::move(it->second));
  consumers_.erase(it);
}

Result<void> Broker::load(const QueueLog::LoadRequest& request, std::string_view stored) {
  const auto it = by_log_.find(request.log);
  if (it == by_log_.end()) return {};
  wants_dispatch(it->second);
  return it->second->log().load(request.page, stored);
}

void Broker::load(BodyRef body, std::string stored) {
  for (Queue* queue : bodies_.loaded(body.id, std::make_shared<const std::string>(std::move(stored)))) {
    wants_dispatch(queue);
  }
}

void Broker::enforce_memory(BatchNumber durable) {
  // What leaves memory has its extent stored by this batch, also of a queue that nothing happens in.
  pages_.enforce([this](QueueLog& log) {
    const auto it = by_log_.find(log.id());
    if (it != by_log_.end() && log.changed()) changed(it->second);
  });
  bodies_.enforce(durable);
}

void Broker::finish_recovery() {
  std::unordered_map<std::uint64_t, std::uint32_t> references;
  for (const auto& [id, queue] : by_log_) {
    queue->log().for_each_body([&](BodyRef body) { ++references[body.id]; });
  }
  for (const auto& [id, count] : references) {
    if (count > 1) bodies_.share(id, count);
  }
  for (const auto& leftover : leftovers_) by_log_.erase(leftover->log().id());
  for (const auto& [id, queue] : by_log_) {
    if (queue->log().changed()) changed(queue);
  }
}

bool Broker::work(const Moment& moment) {
  const bool more_settles = step_settles();
  // What a lost consumer had settled must not come back with the rest.
  const bool more_abandoned = more_settles ? !abandoned_.empty() : step_abandoned();
  // A purge must not see messages that are still on their way back.
  const bool more_purges = more_abandoned || step_purges();
  const bool more_leftovers = step_leftovers();
  const bool more_dispatch = step_dispatch(moment);
  return more_abandoned || more_settles || more_purges || more_leftovers || more_dispatch;
}

bool Broker::step_abandoned() {
  if (abandoned_.empty()) return false;
  Consumer& consumer = *abandoned_.front();
  const bool more = consumer.queue->abandon(consumer);
  changed(consumer.queue);
  wants_dispatch(consumer.queue);
  if (!more) abandoned_.pop_front();
  return !abandoned_.empty();
}

bool Broker::step_settles() {
  if (settles_.empty()) return false;
  SettleJob& job = settles_.front();
  Consumer* consumer = find_settling(job.consumer);
  if (consumer != nullptr) {
    job.first = consumer->queue->settle(*consumer, job.first, job.last, job.settlement).next;
    changed(consumer->queue);
    wants_dispatch(consumer->queue);
  }
  if (consumer == nullptr || job.first > job.last) settles_.pop_front();
  return !settles_.empty();
}

bool Broker::step_purges() {
  // Beyond kErasePerBatch it goes on when the batch was taken; there is one on its way, for there are changes.
  if (purges_.empty() || erased_in_batch_ >= kErasePerBatch) return false;
  PurgeJob& job = purges_.front();
  if (const auto it = by_log_.find(job.log); it != by_log_.end()) {
    const QueueLog::Trimmed trimmed = it->second->purge(job.position, job.until, kPurgePerStep);
    changed(it->second);
    erased_in_batch_ += trimmed.work;
    job.messages += trimmed.messages;
    job.position = trimmed.position;
    if (job.position < job.until) return true;
  }
  effects_.purges.push_back({job.job, job.messages});
  purges_.pop_front();
  return !purges_.empty();
}

bool Broker::step_leftovers() {
  if (leftovers_.empty() || erased_in_batch_ >= kErasePerBatch) return false;
  Queue& queue = *leftovers_.front();
  if (dissolve(queue)) return true;
  erase_log(queue);
  topology_.log_erased(queue.log().id());
  leftovers_.pop_front();
  return !leftovers_.empty();
}

bool Broker::step_dispatch(const Moment& moment) {
  std::uint64_t given = 0;
  for (std::size_t left = dispatch_.size(); left > 0 && given < Queue::kMaxStep; --left) {
    Queue* queue = dispatch_.front();
    dispatch_.pop_front();
    queue->listed_dispatch = false;
    const std::uint64_t unacked = queue->unacked();
    const bool more = queue->dispatch(moment.batch, queue_effects_);
    if (queue->log().changed()) changed(queue);
    if (more) wants_dispatch(queue);
    given += queue->unacked() - unacked;
  }
  std::ranges::move(queue_effects_.deliveries, std::back_inserter(effects_.deliveries));
  std::ranges::move(queue_effects_.loads, std::back_inserter(effects_.loads));
  std::ranges::move(queue_effects_.body_loads, std::back_inserter(effects_.body_loads));
  queue_effects_.body_loads.clear();
  queue_effects_.deliveries.clear();
  queue_effects_.loads.clear();
  return !dispatch_.empty();
}

Result<void> Broker::recover_topology(std::string_view key, std::string_view value) {
  if (const std::optional<LogId> log = decode_leftover(key, value)) {
    leftovers_.push_back(make_queue({}, *log));
    return {};
  }
  return topology_.recover(key, value, [&](QueueSpec spec, LogId log) { return make_queue(std::move(spec), log); });
}

std::uint64_t Broker::digest() const {
  std::uint64_t hash = next_log_;
  for (const auto& [name, host] : topology_.vhosts()) {
    for (const auto& [exchange_name, exchange] : host.exchanges) {
      hash = hash * 31 + std::hash<std::string>()(exchange_name) + exchange->bindings().size();
    }
    for (const auto& [queue_name, queue] : host.queues) {
      hash = hash * 31 + std::hash<std::string>()(queue_name) + queue->log().digest();
    }
  }
  return hash;
}

}  // namespace escrow::broker
