#include "client/cpp/consumer.h"

#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/status.h"
#include "client/cpp/internal/stream_loop.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {
namespace {

using Clock = std::chrono::steady_clock;
using Settle = v1::ConsumeRequest::Settle;

/// How long the server may take to see the end of the stream before it is broken off.
constexpr std::chrono::milliseconds kFarewell{2000};
constexpr std::uint32_t kMaxCredit = 65535;

v1::ConsumeRequest::Outcome to_proto(Settlement settlement) {
  switch (settlement) {
    case Settlement::kAck:
      return v1::ConsumeRequest::OUTCOME_ACK;
    case Settlement::kReject:
      return v1::ConsumeRequest::OUTCOME_REJECT;
    case Settlement::kRequeue:
      return v1::ConsumeRequest::OUTCOME_REQUEUE;
  }
  return v1::ConsumeRequest::OUTCOME_REQUEUE;
}

/// Settlements of one outcome and reason that follow each other, waiting to go out as one.
class SettleRun {
 public:
  bool empty() const { return count() == 0; }
  std::uint64_t count() const { return first_tag_ == 0 ? 0 : last_tag_ - first_tag_ + 1; }
  bool takes(std::uint64_t tag, const DeliveryOutcome& outcome) const {
    return empty() ||
           (outcome.settlement == outcome_.settlement && outcome.reason == outcome_.reason && tag == last_tag_ + 1);
  }
  void add(std::uint64_t tag, DeliveryOutcome outcome, Clock::time_point now) {
    if (empty()) {
      first_tag_ = tag;
      outcome_ = std::move(outcome);
      since_ = now;
    }
    last_tag_ = tag;
  }
  Clock::time_point since() const { return since_; }

  v1::ConsumeRequest take() {
    v1::ConsumeRequest request;
    request.mutable_settle()->set_outcome(to_proto(outcome_.settlement));
    request.mutable_settle()->set_reason(internal::audit_reason(outcome_.reason));
    request.mutable_settle()->set_first_tag(first_tag_);
    request.mutable_settle()->set_last_tag(last_tag_);
    *this = {};
    return request;
  }

 private:
  std::uint64_t first_tag_ = 0;  // tags count from 1
  std::uint64_t last_tag_ = 0;
  DeliveryOutcome outcome_ = Settlement::kAck;
  Clock::time_point since_;
};

}  // namespace

class Consumer::Impl {
 public:
  Impl(std::shared_ptr<internal::Connection> connection, ConsumerOptions options, DeliveryHandler handler)
      : connection_(std::move(connection)),
        options_(std::move(options)),
        handler_(std::move(handler)),
        failure_pauses_(connection_->make_backoff()),
        loop_(connection_, [this](grpc::ClientContext& context) { return session(context); }) {
    loop_.start();
  }

  ~Impl() { stop(); }

  StreamHealth health() const { return loop_.health(); }

  void stop() {
    loop_.request_stop();
    {
      std::unique_lock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
      if (!handling_) end_writing();
      changed_.wait(lock, [&] { return stream_ == nullptr; });
    }
    // Breaking off at once could overtake the last settlements.
    if (loop_.health().connected) loop_.wait_finished(kFarewell);
    loop_.stop();
  }

 private:
  using Stream = grpc::ClientReaderWriterInterface<v1::ConsumeRequest, v1::ConsumeResponse>;

  /// Runs on the loop's thread, as all below.
  Error session(grpc::ClientContext& context) {
    const auto stream = connection_->broker().Consume(&context);
    settled_ = {};
    {
      const std::lock_guard lock(mutex_);
      stream_ = stream.get();
    }
    write(open_request());
    if (connection_->is_ready()) loop_.mark_connected();
    v1::ConsumeResponse response;
    while (stream->Read(&response)) {
      loop_.mark_useful();
      begin_handling();
      for (auto& delivery : *response.mutable_deliveries()) {
        if (loop_.stopping()) break;
        handle(std::move(delivery));
      }
      flush();
      end_handling();
    }
    {
      const std::lock_guard lock(mutex_);
      stream_ = nullptr;
      changed_.notify_all();
    }
    const grpc::Status status = stream->Finish();
    return status.ok() ? internal::local_error(ErrorCode::kUnavailable, "the server ended the stream of deliveries")
                       : internal::to_error(status);
  }

  v1::ConsumeRequest open_request() const {
    v1::ConsumeRequest request;
    request.mutable_open()->set_vhost(options_.vhost);
    request.mutable_open()->set_queue(options_.queue);
    request.mutable_open()->set_credit(std::clamp(options_.prefetch, 1u, kMaxCredit));
    request.mutable_open()->set_auto_credit(true);
    return request;
  }

  void handle(v1::ConsumeResponse::Delivery&& proto) {
    const std::uint64_t tag = proto.tag();
    Delivery delivery{.message = internal::from_proto(std::move(*proto.mutable_message())),
                      .redelivered = proto.redelivered(),
                      .delivery_count = proto.delivery_count(),
                      .attempt = proto.attempt(),
                      .last_failure_reason = proto.last_failure_reason()};
    if (proto.has_first_failure_time()) delivery.first_failure_time = internal::from_proto(proto.first_failure_time());
    DeliveryOutcome outcome = ask_handler(delivery);
    const auto now = Clock::now();
    if (!settled_.takes(tag, outcome)) flush();
    settled_.add(tag, std::move(outcome), now);
    // Half of the window: the server can go on sending while the rest is handled.
    if (settled_.count() * 2 >= options_.prefetch || now - settled_.since() >= options_.settle_delay) flush();
  }

  DeliveryOutcome ask_handler(const Delivery& delivery) {
    try {
      DeliveryOutcome outcome = handler_(delivery);
      failure_pauses_.reset();
      return outcome;
    } catch (const std::exception& e) {
      return failed(e.what());
    } catch (...) {
      return failed({});
    }
  }

  /// Most queues would bring the message back at once, and again.
  DeliveryOutcome failed(std::string why) {
    flush();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, failure_pauses_.next(), [&] { return stopping_; });
    return {Settlement::kRequeue, std::move(why)};
  }

  void flush() {
    if (!settled_.empty()) write(settled_.take());
  }

  void write(const v1::ConsumeRequest& request) {
    const std::lock_guard lock(mutex_);
    if (stream_ != nullptr) stream_->Write(request);  // a failure shows in Read() as well
  }

  void begin_handling() {
    const std::lock_guard lock(mutex_);
    handling_ = true;
  }

  void end_handling() {
    const std::lock_guard lock(mutex_);
    handling_ = false;
    if (stopping_) end_writing();
  }

  /// With mutex_ held. The server ends the stream when it has read everything.
  void end_writing() {
    if (stream_ != nullptr) stream_->WritesDone();
    stream_ = nullptr;
    changed_.notify_all();
  }

  const std::shared_ptr<internal::Connection> connection_;
  const ConsumerOptions options_;
  const DeliveryHandler handler_;
  SettleRun settled_;                 // of the loop's thread
  internal::Backoff failure_pauses_;  // of the loop's thread

  std::mutex mutex_;
  std::condition_variable changed_;
  Stream* stream_ = nullptr;  // while it can be written to
  bool handling_ = false;
  bool stopping_ = false;

  internal::StreamLoop loop_;  // last: its thread uses all of the above
};

Consumer::Consumer(const Client& client, ConsumerOptions options, DeliveryHandler handler)
    : impl_(std::make_unique<Impl>(client.connection(), std::move(options), std::move(handler))) {}

Consumer::~Consumer() = default;

void Consumer::stop() { impl_->stop(); }

StreamHealth Consumer::health() const { return impl_->health(); }

}  // namespace escrow::client
