#include "broker/core/queue.h"

#include <algorithm>
#include <utility>

#include "base/invariant.h"

namespace escrow::broker {

Queue::Queue(QueueSpec spec, QueueArguments arguments, LogId first_log, PageCache& pages, BodyCache& bodies)
    : spec_(std::move(spec)),
      arguments_(std::move(arguments)),
      declared_ttl_ms_(arguments_.message_ttl_ms),
      bodies_(bodies) {
  for (std::size_t i = 0; i < lanes_of(arguments_); ++i) lanes_.emplace_back(first_log + i, pages, spec_.stored());
}

void Queue::apply(std::shared_ptr<const AppliedPolicy> policy, QueueArguments effective) {
  ESCROW_INVARIANT(lanes_of(effective) == lanes_.size(), "no policy changes the priorities of a queue");
  policy_ = std::move(policy);
  arguments_ = std::move(effective);
  heads_unseen_ = true;
}

bool Queue::log_changed() const {
  return std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.log().changed(); });
}

std::uint64_t Queue::live() const {
  std::uint64_t sum = 0;
  for (const Lane& lane : lanes_) sum += lane.log().live();
  return sum;
}

std::uint64_t Queue::ready() const {
  std::uint64_t sum = 0;
  for (const Lane& lane : lanes_) sum += lane.ready();
  return sum;
}

std::uint64_t Queue::unacked() const {
  std::uint64_t sum = 0;
  for (const Lane& lane : lanes_) sum += lane.unacked();
  return sum;
}

std::uint64_t Queue::ready_bytes() const {
  std::uint64_t sum = 0;
  for (const Lane& lane : lanes_) sum += lane.log().body_bytes();
  return sum - std::min(sum, unacked_bytes_);
}

bool Queue::over_limits_with(std::uint64_t more_messages, std::uint64_t more_bytes) const {
  const std::optional<std::uint64_t>& length = arguments_.max_length;
  const std::optional<std::uint64_t>& bytes = arguments_.max_length_bytes;
  return (length && ready() + more_messages > *length) || (bytes && ready_bytes() + more_bytes > *bytes);
}

MessagePlace Queue::enqueue(std::string_view record, const MessageView& message, bool persistent, std::uint8_t priority,
                            const Moment& moment) {
  QueueLog& log = lanes_[std::min<std::size_t>(priority, lanes_.size() - 1)].log();
  return {log.id(), log.append(record, message.apart, message.body_bytes(), moment.now, moment.batch, persistent)};
}

void Queue::add(Consumer* consumer) {
  consumers_.push_back(consumer);
  if (arguments_.single_active_consumer && active_ == nullptr) active_ = consumer;
  offer(*consumer);
}

void Queue::grant(Consumer& consumer, std::uint32_t credit) {
  consumer.credit += credit;
  offer(consumer);
}

void Queue::offer(Consumer& consumer) {
  if (consumer.listed || consumer.cancelled || !consumer.has_credit() || !may_be_active(consumer)) return;
  consumer.listed = true;
  if (consumer.channel->connection->bytes <= 0) {
    consumer.channel->connection->stalled.push_back(&consumer);
  } else if (consumer.channel->holds_enough(consumer.no_ack)) {
    consumer.channel->stalled.push_back(&consumer);
  } else {
    takers_[consumer.priority].push_back(&consumer);
  }
}

void Queue::remove(Consumer* consumer) {
  consumer->cancelled = true;
  std::erase(consumers_, consumer);
  std::erase(consumer->channel->stalled, consumer);
  std::erase(consumer->channel->connection->stalled, consumer);
  if (const auto takers = takers_.find(consumer->priority); takers != takers_.end()) {
    for (std::size_t left = takers->second.size(); left > 0; --left) {
      Consumer* const taker = takers->second.front();
      takers->second.pop_front();
      if (taker != consumer) takers->second.push_back(taker);
    }
    if (takers->second.empty()) takers_.erase(takers);
  }
  if (active_ == consumer) activate_next();
}

void Queue::activate_next() {
  const auto next = std::ranges::max_element(consumers_, {}, &Consumer::priority);
  active_ = next == consumers_.end() ? nullptr : *next;
  if (active_ != nullptr) offer(*active_);
}

std::vector<std::uint64_t> Queue::forget_fetches(const Channel* channel) {
  std::vector<std::uint64_t> requests;
  std::erase_if(fetches_, [&](const Fetch& fetch) {
    const bool forgotten = channel == nullptr || fetch.channel == channel;
    if (!forgotten) return false;
    --fetch.channel->fetches;
    requests.push_back(fetch.request);
    return true;
  });
  return requests;
}

Consumer* Queue::next_taker() {
  for (auto it = takers_.begin(); it != takers_.end(); it = takers_.erase(it)) {
    Ring<Consumer*>& takers = it->second;
    while (!takers.empty()) {
      Consumer* const consumer = takers.front();
      const bool may = consumer->has_credit() && !consumer->channel->holds_enough(consumer->no_ack) &&
                       consumer->channel->connection->bytes > 0;
      if (may) return consumer;
      takers.pop_front();
      consumer->listed = false;
      offer(*consumer);  // where it waits for what it lacks
    }
  }
  return nullptr;
}

void Queue::load(std::size_t lane, Seq page, QueueEffects& effects) {
  QueueLog& log = lanes_[lane].log();
  if (auto request = log.request_load(page)) effects.loads.push_back(*request);
  // The next page is wanted soon: read it now.
  if (const auto next = log.page_after(page)) {
    if (auto request = log.request_load(*next)) effects.loads.push_back(*request);
  }
}

bool Queue::fetch_body(const QueueLog::Location& at, BodyCache::Body& body, QueueEffects& effects) {
  const BodyRef ref = at.fragment->record(at.index).message.apart;
  if (!ref) return true;
  body = bodies_.find(ref.id);
  if (body == nullptr && bodies_.request_load(ref.id, this)) effects.body_loads.push_back(ref);
  return body != nullptr;
}

Queue::Found Queue::find_head(std::size_t lane, bool with_body, Timestamp now, Head& head, QueueEffects& effects) {
  QueueLog& log = lanes_[lane].log();
  head.lane = lane;
  head.seq = lanes_[lane].next();
  if (head.seq == log.next_seq()) return Found::kNone;
  head.at = log.locate(head.seq);
  if (head.at.presence == QueueLog::Presence::kNotLoaded) {
    load(lane, head.at.page, effects);
    return Found::kLoading;
  }
  if (expired(head, now)) return Found::kExpired;
  head.body = nullptr;
  if (with_body && head.at.fragment->has_bodies_apart() && !fetch_body(head.at, head.body, effects)) {
    return Found::kLoading;
  }
  return Found::kMessage;
}

Queue::Found Queue::find_next(Timestamp now, Head& head, QueueEffects& effects) {
  for (std::size_t i = lanes_.size(); i-- > 0;) {
    if (lanes_.size() > 1 && lanes_[i].ready() == 0) continue;
    if (const Found found = find_head(i, true, now, head, effects); found != Found::kNone) return found;
  }
  return Found::kNone;
}

bool Queue::drop_head(Timestamp now, QueueEffects& effects) {
  Head head;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].ready() == 0) continue;
    const Found found = find_head(i, false, now, head, effects);
    if (found == Found::kLoading) return false;
    die_ready(i, head.seq, head.at, found == Found::kExpired ? DeathReason::kExpired : DeathReason::kMaxLength,
              effects);
    return true;
  }
  return false;
}

bool Queue::dispatch(const Moment& moment, QueueEffects& effects) {
  next_expiry_.reset();
  execute_condemned(effects);
  Head head;
  for (std::size_t step = 0;; ++step) {
    Consumer* const consumer = fetches_.empty() ? next_taker() : nullptr;
    if (fetches_.empty() && consumer == nullptr) break;
    const Found found = find_next(moment.now, head, effects);
    if (found == Found::kLoading) return false;
    if (fetches_.empty() && found == Found::kNone) break;
    if (step >= kMaxStep || effects.dead.size() >= kMaxDead) return true;
    if (found == Found::kExpired) {
      die_ready(head.lane, head.seq, head.at, DeathReason::kExpired, effects);
      continue;
    }
    if (!fetches_.empty()) {
      if (found == Found::kNone) head.seq = 0;
      answer(head, moment.batch, effects);
      continue;
    }
    deliver(*consumer, head, moment.batch, effects);
    Ring<Consumer*>& takers = takers_.find(consumer->priority)->second;
    takers.pop_front();
    takers.push_back(consumer);
  }
  for (std::size_t step = 0; drops_head(); ++step) {
    if (step >= kMaxStep || effects.dead.size() >= kMaxDead) return true;
    if (!drop_head(moment.now, effects)) return false;
  }
  for (Lane& lane : lanes_) lane.all_offered();
  return expire_heads(moment.now, effects);
}

Delivery Queue::take(const Head& head, Channel& channel, Consumer* consumer, bool no_ack, BatchNumber batch) {
  Lane& lane = lanes_[head.lane];
  QueueLog& log = lane.log();
  Delivery delivery;
  delivery.consumer = consumer == nullptr ? 0 : consumer->id;
  delivery.first_tag = channel.next_tag++;
  delivery.delivery_count = log.delivery_count(head.seq);
  delivery.redelivered =
      delivery.delivery_count > 0 || log.maybe_delivered(head.seq) || head.at.fragment->retried(head.at.index);
  delivery.first_index = head.at.index;
  delivery.count = 1;
  delivery.after = std::max(head.at.fragment->batch(), log.mark_delivered(head.seq, batch));
  delivery.body = head.body;
  const std::size_t record_bytes = head.at.fragment->record_bytes(head.at.index);
  channel.connection->bytes -= static_cast<std::int64_t>(record_bytes + (head.body ? head.body->size() : 0));
  lane.take(head.seq);
  const Fragment& fragment = *head.at.fragment;
  const std::uint32_t body_bytes = fragment.body_bytes(head.at.index);
  if (no_ack) {
    delivery.fragment = head.at.fragment->shared_from_this();  // before it may leave the log
    lane.remove_taken(head.seq, body_bytes);
  } else {
    unacked_bytes_ += body_bytes;
    ++channel.held;
    channel.outstanding.push_back({delivery.first_tag, log.id(), head.seq, delivery.consumer, 1, body_bytes,
                                   fragment.expires_at(head.at.index).value_or(Timestamp::max())});
  }
  return delivery;
}

void Queue::deliver(Consumer& consumer, const Head& head, BatchNumber batch, QueueEffects& effects) {
  Delivery delivery = take(head, *consumer.channel, &consumer, consumer.no_ack, batch);
  if (!consumer.no_ack) {
    --consumer.credit;
    ++consumer.channel->unacked;
  }
  if (!effects.deliveries.empty() && delivery.body == nullptr) {
    Delivery& last = effects.deliveries.back();
    if (last.consumer == consumer.id && last.body == nullptr && last.fragment.get() == head.at.fragment &&
        last.first_index + last.count == delivery.first_index && last.first_tag + last.count == delivery.first_tag &&
        last.redelivered == delivery.redelivered && last.delivery_count == delivery.delivery_count) {
      ++last.count;
      last.after = std::max(last.after, delivery.after);
      return;
    }
  }
  if (delivery.fragment == nullptr) delivery.fragment = head.at.fragment->shared_from_this();
  effects.deliveries.push_back(std::move(delivery));
}

void Queue::answer(const Head& head, BatchNumber batch, QueueEffects& effects) {
  const Fetch fetch = fetches_.front();
  fetches_.pop_front();
  --fetch.channel->fetches;
  Fetched fetched;
  fetched.request = fetch.request;
  if (head.seq != 0) {
    fetched.delivery = take(head, *fetch.channel, nullptr, fetch.no_ack, batch);
    if (fetched.delivery.fragment == nullptr) fetched.delivery.fragment = head.at.fragment->shared_from_this();
    fetched.left = ready();
  }
  effects.fetched.push_back(std::move(fetched));
}

}  // namespace escrow::broker
