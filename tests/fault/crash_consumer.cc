#include "tests/fault/crash_consumer.h"

#include <algorithm>

namespace escrow::crash {

CrashConsumer::CrashConsumer(Life& life, const ConsumerHabits& habits, Random random)
    : life_(life), habits_(habits), random_(random), thread_([this] { run(); }) {}

void CrashConsumer::set_draining(bool draining) {
  const std::scoped_lock lock(mutex_);
  draining_ = draining;
  if (draining_) settle(held_.size());
}

void CrashConsumer::run() {
  while (!life_.ending() && !life_.finished()) run_stream();
}

void CrashConsumer::run_stream() {
  grpc::ClientContext context;
  life_.connection().authorize(context);
  const Life::Cancellable cancellable(life_, context);
  const auto stream = life_.broker().Consume(&context);
  v1::ConsumeRequest open;
  open.mutable_open()->set_queue(kQueueNames[habits_.queue]);
  open.mutable_open()->set_credit(habits_.prefetch);
  open.mutable_open()->set_auto_credit(true);
  stream->Write(open);
  {
    const std::scoped_lock lock(mutex_);
    id_ = life_.messages().new_stream();
    last_tag_ = settled_count_ = 0;
    held_.clear();
    settled_.clear();
    stream_ = stream.get();
  }
  v1::ConsumeResponse response;
  bool leaving = false;
  while (stream->Read(&response)) {
    // The server may already have given to others what this stream still brings.
    if (leaving || life_.ending()) continue;
    handle(response);
    const std::scoped_lock lock(mutex_);
    leaving = !draining_ && random_.chance(habits_.leave);
    if (!leaving) continue;
    life_.messages().stream_ended(id_);
    stream_ = nullptr;
    stream->WritesDone();
  }
  const Life::Answer end = life_.judge(stream->Finish(), "Consume");
  const std::scoped_lock lock(mutex_);
  stream_ = nullptr;
  life_.messages().stream_ended(id_);
  // It read everything before it ended the stream.
  if (leaving && end == Life::Answer::kOk) note_applied(settled_count_);
}

void CrashConsumer::handle(const v1::ConsumeResponse& response) {
  for (const auto& delivery : response.deliveries()) handle(delivery);
  const std::scoped_lock lock(mutex_);
  // Mostly not all: what is held when the server dies must come back.
  settle(draining_ ? held_.size() : random_.below(held_.size() + 1));
  // Lest the window is full of what is held, and nothing comes that would settle it.
  if (held_.size() * 2 > habits_.prefetch) settle(held_.size());
}

void CrashConsumer::handle(const v1::ConsumeResponse::Delivery& delivery) {
  const auto queue_name = std::string(kQueueNames[habits_.queue]);
  const std::scoped_lock lock(mutex_);
  if (delivery.tag() != ++last_tag_) {
    life_.findings().add(queue_name + " gave tag " + std::to_string(delivery.tag()) + " after " +
                         std::to_string(last_tag_ - 1));
    last_tag_ = delivery.tag();
  }
  if (last_tag_ > habits_.prefetch) note_applied(last_tag_ - habits_.prefetch);
  if (last_tag_ > habits_.prefetch + settled_count_) {
    life_.findings().add(queue_name + " delivered more than it had credit for");
  }
  const std::optional<Uid> uid = read_message(delivery.message());
  if (!uid) {
    life_.findings().add(queue_name + " delivered a damaged message, '" + delivery.message().properties().message_id() +
                         "'");
  } else {
    const TransactionIndex transaction = life_.messages().delivered(habits_.queue, id_, *uid, delivery.redelivered());
    if (transaction != kNoTransaction) life_.transactions().seen_delivered(transaction);
  }
  if (delivery.delivery_count() > 0 && !delivery.redelivered()) {
    life_.findings().add(queue_name + " delivered a message that came back, without a flag");
  }
  held_.push_back({delivery.tag(), uid.value_or(0)});
}

void CrashConsumer::settle(std::size_t count) {
  if (stream_ == nullptr) return;
  while (count > 0) {
    const v1::ConsumeRequest::Outcome outcome = choose();
    const bool gone = outcome != v1::ConsumeRequest::OUTCOME_REQUEUE;
    const std::size_t run = outcome == v1::ConsumeRequest::OUTCOME_ACK ? 1 + random_.below(count) : 1;
    const std::uint64_t first_tag = held_.front().tag;
    std::uint64_t last_tag = first_tag;
    std::vector<Uid> uids;
    for (std::size_t i = 0; i < run; ++i) {
      last_tag = held_.front().tag;
      uids.push_back(held_.front().uid);
      held_.pop_front();
      life_.messages().settling(habits_.queue, uids.back(), gone);
    }
    count -= run;
    settled_count_ += run;
    if (!gone) uids.clear();
    settled_.push_back({settled_count_, std::move(uids)});
    write_settle(outcome, first_tag, last_tag);
  }
}

void CrashConsumer::write_settle(v1::ConsumeRequest::Outcome outcome, std::uint64_t first_tag, std::uint64_t last_tag) {
  v1::ConsumeRequest request;
  request.mutable_settle()->set_outcome(outcome);
  request.mutable_settle()->set_first_tag(first_tag);
  request.mutable_settle()->set_last_tag(last_tag);
  stream_->Write(request);  // that it broke shows in Read as well
}

void CrashConsumer::note_applied(std::uint64_t count) {
  while (!settled_.empty() && settled_.front().count <= count) {
    life_.messages().applied(habits_.queue, settled_.front().gone);
    settled_.pop_front();
  }
}

v1::ConsumeRequest::Outcome CrashConsumer::choose() {
  const double draw = draining_ ? 1 : random_.fraction();
  if (draw < habits_.requeue) return v1::ConsumeRequest::OUTCOME_REQUEUE;
  if (draw < habits_.requeue + habits_.reject) return v1::ConsumeRequest::OUTCOME_REJECT;
  return v1::ConsumeRequest::OUTCOME_ACK;
}

}  // namespace escrow::crash
