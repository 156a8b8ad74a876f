#include "tests/sim/model/consumers.h"

#include <algorithm>

#include "broker/core/broker.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {

namespace {
/// Settlements of more messages than this are done in steps, so that nobody can say in which batch each is.
constexpr std::size_t kSettledAtOnce = broker::Queue::kMaxStep - 1;
}  // namespace

Consumer* Consumers::find(broker::ConsumerId id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &consumers_[it->second];
}

std::optional<std::uint32_t> Consumers::asked(PortNumber port, const engine::Consume& body, Queue* queue) {
  if (queue == nullptr) return std::nullopt;
  Consumer& consumer = consumers_.emplace_back();
  consumer.port = port;
  consumer.queue = queue;
  consumer.auto_credit = body.auto_credit;
  consumer.credit = body.credit;
  ++queue->consumers;
  ++queue->attached;
  queue->returned.clear();
  return static_cast<std::uint32_t>(consumers_.size() - 1);
}

void Consumers::answered(std::uint32_t number, broker::ConsumerId id) {
  verdict_.require(by_id_.emplace(id, number).second, "two consumers have the id ", id);
}

std::optional<ErrorCode> Consumers::asked(const engine::GrantCredit& body) {
  Consumer* consumer = find(body.consumer);
  if (consumer == nullptr || consumer->ended) return ErrorCode::kNotFound;
  if (consumer->credit + body.credit > broker::Broker::kMaxCredit) return ErrorCode::kInvalidArgument;
  consumer->credit += body.credit;
  return std::nullopt;
}

std::optional<ErrorCode> Consumers::asked(const engine::Settle& body) {
  Consumer* consumer = find(body.consumer);
  if (consumer == nullptr || consumer->ended) return ErrorCode::kNotFound;
  if (body.first == 0 || body.first > body.last || body.last > consumer->held.size()) {
    return ErrorCode::kInvalidArgument;
  }
  settle(*consumer, body);
  return std::nullopt;
}

void Consumers::settle(Consumer& consumer, const engine::Settle& body) {
  if (body.last - body.first + 1 > kSettledAtOnce) settling_lags_ = true;
  const BatchNumber batch = settling_lags_ ? kUnknownBatch : present_.building();
  for (broker::DeliveryTag tag = body.first; tag <= body.last; ++tag) {
    const CopyId id = std::exchange(consumer.held[tag - 1], kNone);
    if (id == kNone) continue;
    if (consumer.auto_credit) ++consumer.credit;
    switch (body.settlement) {
      case broker::Settlement::kAck:
        copies_.acked(id, batch);
        break;
      case broker::Settlement::kReject:
        copies_.rejected(id, batch);
        break;
      case broker::Settlement::kRequeue:
      case broker::Settlement::kReturn:
        return_one(*consumer.queue, id, batch);
    }
  }
}

void Consumers::return_one(Queue& queue, CopyId id, BatchNumber batch) {
  if (!copies_.returned(id, batch)) return;
  const bool foreseeable =
      batch != kUnknownBatch && queue.consumers == 1 && queue.purging.empty() && !copies_[id].mortal();
  if (foreseeable) queue.returned[copies_[id].place] = batch;
}

void Consumers::delivered(PortNumber port, const broker::Delivery& delivery) {
  const auto it = by_id_.find(delivery.consumer);
  if (!verdict_.require(it != by_id_.end(), "a delivery to a consumer that does not exist")) return;
  Consumer& consumer = consumers_[it->second];
  verdict_.require(consumer.port == port, "a delivery to somebody else's port");
  verdict_.require(!consumer.cancelled, "a delivery to a consumer that was cancelled");
  verdict_.require(delivery.first_tag == consumer.held.size() + 1, "delivery tag ", delivery.first_tag, " after ",
                   consumer.held.size());
  verdict_.require(delivery.after <= present_.synced, "a delivery left before batch ", delivery.after, " was durable");
  verdict_.require(delivery.fragment->batch() <= present_.synced, "a delivery left before batch ",
                   delivery.fragment->batch(), " with its messages was durable");
  for (std::uint32_t i = 0; i < delivery.count && verdict_.ok(); ++i) {
    deliver_one(it->second, delivery, i);
  }
}

void Consumers::deliver_one(std::uint32_t number, const broker::Delivery& delivery, std::uint32_t index) {
  Consumer& consumer = consumers_[number];
  const MessageView message = delivery.message(index);
  const broker::Seq place = delivery.fragment->first() + delivery.first_index + index;
  const std::optional<Token> token = catalog_.find(message.body);
  if (!verdict_.require(token && catalog_.is_body_of(*token, message.body), "a body was delivered that nobody sent")) {
    return;
  }
  trace_.add("delivery of ", *token, " from place ", place, " of '", consumer.queue->name, "' to consumer ",
             delivery.consumer, delivery.redelivered ? " again" : "", consumer.ended ? " (ended)" : "");
  check_time(consumer, delivery, index);
  if (consumer.ended) {
    const CopyId id = copies_.delivered_too_late(*token, consumer.queue, place);
    if (id != kNone) copies_.check_content(id, message);
    consumer.held.push_back(kNone);
    return;
  }
  verdict_.require(consumer.credit > 0, "consumer ", delivery.consumer, " of '", consumer.queue->name,
                   "' got more than it had credit for");
  --consumer.credit;
  const CopyId id =
      copies_.delivered(*token, consumer.queue, place, number, delivery.redelivered, delivery.delivery_count);
  consumer.held.push_back(id);
  consumer.queue->returned.erase(place);
  if (id != kNone) copies_.check_content(id, message);
  if (id != kNone && !delivery.redelivered) check_order(consumer, copies_[id]);
}

/// It was taken out of its queue before its time was over: that was not before the oldest effects were made that are on
/// their way now. With no time at all it may go to a consumer that takes it at once.
void Consumers::check_time(const Consumer& consumer, const broker::Delivery& delivery, std::uint32_t index) {
  const broker::Fragment& fragment = *delivery.fragment;
  std::optional<Timestamp> end = fragment.expires_at(delivery.first_index + index);
  if (const auto& ttl = consumer.queue->rules.ttl)
    end = std::min(end.value_or(fragment.time() + *ttl), fragment.time() + *ttl);
  if (!end || *end <= fragment.time()) return;
  verdict_.require(*end > present_.effects_since(), "place ", fragment.first() + delivery.first_index + index, " of '",
                   consumer.queue->name, "' was delivered after its time was over");
}

/// What comes for the first time comes in the order of the queue. What came back takes its old place: it goes before what
/// was published later. Nobody can say when another consumer was given what it was not told of yet, so that holds for one.
void Consumers::check_order(Consumer& consumer, const Copy& copy) {
  verdict_.require(consumer.last_first < copy.place, describe(copy, catalog_), " was delivered after a later one");
  consumer.last_first = copy.place;
  if (copy.batch == 0 || consumer.queue->returned.empty()) return;
  const auto& [place, ready_in] = *consumer.queue->returned.begin();
  verdict_.require(place > copy.place || ready_in >= copy.batch, describe(copy, catalog_),
                   " was delivered before that at place ", place, ", which had come back earlier");
}

void Consumers::cancelled(PortNumber port, broker::ConsumerId id) {
  Consumer* consumer = find(id);
  if (!verdict_.require(consumer != nullptr && consumer->port == port, "the cancel of a consumer nobody knows")) return;
  verdict_.require(consumer->ended && !consumer->cancelled, "consumer ", id, " was cancelled for no reason");
  consumer->cancelled = true;
}

void Consumers::port_closed(PortNumber port) {
  for (std::size_t i = first_of_life_; i < consumers_.size(); ++i) {
    Consumer& consumer = consumers_[i];
    if (consumer.port != port || consumer.ended) continue;
    consumer.ended = true;
    --consumer.queue->consumers;
    ++consumer.queue->ended;
    consumer.queue->returned.clear();
    for (CopyId& id : consumer.held) {
      if (id != kNone) copies_.returned(std::exchange(id, kNone), kUnknownBatch);
    }
  }
}

void Consumers::queue_deleted(const Queue* queue) {
  for (std::size_t i = first_of_life_; i < consumers_.size(); ++i) {
    if (consumers_[i].queue == queue) consumers_[i].ended = true;
  }
}

void Consumers::crashed() {
  first_of_life_ = consumers_.size();
  by_id_.clear();
  settling_lags_ = false;
}

}  // namespace escrow::sim::model
