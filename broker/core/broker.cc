#include "broker/core/broker.h"

#include <algorithm>

#include "base/invariant.h"
#include "base/planted_fault.h"
#include "broker/core/carbon_copies.h"
#include "broker/core/names.h"
#include "broker/core/policy_codec.h"
#include "model/properties.h"

namespace escrow::broker {

namespace {

/// What a copy of a message takes in a batch beyond its record.
constexpr std::size_t kCopyBytes = 48;

/// 0 without one, as AMQP has it.
std::uint8_t priority_of(const MessageView& message) {
  const Result<Properties> properties = decode_properties(message.properties);
  return properties && properties->priority ? *properties->priority : 0;
}

}  // namespace

std::unique_ptr<Queue> Broker::make_queue(QueueSpec spec, LogId first_log) {
  Result<QueueArguments> arguments = parse_queue_arguments(spec.vhost, spec.name, spec.arguments);
  ESCROW_INVARIANT(arguments.ok(), "arguments are checked before a queue is made");
  auto queue = std::make_unique<Queue>(std::move(spec), *std::move(arguments), first_log, pages_, bodies_);
  for (std::size_t i = 0; i < queue->lanes(); ++i) by_log_.emplace(first_log + i, LogPlace{queue.get(), i});
  return queue;
}

std::unique_ptr<Queue> Broker::make_queue(QueueSpec spec) {
  auto queue = make_queue(std::move(spec), next_log_);
  next_log_ += queue->lanes();
  return queue;
}

void Broker::changed(Queue* queue) {
  if (!queue->log_changed()) return;
  if (std::exchange(queue->listed_changed, true)) return;
  changed_.push_back(queue);
}

void Broker::wants_dispatch(Queue* queue) {
  if (!queue->wants_dispatch() || std::exchange(queue->listed_dispatch, true)) return;
  dispatch_.push_back(queue);
}

Result<Queue*> Broker::accessible(std::string_view vhost, std::string_view name, ConnectionId connection) {
  Result<Queue*> queue = topology_.queue(vhost, name);
  if (queue && (*queue)->spec().exclusive != 0 && (*queue)->spec().exclusive != connection) {
    return queue_locked(name, vhost);
  }
  return queue;
}

Result<QueueInfo> Broker::declare_queue(const DeclareQueue& command, const Moment& moment) {
  const QueueSpec& spec = command.spec;
  const bool exists = topology_.queue(spec.vhost, spec.name).ok();
  if (command.passive || exists) {
    const Result<Queue*> queue = accessible(spec.vhost, spec.name, command.connection);
    if (!queue) return queue.error();
  } else if (!command.server_named && !spec.name.empty()) {
    if (auto allowed = check_not_reserved("queue", spec.name); !allowed) return allowed.error();
  }
  if (!exists && command.refusal) return *command.refusal;
  if (!command.passive) {
    auto declared = topology_.declare_queue(spec, [&](QueueSpec s) { return make_queue(std::move(s)); });
    if (!declared) return declared.error();
    if (!exists && spec.exclusive != 0) exclusive_[spec.exclusive].push_back(*declared);
    if (!exists) apply_policy(**declared, moment);
  }
  Queue& queue = **topology_.queue(spec.vhost, spec.name);
  restart_lease(&queue, moment);
  dispatch_first(&queue, moment);
  return info(queue);
}

QueueInfo Broker::info(const Queue& queue) const {
  const std::uint64_t retrying = queue.retry_log == 0 ? 0 : delays_.at(queue.retry_log).log.count().messages;
  return {queue.ready(), queue.unacked(), static_cast<std::uint32_t>(queue.consumers().size()), retrying};
}

Result<std::uint64_t> Broker::delete_queue(const DeleteQueue& command, const Moment& moment) {
  if (auto host = topology_.vhost(command.vhost); !host) return host.error();
  if (!topology_.queue(command.vhost, command.name)) return std::uint64_t{0};
  if (auto allowed = check_not_reserved("queue", command.name);
      !allowed && !command.name.starts_with(kServerNamedPrefix)) {
    return allowed.error();
  }
  const Result<Queue*> found = accessible(command.vhost, command.name, command.connection);
  if (!found) return found.error();
  if (command.if_unused && !(*found)->consumers().empty()) {
    return Error{ErrorCode::kFailedPrecondition,
                 "QUEUE_IN_USE",
                 "queue '" + command.name + "' in vhost '" + command.vhost + "' in use",
                 {}};
  }
  dispatch_first(*found, moment);
  if (command.if_empty && (*found)->ready() != 0) {
    return Error{ErrorCode::kFailedPrecondition,
                 "QUEUE_NOT_EMPTY",
                 "queue '" + command.name + "' in vhost '" + command.vhost + "' not empty",
                 {}};
  }
  return drop_queue(*found);
}

std::uint64_t Broker::drop_queue(Queue* queue) {
  for (Consumer* consumer : std::vector<Consumer*>(queue->consumers())) {
    effects_.cancelled.push_back(consumer->id);
    const ChannelId channel = consumer->channel->id;
    remove_consumer(consumer);
    if (channel >= kOwnChannels) drop_channel(channel);
  }
  Result<std::unique_ptr<Queue>> taken = topology_.take_queue(queue->spec().vhost, queue->spec().name);
  ESCROW_INVARIANT(taken.ok(), "the queue exists");
  end_lease(queue);
  if (queue->expiry_at) expiries_.erase({*queue->expiry_at, queue->first_log()});
  if (const auto owned = exclusive_.find(queue->spec().exclusive); owned != exclusive_.end()) {
    std::erase(owned->second, queue);
  }
  for (const std::uint64_t request : queue->forget_fetches()) effects_.fetched.push_back({request, {}, 0});
  if (queue->listed_dispatch) std::erase(dispatch_, queue);
  bodies_.forget(queue);
  for (std::size_t i = 0; i < queue->lanes(); ++i) by_log_.erase(queue->log(i).id());
  const LogId end = queue->first_log() + queue->lanes();
  for (auto it = overdue_.lower_bound({queue->first_log(), 0}); it != overdue_.end() && it->first.log < end;) {
    effects_.expirations_done.push_back({it->second, it->first});
    it = overdue_.erase(it);
  }
  const std::uint64_t messages = queue->ready() + info(*queue).retrying;
  end_retries(*queue);
  if (dissolve(*queue)) {
    for (std::size_t i = 0; i < queue->lanes(); ++i) topology_.left_over({queue->log(i).id()});
    leftovers_.push_back(*std::move(taken));
  } else {
    erase_log(*queue);
  }
  return messages;
}

bool Broker::dissolve(Queue& queue) {
  bool more = false;
  for (std::size_t i = 0; i < queue.lanes() && !more; ++i) {
    more = queue.log(i).dissolve(kErasePerStep);
    const std::vector<BodyRef> bodies = queue.log(i).take_released();
    released_.insert(released_.end(), bodies.begin(), bodies.end());
    erased_in_batch_ += bodies.size();
  }
  return more;
}

void Broker::erase_log(Queue& queue) {
  if (queue.listed_changed) std::erase(changed_, &queue);
  for (std::size_t i = 0; i < queue.lanes(); ++i) {
    const QueueLog& log = queue.log(i);
    if (log.stored() || log.spilled()) erased_logs_.push_back(log.id());
    if (!log.stored() && log.spilled()) topology_.erased({log.id()});
  }
}

Result<void> Broker::purge(const PurgeQueue& command, std::uint64_t job, const Moment& moment) {
  const Result<Queue*> queue = accessible(command.vhost, command.name, command.connection);
  if (!queue) return queue.error();
  dispatch_first(*queue, moment);
  PurgeJob purge{job, (*queue)->first_log(), {}, 0, 1, 0};
  for (std::size_t i = 0; i < (*queue)->lanes(); ++i) purge.until.push_back((*queue)->log(i).next_seq());
  purges_.push_back(std::move(purge));
  // What comes behind it must not find what it takes, which is what a step takes, mostly.
  if (settles_.empty() && abandoned_.empty()) step_purges();
  return {};
}

Result<std::uint32_t> Broker::publish(const MessageView& message, const Moment& moment) {
  persisted_ = false;
  if (has_headers(message.properties)) return publish_copies(message, moment);
  return publish_found(topology_.route_published(message), message, message, moment);
}

Result<std::uint32_t> Broker::publish_copies(const MessageView& message, const Moment& moment) {
  const Result<CarbonCopies> copies = carbon_copies(message.properties);
  if (!copies) {
    if (auto taken = topology_.check_publish(message.vhost, message.exchange); !taken) return taken.error();
    return copies.error();
  }
  const std::string properties = copies->blind ? without_bcc(message.properties) : std::string();
  MessageView seen = message;
  if (copies->blind) seen.properties = properties;
  return publish_found(topology_.route_published(message, copies->views()), seen, message, moment);
}

Result<std::uint32_t> Broker::publish_found(const Result<Router::Found>& found, const MessageView& seen,
                                            const MessageView& sent, const Moment& moment) {
  if (!found) return found.error();
  if (deduplicates(*found)) return publish_once(*found, seen, sent, moment);
  std::vector<Queue*> full;
  return publish_to(*found, seen, sent, moment, full);
}

Result<std::uint32_t> Broker::publish_to(const Router::Found& found, const MessageView& seen, const MessageView& sent,
                                         const Moment& moment, std::vector<Queue*>& full) {
  const auto refuses = [size = sent.body_bytes()](const Queue* queue) { return queue->refuses(size); };
  const std::size_t delays = found.delays.size();
  for (const Exchange* exchange : found.delays) delay(*exchange, sent, moment);
  const bool transient = !is_persistent(sent.properties);
  if (std::ranges::none_of(*found.queues, refuses)) {
    enqueue(*found.queues, seen, moment, transient);
    return static_cast<std::uint32_t>(found.queues->size() + delays);
  }
  std::vector<Queue*> takers;
  for (Queue* queue : std::vector<Queue*>(*found.queues)) {
    // Those before it may be for consumers that wait.
    if (refuses(queue)) dispatch_first(queue, moment);
    (refuses(queue) ? full : takers).push_back(queue);
  }
  enqueue(takers, seen, moment, transient);
  if (full.empty()) return static_cast<std::uint32_t>(takers.size() + delays);
  for (const Queue* queue : full) {
    const bool buries =
        queue->arguments().overflow == Overflow::kRejectPublishDlx && queue->arguments().dead_letter_exchange;
    if (buries) bury(*queue, seen, {DeathReason::kMaxLength, queue->spec().name, moment.now}, moment);
  }
  return Error{ErrorCode::kResourceExhausted, std::string(kQueueFull), "a queue for the message is full", {}};
}

std::uint32_t Broker::publish_committed(const MessageView& message, const Moment& moment) {
  const Result<Router::Found> found = topology_.route(message);
  if (!found || found->nowhere()) {
    enqueue({parked_queue(message.vhost)}, message, moment);
    return 1;
  }
  const std::vector<Queue*>& queues = *found->queues;
  const auto takers = static_cast<std::uint32_t>(queues.size() + found->delays.size());
  if (deduplicates(*found)) {
    send_once(*found, message, message, moment);
    return takers;
  }
  send(queues, found->delays, message, message, moment);
  if (planted_fault::kDoubleEnqueue && !queues.empty()) enqueue({queues.front()}, message, moment);
  return takers;
}

Queue* Broker::parked_queue(std::string_view vhost) {
  QueueSpec parked{std::string(topology_.vhost(vhost) ? vhost : kDefaultVhost), std::string(kParkedQueue), {}};
  const Result<Queue*> queue =
      topology_.declare_queue(std::move(parked), [&](QueueSpec s) { return make_queue(std::move(s)); });
  ESCROW_INVARIANT(queue.ok(), "the parked queue can always be declared");
  return *queue;
}

void Broker::enqueue(const std::vector<Queue*>& queues, const Record& record, const Moment& moment, bool transient) {
  if (queues.empty()) return;
  const MessageView& message = record.message;
  const auto stores = [&](const Queue* queue) { return !transient && queue->spec().stored(); };
  const auto stored_queues = static_cast<std::uint32_t>(std::ranges::count_if(queues, stores));
  Record stored = record;
  BodyRef& apart = stored.message.apart;
  if (stored_queues > 0 && !apart && message.body.size() > kMaxInlineBody) {
    apart = add_body(std::string(message.body), moment);
  }
  const std::uint32_t references = message.apart ? static_cast<std::uint32_t>(queues.size()) : stored_queues;
  if (apart && references > 1) bodies_.share(apart.id, references);
  record_.clear();
  encode_record(stored, record_);
  copied_bytes_ += queues.size() * (kCopyBytes + record_.size()) + (message.apart ? 0 : apart.size);
  std::string inline_record;  // for queues that are not stored: their bodies are not either
  std::optional<std::uint8_t> priority;
  for (Queue* queue : queues) {
    if (queue->lanes() > 1 && !priority) priority = priority_of(message);
    MessagePlace place;
    if (stores(queue) || apart == message.apart) {
      place = queue->enqueue(record_, stored.message, !transient, priority.value_or(0), moment);
    } else {
      if (inline_record.empty()) encode_record(record, inline_record);
      place = queue->enqueue(inline_record, message, !transient, priority.value_or(0), moment);
    }
    persisted_ |= queue->persists(place);
    if (record.expires_at) arm(*queue, place, *record.expires_at, moment.now);
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

Result<void> Broker::load(const QueueLog::LoadRequest& request, std::string_view stored) {
  const auto it = by_log_.find(request.log);
  if (it == by_log_.end()) return {};
  const auto [queue, lane] = it->second;
  auto loaded = queue->log(lane).load(request.page, stored);
  wants_dispatch(queue);
  return loaded;
}

void Broker::load(BodyRef body, std::string stored) {
  for (Queue* queue : bodies_.loaded(body.id, std::make_shared<const std::string>(std::move(stored)))) {
    wants_dispatch(queue);
  }
}

void Broker::enforce_memory(BatchNumber durable, BatchNumber building) {
  // What leaves memory has its extent stored by this batch, also of a queue that nothing happens in.
  pages_.enforce(building, [this](QueueLog& log) {
    const auto it = by_log_.find(log.id());
    if (it == by_log_.end()) return;
    // What is stored of a queue that is not has to go when the server starts again.
    if (log.take_first_spill()) topology_.left_over({log.id()});
    if (log.changed()) changed(it->second.queue);
  });
  bodies_.enforce(durable);
}

void Broker::finish_recovery(const Moment& moment) {
  std::unordered_map<std::uint64_t, std::uint32_t> references(shared_kept_back_.begin(), shared_kept_back_.end());
  for (const auto& [id, place] : by_log_) {
    place.queue->log(place.lane).for_each_body([&](BodyRef body) { ++references[body.id]; });
  }
  for (const auto& [id, count] : references) {
    if (count > 1) bodies_.share(id, count);
  }
  for (auto& [id, delays] : delays_) delays.left_over ? leave_over(delays) : schedule(delays);
  for (const auto& leftover : leftovers_) by_log_.erase(leftover->first_log());
  for (const auto& [vhost, host] : topology_.vhosts()) {
    for (const auto& [name, exchange] : host.exchanges) apply_policy(*exchange);
    for (const auto& [name, queue] : host.queues) {
      apply_policy(*queue, moment);
      restart_lease(queue.get(), moment);
    }
  }
  for (const auto& [id, place] : by_log_) {
    if (place.queue->log(place.lane).changed()) changed(place.queue);
    wants_dispatch(place.queue);
  }
}

bool Broker::work(const Moment& moment) {
  take_left_delays();
  const bool more_delays = step_delays(moment);
  const bool more_retiring = step_retiring();
  const bool more_policies = step_policies(moment);
  const bool more_leases = step_leases(moment);
  step_expiry(moment);
  const bool more_settles = step_settles(moment);
  // What a lost consumer had settled must not come back with the rest.
  const bool more_abandoned = more_settles ? !abandoned_.empty() : step_abandoned(moment);
  // A purge must not see messages that are still on their way back.
  const bool more_purges = more_abandoned || step_purges();
  const bool more_dead_letters = step_dead_letters(moment);
  const bool more_leftovers = step_leftovers();
  const bool more_dispatch = step_dispatch(moment);
  step_transient_expirations(moment);  // after it: what has no time at all may go to a consumer at once
  return more_delays || more_retiring || more_policies || more_leases || more_abandoned || more_settles ||
         more_purges || more_dead_letters || more_leftovers || more_dispatch;
}

bool Broker::step_purges() {
  // Beyond kErasePerBatch it goes on when the batch was taken; there is one on its way, for there are changes.
  if (purges_.empty() || erased_in_batch_ >= kErasePerBatch) return false;
  PurgeJob& job = purges_.front();
  if (const auto it = by_log_.find(job.first_log); it != by_log_.end()) {
    Queue* const queue = it->second.queue;
    const QueueLog::Trimmed trimmed = queue->purge(job.lane, job.position, job.until[job.lane], kPurgePerStep);
    changed(queue);
    erased_in_batch_ += trimmed.work;
    job.messages += trimmed.messages;
    job.position = trimmed.position;
    if (job.position < job.until[job.lane]) return true;
    job.position = 1;
    if (++job.lane < job.until.size()) return true;
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
  for (std::size_t i = 0; i < queue.lanes(); ++i) topology_.erased({queue.log(i).id()});
  leftovers_.pop_front();
  return !leftovers_.empty();
}

bool Broker::step_dispatch(const Moment& moment) {
  std::size_t given = 0;
  const std::size_t copied_before = copied_bytes_;
  for (std::size_t left = dispatch_.size();
       left > 0 && given < Queue::kMaxStep && copied_bytes_ - copied_before < kMaxStepBytes; --left) {
    Queue* queue = dispatch_.front();
    dispatch_.pop_front();
    queue->listed_dispatch = false;
    given += dispatch(queue, moment);
  }
  take_queue_effects();
  return !dispatch_.empty();
}

void Broker::dispatch_first(Queue* queue, const Moment& moment) {
  if (!queue->wants_dispatch()) return;
  dispatch(queue, moment);
  take_queue_effects();
}

std::size_t Broker::dispatch(Queue* queue, const Moment& moment) {
  const std::size_t before = queue_effects_.deliveries.size();
  const std::uint64_t live_before = queue->live();
  const bool more = queue->dispatch(moment, queue_effects_);
  schedule_expiry(queue);
  if (queue->log_changed()) changed(queue);
  bury(*queue, queue_effects_, moment);
  if (more) wants_dispatch(queue);
  std::size_t delivered = 0;
  for (std::size_t i = before; i < queue_effects_.deliveries.size(); ++i) {
    delivered += queue_effects_.deliveries[i].count;
  }
  return std::max<std::size_t>(delivered, live_before - std::min(live_before, queue->live()));
}

void Broker::take_queue_effects() {
  const auto hand_over = [](auto& from, auto& to) {
    std::ranges::move(from, std::back_inserter(to));
    from.clear();
  };
  hand_over(queue_effects_.deliveries, effects_.deliveries);
  hand_over(queue_effects_.fetched, effects_.fetched);
  hand_over(queue_effects_.loads, effects_.loads);
  hand_over(queue_effects_.body_loads, effects_.body_loads);
}

void Broker::restart_lease(Queue* queue, const Moment& moment) {
  const auto& expires = queue->arguments().expires_ms;
  if (!expires) return;
  end_lease(queue);
  if (!queue->consumers().empty()) return;
  queue->lease_ends = moment.now + std::chrono::milliseconds(*expires);
  leases_.emplace(*queue->lease_ends, queue->first_log());
}

void Broker::end_lease(Queue* queue) {
  if (queue->lease_ends) leases_.erase({*queue->lease_ends, queue->first_log()});
  queue->lease_ends.reset();
}

void Broker::retire(Queue* queue) {
  QueueSpec spec = queue->spec();
  const std::uint64_t messages = drop_queue(queue);
  effects_.expired.push_back({std::move(spec), messages});
}

bool Broker::step_leases(const Moment& moment) {
  const auto due = [&] { return !leases_.empty() && leases_.begin()->first <= moment.now; };
  for (std::size_t step = 0; due() && step < kRetirePerStep; ++step) {
    retire(by_log_.at(leases_.begin()->second).queue);
  }
  return due();
}

std::optional<Timestamp> Broker::next_due() const {
  std::optional<Timestamp> next;
  const auto take = [&](Timestamp due) { next = std::min(next.value_or(due), due); };
  if (!leases_.empty()) take(leases_.begin()->first);
  if (!expiries_.empty()) take(expiries_.begin()->first);
  if (!delay_times_.empty()) take(delay_times_.begin()->first);
  if (!transient_expirations_.empty()) take(transient_expirations_.front().first);
  return next;
}

Result<void> Broker::recover_topology(std::string_view key, std::string_view value) {
  if (const std::optional<Leftover> leftover = decode_leftover(key, value)) {
    if (leftover->delayed) {
      make_delays(leftover->log).left_over = true;
    } else {
      leftovers_.push_back(make_queue({}, leftover->log));
    }
    return {};
  }
  if (const std::optional<SharedBody> shared = decode_shared_body(key, value)) {
    shared_kept_back_.emplace(shared->body, shared->kept_back);
    return {};
  }
  if (const std::optional<StoredRetries> stored = decode_retries(key, value)) {
    const auto place = by_log_.find(stored->queue_log);
    if (place == by_log_.end()) return topology_damaged();
    place->second.queue->retry_log = stored->log;
    make_delays(stored->log).queue = stored->queue_log;
    return {};
  }
  if (const std::optional<StoredKeys> stored = decode_keys(key, value)) {
    LogId* const log = find_keys_log(*stored);
    if (log == nullptr) return topology_damaged();
    *log = stored->log;
    keys_.try_emplace(stored->log, stored->log, true);
    return {};
  }
  if (std::optional<Policy> policy = decode_policy(key, value)) return recover_policy(*std::move(policy));
  return topology_.recover(key, value, [&](QueueSpec spec, LogId log) { return make_queue(std::move(spec), log); });
}

std::uint64_t Broker::digest() const {
  std::uint64_t hash = next_log_ + policies_.digest();
  for (const auto& [name, host] : topology_.vhosts()) {
    for (const auto& [exchange_name, exchange] : host.exchanges) {
      hash = hash * 31 + std::hash<std::string>()(exchange_name) + exchange->bindings().size();
    }
    for (const auto& [queue_name, queue] : host.queues) {
      hash = hash * 31 + std::hash<std::string>()(queue_name);
      for (std::size_t i = 0; i < queue->lanes(); ++i) hash += queue->log(i).digest();
    }
  }
  return hash;
}

}  // namespace escrow::broker
