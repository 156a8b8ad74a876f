// Channels and consumers: what a client opens, is given, settles and leaves behind.
#include <algorithm>
#include <utility>

#include "base/planted_fault.h"
#include "broker/core/broker.h"
#include "broker/core/names.h"

namespace escrow::broker {
namespace {

Error limit(const char* name, std::size_t maximum, std::string message) {
  return {ErrorCode::kResourceExhausted,
          "LIMIT_EXCEEDED",
          std::move(message),
          {{"limit", name}, {"maximum", std::to_string(maximum)}}};
}

Error no_consumer() { return {ErrorCode::kNotFound, "CONSUMER_UNKNOWN", "no such consumer", {}}; }
Error no_channel() { return {ErrorCode::kNotFound, "CHANNEL_UNKNOWN", "no such channel", {}}; }

Error in_exclusive_use(const Queue& queue) {
  return {ErrorCode::kPermissionDenied,
          "QUEUE_IN_EXCLUSIVE_USE",
          describe("queue", queue.spec().name, queue.spec().vhost) + " in exclusive use",
          {}};
}

}  // namespace

Error unknown_delivery_tag(DeliveryTag tag) {
  return {ErrorCode::kFailedPrecondition, "DELIVERY_TAG_UNKNOWN", "unknown delivery tag " + std::to_string(tag), {}};
}

std::size_t Channel::position(DeliveryTag tag) const {
  if (tag <= oldest_tag()) return 0;
  // Mostly without gaps.
  const std::size_t size = outstanding.size();
  if (const std::size_t guess = tag - oldest_tag(); guess < size && outstanding[guess].tag == tag) return guess;
  std::size_t low = 0;
  std::size_t high = size;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (outstanding[middle].tag < tag) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Outstanding* Channel::find(DeliveryTag tag) {
  const std::size_t at = position(tag);
  if (at == outstanding.size() || outstanding[at].tag != tag || outstanding[at].log == 0) return nullptr;
  return &outstanding[at];
}

void Channel::forget_settled() {
  while (!outstanding.empty() && outstanding.front().log == 0) outstanding.pop_front();
  if (outstanding.size() - held <= std::max(held, kMaxSettledBetween)) return;
  for (std::size_t left = outstanding.size(); left > 0; --left) {
    const Outstanding entry = outstanding.front();
    outstanding.pop_front();
    if (entry.log == 0) continue;
    outstanding.push_back(entry);
  }
}

Consumer* Broker::find(ConsumerId id) {
  const auto it = consumers_.find(id);
  return it == consumers_.end() ? nullptr : it->second.get();
}

Channel* Broker::find_channel(ChannelId id) {
  const auto it = channels_.find(id);
  return it == channels_.end() ? nullptr : it->second.get();
}

Channel* Broker::find_settling(ChannelId id) {
  if (Channel* channel = find_channel(id)) return channel;
  const auto it = std::ranges::find_if(abandoned_, [&](const auto& channel) { return channel->id == id; });
  return it == abandoned_.end() ? nullptr : it->get();
}

Queue* Broker::find_log(LogId log, std::size_t& lane) {
  const auto it = by_log_.find(log);
  if (it == by_log_.end()) return nullptr;
  lane = it->second.lane;
  return it->second.queue;
}

Channel* Broker::make_channel(ChannelId id, ConnectionId connection) {
  auto channel = std::make_unique<Channel>();
  channel->id = id;
  channel->connection_id = connection;
  channel->connection = &connections_[connection];
  channel->connection->channels.push_back(id);
  return channels_.emplace(id, std::move(channel)).first->second.get();
}

void Broker::open_channel(const OpenChannel& command) { make_channel(command.channel, command.connection); }

void Broker::close_channel(ChannelId id, const Moment& moment) {
  const auto it = channels_.find(id);
  if (it == channels_.end()) return;
  for (Consumer* consumer : std::vector<Consumer*>(it->second->consumers)) {
    Queue* const queue = consumer->queue;
    effects_.removed.push_back(consumer->id);
    remove_consumer(consumer);
    unused(queue, moment);
  }
  drop_channel(id);
}

void Broker::drop_channel(ChannelId id) {
  const auto it = channels_.find(id);
  Channel& channel = *it->second;
  if (channel.fetches > 0) {
    for (const auto& [log, place] : by_log_) {
      for (const std::uint64_t request : place.queue->forget_fetches(&channel))
        effects_.fetched.push_back({request, {}, 0});
    }
  }
  std::erase(channel.connection->channels, id);
  if (id >= kOwnChannels) connections_.erase(channel.connection_id);
  abandoned_.push_back(std::move(it->second));
  channels_.erase(it);
}

void Broker::close_connection(ConnectionId id, const Moment& moment) {
  const auto it = connections_.find(id);
  if (it != connections_.end()) {
    for (const ChannelId channel : std::vector<ChannelId>(it->second.channels)) close_channel(channel, moment);
    connections_.erase(id);
  }
  const auto owned = exclusive_.extract(id);
  if (!owned) return;
  for (const Queue* queue : owned.mapped()) retiring_.push_back(queue->first_log());
  step_retiring();
}

bool Broker::step_retiring() {
  for (std::size_t step = 0; !retiring_.empty() && step < kRetirePerStep; ++step) {
    const auto it = by_log_.find(retiring_.front());
    retiring_.pop_front();
    if (it != by_log_.end()) retire(it->second.queue);
  }
  return !retiring_.empty();
}

void Broker::set_prefetch(ChannelId id, std::uint32_t messages) {
  Channel* const channel = find_channel(id);
  if (channel == nullptr) return;
  channel->prefetch = messages;
  resume(channel->stalled);
}

void Broker::resume(std::vector<Consumer*>& stalled) {
  for (Consumer* consumer : std::exchange(stalled, {})) {
    consumer->listed = false;
    consumer->queue->offer(*consumer);
    wants_dispatch(consumer->queue);
  }
}

Result<ConsumerId> Broker::consume(const Consume& command) {
  const bool own_channel = command.channel == 0;
  const Result<Queue*> found = topology_.queue(command.vhost, command.queue);
  if (!found) return found.error();
  Channel* channel = own_channel ? nullptr : find_channel(command.channel);
  if (!own_channel && channel == nullptr) return no_channel();
  const Result<Queue*> queue =
      accessible(command.vhost, command.queue, own_channel ? ConnectionId{0} : channel->connection_id);
  if (!queue) return queue.error();
  if (!command.priority) return command.priority.error();
  const std::vector<Consumer*>& others = (*queue)->consumers();
  if (others.size() >= kMaxConsumersPerQueue) {
    return limit("consumers_per_queue", kMaxConsumersPerQueue, "the queue has too many consumers");
  }
  // As RabbitMQ has it: one that is chosen among several cannot be the only one.
  if (command.exclusive && (*queue)->arguments().single_active_consumer) return in_exclusive_use(**queue);
  if (!others.empty() && (command.exclusive || others.front()->exclusive)) return in_exclusive_use(**queue);
  if (command.credit > kMaxCredit) return limit("credit", kMaxCredit, "more credit than a consumer may have");

  if (own_channel) {
    channel = make_channel(next_own_channel_, next_own_channel_);
    channel->connection->bytes = command.bytes;
    ++next_own_channel_;
  }
  auto consumer = std::make_unique<Consumer>();
  consumer->id = command.consumer != 0 ? command.consumer : next_consumer_++;
  consumer->queue = *queue;
  consumer->channel = channel;
  consumer->credit = command.credit;
  consumer->auto_credit = command.auto_credit;
  consumer->no_ack = command.no_ack;
  consumer->exclusive = command.exclusive;
  consumer->priority = *command.priority;
  channel->consumers.push_back(consumer.get());
  (*queue)->add(consumer.get());
  end_lease(*queue);
  wants_dispatch(*queue);
  return consumers_.emplace(consumer->id, std::move(consumer)).first->first;
}

Result<void> Broker::grant(ConsumerId id, std::uint32_t credit, std::int64_t bytes) {
  Consumer* consumer = find(id);
  if (consumer == nullptr) return no_consumer();
  if (credit > kMaxCredit - std::min(consumer->credit, kMaxCredit)) {
    return limit("credit", kMaxCredit, "more credit than a consumer may have");
  }
  consumer->queue->grant(*consumer, credit);
  wants_dispatch(consumer->queue);
  if (bytes != 0) grant_bytes(consumer->channel->connection_id, bytes);
  return {};
}

void Broker::grant_bytes(ConnectionId id, std::int64_t bytes) {
  Connection& connection = connections_[id];
  if (__builtin_add_overflow(connection.bytes, bytes, &connection.bytes)) connection.bytes = kUnlimitedBytes;
  if (connection.bytes > 0) resume(connection.stalled);
}

Result<void> Broker::settle(ConsumerId id, DeliveryTag first, DeliveryTag last, Settlement settlement,
                            const Moment& moment, std::string failure) {
  const Consumer* consumer = find(id);
  if (consumer == nullptr) return no_consumer();
  if (first == 0 || first > last || last >= consumer->channel->next_tag) {
    return Error{ErrorCode::kInvalidArgument, "MALFORMED", "a delivery tag that was never given out", {}};
  }
  settles_.push_back({consumer->channel->id, first, last, {settlement, std::move(failure)}});
  step_settles(moment);
  return {};
}

Result<void> Broker::check(const SettleTag& command) {
  Channel* channel = find_channel(command.channel);
  if (channel == nullptr) return no_channel();
  if ((command.multiple && (command.tag == 0 || command.if_any)) || channel->find(command.tag) != nullptr) return {};
  return unknown_delivery_tag(command.tag);
}

Result<void> Broker::settle(const SettleTag& command, const Moment& moment) {
  if (auto known = check(command); !known) return known;
  const Channel& channel = *find_channel(command.channel);
  if (channel.outstanding.empty()) return {};
  const bool all = command.multiple && command.tag == 0;
  settles_.push_back({command.channel,
                      command.multiple ? channel.oldest_tag() : command.tag,
                      all ? channel.next_tag - 1 : command.tag,
                      {command.settlement, {}}});
  step_settles(moment);
  return {};
}

bool Broker::is_remembered(const Queue* queue, const Outstanding& entry) {
  // In a queue declared with a time of its own nobody knows any more whether the message's own was remembered.
  return queue != nullptr && entry.expires_at != Timestamp::max() && !queue->declared_ttl_ms() &&
         queue->persists({entry.log, entry.seq});
}

void Broker::settled_expiring(const Queue* queue, std::size_t lane, const Outstanding& entry, bool remembered,
                              Timestamp now) {
  if (entry.expires_at == Timestamp::max()) return;
  if (entry.expires_at > now) {
    if (remembered && !queue->came_back(lane, entry.seq)) effects_.expirations_moot.push_back(entry.expires_at);
  } else if (queue == nullptr || !queue->is_condemned(lane, entry.seq)) {
    expiration_over({entry.log, entry.seq});
  }
}

void Broker::settled(Queue* queue, const Moment& moment) {
  if (queue == nullptr) return;
  changed(queue);
  wants_dispatch(queue);
  bury(*queue, queue_effects_, moment);
}

void Broker::settle_step(Channel& channel, DeliveryTag& first, DeliveryTag last, const Verdict& verdict,
                         const Moment& moment) {
  const std::size_t begin = channel.position(first);
  std::size_t at = begin;
  LogId log = 0;
  Queue* queue = nullptr;
  std::size_t lane = 0;
  ConsumerId consumer_id = 0;
  Consumer* consumer = nullptr;
  const auto more = [&] { return at < channel.outstanding.size() && channel.outstanding[at].tag <= last; };
  for (std::size_t step = 0; more() && step < Queue::kMaxStep; ++step) {
    Outstanding& entry = channel.outstanding[at];
    if (entry.log == 0) {
      at += entry.run;
      continue;
    }
    if (queue_effects_.dead.size() >= Queue::kMaxDead) break;
    if (entry.log != log) {
      settled(queue, moment);
      log = entry.log;
      queue = find_log(log, lane);
    }
    const bool remembered = is_remembered(queue, entry);
    if (queue != nullptr) {
      queue->settle(lane, entry, verdict.settlement, moment.now, queue_effects_, verdict.failure);
    }
    settled_expiring(queue, lane, entry, remembered, moment.now);
    if (entry.consumer != 0) --channel.unacked;
    if (entry.consumer != consumer_id) {
      if (consumer != nullptr) consumer->queue->offer(*consumer);
      consumer_id = entry.consumer;
      consumer = find(consumer_id);
    }
    if (consumer != nullptr && consumer->auto_credit) ++consumer->credit;
    channel.settle(entry);
    ++at;
  }
  first = more() ? channel.outstanding[at].tag : last + 1;
  // Whoever settles them again passes over them at once.
  if (at > begin) channel.outstanding[begin].run = static_cast<std::uint32_t>(at - begin);
  channel.forget_settled();
  if (consumer != nullptr) consumer->queue->offer(*consumer);
  settled(queue, moment);
  resume(channel.stalled);
}

bool Broker::step_settles(const Moment& moment) {
  if (settles_.empty()) return false;
  SettleJob& job = settles_.front();
  Channel* const channel = find_settling(job.channel);
  if (channel != nullptr) settle_step(*channel, job.first, job.last, job.verdict, moment);
  if (channel == nullptr || job.first > job.last) settles_.pop_front();
  return !settles_.empty();
}

bool Broker::step_abandoned(const Moment& moment) {
  if (abandoned_.empty()) return false;
  Channel& channel = *abandoned_.front();
  if constexpr (!planted_fault::kLostRequeue) {
    DeliveryTag first = channel.oldest_tag();
    settle_step(channel, first, channel.next_tag - 1, {Settlement::kReturn, {}}, moment);
    if (!channel.outstanding.empty()) return true;
  }
  abandoned_.pop_front();
  return !abandoned_.empty();
}

void Broker::cancel(ConsumerId id, const Moment& moment) {
  Consumer* const consumer = find(id);
  if (consumer == nullptr) return;
  Queue* const queue = consumer->queue;
  Channel* const channel = consumer->channel;
  if (channel->id >= kOwnChannels) return close_channel(channel->id, moment);
  remove_consumer(consumer);
  unused(queue, moment);
}

void Broker::remove_consumer(Consumer* consumer) {
  consumer->queue->remove(consumer);
  std::erase(consumer->channel->consumers, consumer);
  if (consumer->queue->active() != nullptr) wants_dispatch(consumer->queue);
  consumers_.erase(consumer->id);
}

void Broker::unused(Queue* queue, const Moment& moment) {
  if (!queue->consumers().empty()) return;
  if (queue->spec().auto_delete) return retire(queue);
  restart_lease(queue, moment);
}

Result<void> Broker::fetch(const Fetch& command, std::uint64_t request, const Moment& moment) {
  Channel* const channel = find_channel(command.channel);
  if (channel == nullptr) return no_channel();
  const Result<Queue*> queue = accessible(command.vhost, command.queue, channel->connection_id);
  if (!queue) return queue.error();
  if (!command.no_ack && channel->held >= kMaxOutstanding) {
    return limit("outstanding", kMaxOutstanding, "the channel holds too many messages that are not acknowledged");
  }
  dispatch_first(*queue, moment);
  (*queue)->fetch(channel, command.no_ack, request);
  restart_lease(*queue, moment);
  dispatch_first(*queue, moment);  // what comes behind it must not change what it finds
  return {};
}

}  // namespace escrow::broker
