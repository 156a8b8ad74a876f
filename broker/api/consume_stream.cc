#include "broker/api/consume_stream.h"

#include <optional>
#include <utility>

#include "broker/api/broker_codec.h"
#include "broker/core/failure.h"
#include "rpc/frame.h"
#include "rpc/frame_arena.h"
#include "rpc/message_codec.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"
#include "rpc/utf8.h"

namespace escrow::broker::api {
namespace {

/// Other commands of the stream are answered only when they fail.
constexpr std::uint64_t kOpen = 1;
constexpr std::size_t kMaxMessagesPerFrame = 1000;

std::optional<Settlement> to_model(v1::ConsumeRequest::Outcome outcome) {
  switch (outcome) {
    case v1::ConsumeRequest::OUTCOME_ACK:
      return Settlement::kAck;
    case v1::ConsumeRequest::OUTCOME_REJECT:
      return Settlement::kReject;
    case v1::ConsumeRequest::OUTCOME_REQUEUE:
      return Settlement::kRequeue;
    default:
      return std::nullopt;
  }
}

/// The first `count` of a delivery, which keeps the rest.
Delivery split(Delivery& delivery, std::uint32_t count) {
  Delivery front = delivery;
  front.count = count;
  delivery.first_tag += count;
  delivery.first_index += count;
  delivery.count -= count;
  return front;
}

void tell_attempt(const Delivery& delivery, std::uint32_t index, v1::ConsumeResponse::Delivery& out) {
  out.set_attempt(1);
  if (!delivery.retried(index)) return;
  const FailureTold told = failure_told(delivery.message(index).properties);
  out.set_attempt(told.retries + 1);
  rpc::to_proto(told.first_time, *out.mutable_first_failure_time());
  out.set_last_failure_reason(rpc::to_utf8(told.last_reason));
}

}  // namespace

Result<void> ConsumeStream::on_frame(const grpc::ByteBuffer& bytes) {
  rpc::FrameArena arena;
  auto& request = arena.make<v1::ConsumeRequest>();
  if (auto parsed = rpc::parse(bytes, request); !parsed) return parsed;
  if (request.has_open() == open_) return rpc::malformed("the first frame must be 'open', and no other can be");
  switch (request.kind_case()) {
    case v1::ConsumeRequest::kOpen:
      return open(*request.mutable_open());
    case v1::ConsumeRequest::kCredit:
      return grant(request.credit());
    case v1::ConsumeRequest::kSettle:
      return settle(request.settle());
    case v1::ConsumeRequest::KIND_NOT_SET:
      break;
  }
  return rpc::malformed("a frame is none that this server knows");
}

Result<void> ConsumeStream::open(v1::ConsumeRequest::Open& open) {
  open_ = true;
  vhost_ = vhost_or_default(std::move(*open.mutable_vhost()));
  CreditWindow::Portion portion;
  {
    const std::scoped_lock lock(mutex());
    window_ = CreditWindow(open.auto_credit());
    if (auto granted = window_.grant(open.credit()); !granted) return granted;
    portion = window_.take_portion(0, 0);
  }
  engine::Command command{
      this, kOpen, user(),
      engine::Consume{vhost_, std::move(*open.mutable_queue()), portion.messages, false, portion.bytes}};
  if (post({&command, 1}, 1) == Posted::kEngineFull) return engine::engine_full();
  return {};
}

Result<void> ConsumeStream::grant(std::uint32_t credit) {
  const std::scoped_lock lock(mutex());
  if (auto granted = window_.grant(credit); !granted) return granted;
  pass_credit_on();
  return {};
}

Result<void> ConsumeStream::settle(const v1::ConsumeRequest::Settle& settle) {
  const std::optional<Settlement> settlement = to_model(settle.outcome());
  if (!settlement) return rpc::malformed("outcome is not one that this server knows");
  if (settle.first_tag() == 0 || settle.first_tag() > settle.last_tag()) {
    return rpc::malformed("tags count from 1, and the first is not after the last");
  }
  if (settle.reason().size() > kMaxFailureReason) return rpc::limit_exceeded("reason_bytes", kMaxFailureReason);
  const std::scoped_lock lock(mutex());
  if (consumer_ == 0) return rpc::malformed("nothing was delivered yet that could be settled");
  post_unanswered(engine::Settle{consumer_, settle.first_tag(), settle.last_tag(), *settlement, settle.reason()});
  window_.settle(settle.first_tag(), settle.last_tag());
  pass_credit_on();
  return {};
}

void ConsumeStream::pass_credit_on() {
  if (consumer_ == 0) return;
  const CreditWindow::Portion portion = window_.take_portion(unwritten_messages_, unwritten_bytes_);
  if (portion) post_unanswered(engine::GrantCredit{consumer_, portion.messages, portion.bytes});
}

void ConsumeStream::reply(std::uint64_t request, Result<engine::Reply> reply) {
  if (request == kOpen) count_answered();
  if (!reply) return fail(reply.error());
  new_consumer_ = std::get<engine::Consuming>(*reply).consumer;
}

void ConsumeStream::deliver(const Delivery& delivery) { gathered_.push_back(delivery); }

void ConsumeStream::consumer_cancelled(ConsumerId) {
  fail({ErrorCode::kNotFound, "QUEUE_UNKNOWN", "the queue was deleted", {}});
}

void ConsumeStream::hand_over() {
  if (new_consumer_ != 0) consumer_ = std::exchange(new_consumer_, 0);
  for (Delivery& delivery : gathered_) {
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < delivery.count; ++i) bytes += delivery.bytes(i);
    window_.delivered(delivery.count, bytes);
    unwritten_messages_ += delivery.count;
    unwritten_bytes_ += bytes;
    unwritten_.push_back(std::move(delivery));
  }
  gathered_.clear();
  pass_credit_on();
}

bool ConsumeStream::take_output() {
  std::size_t bytes = 0;
  std::size_t messages = 0;
  while (!unwritten_.empty() && messages < kMaxMessagesPerFrame) {
    Delivery& next = unwritten_.front();
    std::uint32_t count = 0;
    std::size_t taken_bytes = 0;
    for (; count < next.count && messages + count < kMaxMessagesPerFrame; ++count) {
      const std::size_t size = next.bytes(count);
      if (messages + count > 0 && bytes + taken_bytes + size > rpc::kFrameBytes) break;
      taken_bytes += size;
    }
    if (count == 0) break;
    messages += count;
    bytes += taken_bytes;
    taken_.push_back(split(next, count));
    if (next.count > 0) break;
    unwritten_.pop_front();
  }
  unwritten_messages_ -= messages;
  unwritten_bytes_ -= bytes;
  return messages > 0;
}

grpc::ByteBuffer ConsumeStream::encode_output() {
  rpc::FrameArena arena;
  auto& response = arena.make<v1::ConsumeResponse>();
  for (const Delivery& delivery : taken_) {
    for (std::uint32_t i = 0; i < delivery.count; ++i) {
      v1::ConsumeResponse::Delivery& out = *response.add_deliveries();
      out.set_tag(delivery.first_tag + i);
      out.set_redelivered(delivery.redelivered);
      out.set_delivery_count(delivery.delivery_count);
      rpc::to_proto(delivery.message(i), vhost_, *out.mutable_message());
      tell_attempt(delivery, i, out);
    }
  }
  taken_.clear();
  return rpc::serialize(response);
}

void ConsumeStream::drop_output() {
  unwritten_.clear();
  unwritten_messages_ = 0;
  unwritten_bytes_ = 0;
}

}  // namespace escrow::broker::api
