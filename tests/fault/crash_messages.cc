#include "tests/fault/crash_messages.h"

#include <utility>

namespace escrow::crash {

StreamId MessageLedger::new_stream() {
  const std::scoped_lock lock(mutex_);
  return next_stream_++;
}

PublisherId MessageLedger::new_publisher() {
  const std::scoped_lock lock(mutex_);
  return next_publisher_++;
}

Uid MessageLedger::add(std::uint8_t route, const char* kind, PublisherId publisher, TransactionIndex transaction) {
  const auto round = static_cast<std::uint16_t>(findings_.round());
  const std::scoped_lock lock(mutex_);
  const auto uid = static_cast<Uid>(records_.size());
  QueueSet queues = kRoutes[route].queues;
  // What was promised to be delivered is not thrown away; what was only published is.
  if (queues == 0 && transaction != kNoTransaction) queues = set_of(kParked);
  records_.push_back({kind, publisher, transaction, round, route, queues, Visibility::kForbidden, {}});
  if (queues != 0) active_.push_back(uid);
  ++counts_.messages;
  return uid;
}

void MessageLedger::allow(Uid uid) {
  const std::scoped_lock lock(mutex_);
  if (records_[uid].visibility == Visibility::kForbidden) records_[uid].visibility = Visibility::kPossible;
}

void MessageLedger::due(Uid uid) {
  const std::scoped_lock lock(mutex_);
  records_[uid].visibility = Visibility::kDue;
}

void MessageLedger::forbid(Uid uid) {
  const std::scoped_lock lock(mutex_);
  records_[uid].visibility = Visibility::kForbidden;
  for (std::size_t queue = 0; queue < kQueues; ++queue) {
    if (!records_[uid].states[queue].delivered) continue;
    findings_.add(text(uid) + " was delivered from " + kQueueNames[queue] + " before it was refused or rolled back");
  }
}

TransactionIndex MessageLedger::delivered(Queue queue, StreamId stream, Uid uid, bool redelivered) {
  const std::scoped_lock lock(mutex_);
  ++counts_.deliveries;
  if (redelivered) ++counts_.redeliveries;
  if (uid >= records_.size()) {
    findings_.add(std::string(kQueueNames[queue]) + " delivered a message that was never made");
    return kNoTransaction;
  }
  check_delivery(queue, stream, uid, redelivered);
  if (queue == kOrdered) check_order(stream, uid);
  Record& record = records_[uid];
  State& state = record.states[queue];
  state.delivered = true;
  state.holder = stream;
  state.gone_sent = false;
  // What was delivered exists: from now on it must not get lost.
  if (record.visibility == Visibility::kPossible) record.visibility = Visibility::kDue;
  return record.transaction;
}

void MessageLedger::check_delivery(Queue queue, StreamId stream, Uid uid, bool redelivered) {
  const Record& record = records_[uid];
  const State& state = record.states[queue];
  const auto wrong = [&](const std::string& why) {
    findings_.add(std::string(kQueueNames[queue]) + " delivered " + text(uid) + " on stream " + std::to_string(stream) +
                  (redelivered ? ", flagged redelivered: " : ": ") + why);
  };
  if ((record.queues & set_of(queue)) == 0) wrong("it was not routed there");
  if (record.visibility == Visibility::kForbidden) wrong("it was never sent, or refused, undecided or rolled back");
  if (state.gone) wrong("its ack was durable");
  if (state.delivered && !redelivered) wrong("it was delivered before, without a flag now");
  const bool holder_lives = state.holder >= first_stream_of_life_ && !ended_.contains(state.holder);
  if (state.holder != 0 && holder_lives) {
    wrong((state.gone_sent ? "it was acked on stream " : "it is held by stream ") + std::to_string(state.holder) +
          ", which is open");
  }
}

void MessageLedger::check_order(StreamId stream, Uid uid) {
  const PublisherId publisher = records_[uid].publisher;
  if (publisher == 0) return;
  const auto [last, first_of_publisher] = last_in_order_.try_emplace(publisher, uid);
  if (!first_of_publisher && last->second >= uid) {
    findings_.add(std::string(kQueueNames[kOrdered]) + " delivered " + text(uid) + " after " + text(last->second) +
                  " on stream " + std::to_string(stream));
  }
  last->second = uid;
}

void MessageLedger::settling(Queue queue, Uid uid, bool gone) {
  const std::scoped_lock lock(mutex_);
  if (uid >= records_.size()) return;
  State& state = records_[uid].states[queue];
  state.gone_sent = gone;
  if (!gone) state.holder = 0;
}

void MessageLedger::applied(Queue queue, const std::vector<Uid>& gone) {
  const std::scoped_lock lock(mutex_);
  const Instant now = std::chrono::steady_clock::now();
  for (const Uid uid : gone) applied_.push_back({now, queue, uid});
}

void MessageLedger::durable_answer(Instant sent) {
  const std::scoped_lock lock(mutex_);
  while (!applied_.empty() && applied_.front().at < sent) {
    records_[applied_.front().uid].states[applied_.front().queue].gone = true;
    applied_.pop_front();
    ++counts_.durable_acks;
  }
}

void MessageLedger::all_applied() {
  const std::scoped_lock lock(mutex_);
  const Instant now = std::chrono::steady_clock::now();
  for (const Uid uid : active_) {
    for (std::size_t queue = 0; queue < kQueues; ++queue) {
      const State& state = records_[uid].states[queue];
      if (state.gone_sent && !state.gone) applied_.push_back({now, static_cast<Queue>(queue), uid});
    }
  }
}

void MessageLedger::stream_ended(StreamId stream) {
  const std::scoped_lock lock(mutex_);
  ended_.insert(stream);
}

void MessageLedger::begin_life() {
  const std::scoped_lock lock(mutex_);
  ended_.clear();
  last_in_order_.clear();
  first_stream_of_life_ = next_stream_;
}

void MessageLedger::end_life(bool orderly) {
  if (orderly) durable_answer(Instant::max());
  const std::scoped_lock lock(mutex_);
  applied_.clear();
}

bool MessageLedger::finished(const Record& record) {
  for (std::size_t queue = 0; queue < kQueues; ++queue) {
    if ((record.queues >> queue & 1) != 0 && !record.states[queue].gone) return false;
  }
  return true;
}

template <class Visit>
void MessageLedger::visit_active(Queue queue, Visit&& visit) {
  std::erase_if(active_, [&](Uid uid) { return finished(records_[uid]); });
  for (const Uid uid : active_) {
    const Record& record = records_[uid];
    if ((record.queues & set_of(queue)) != 0) visit(uid, record.visibility, record.states[queue]);
  }
}

MessageLedger::Bounds MessageLedger::bounds(Queue queue) {
  const std::scoped_lock lock(mutex_);
  Bounds bounds;
  visit_active(queue, [&](Uid, Visibility visibility, const State& state) {
    if (visibility == Visibility::kDue && !state.gone_sent) ++bounds.low;
    if (visibility != Visibility::kForbidden && !state.gone) ++bounds.high;
  });
  return bounds;
}

std::vector<Uid> MessageLedger::outstanding(Queue queue) {
  const std::scoped_lock lock(mutex_);
  std::vector<Uid> uids;
  visit_active(queue, [&](Uid uid, Visibility visibility, const State& state) {
    if (visibility == Visibility::kDue && !state.gone_sent) uids.push_back(uid);
  });
  return uids;
}

std::string MessageLedger::text(Uid uid) const {
  const Record& record = records_[uid];
  const Route& route = kRoutes[record.route];
  std::string out = "message " + std::to_string(uid) + " (" + record.kind + " of round " + std::to_string(record.round);
  if (record.transaction != kNoTransaction) out += ", transaction t" + std::to_string(record.transaction);
  if (record.publisher != 0) out += ", publisher " + std::to_string(record.publisher);
  return out + ", to '" + route.exchange + "' with key '" + route.key + "')";
}

std::string MessageLedger::describe(Uid uid) const {
  const std::scoped_lock lock(mutex_);
  return text(uid);
}

MessageLedger::Counts MessageLedger::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

}  // namespace escrow::crash
