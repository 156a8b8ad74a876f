// The stream Consume: a consumer of one queue. Deliveries leave the engine's thread as references to pages; whoever writes
// turns them into frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "broker/api/credit_window.h"
#include "escrow/v1/broker.pb.h"
#include "rpc/stream.h"

namespace escrow::broker::api {

class ConsumeStream final : public rpc::Stream {
 public:
  ConsumeStream(rpc::CallQueue& queue, const rpc::StreamParts& parts) : Stream(queue, parts) {}

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;
  void deliver(const Delivery& delivery) override;
  void consumer_cancelled(ConsumerId consumer) override;

 private:
  Result<void> on_frame(const grpc::ByteBuffer& frame) override;
  Result<void> open(v1::ConsumeRequest::Open& open);
  Result<void> grant(std::uint32_t credit);
  Result<void> settle(const v1::ConsumeRequest::Settle& settle);
  void pass_credit_on();  // mutex held

  void hand_over() override;
  bool take_output() override;
  grpc::ByteBuffer encode_output() override;
  void drop_output() override;
  std::size_t output_bytes() const override { return unwritten_bytes_; }
  void output_moved() override { pass_credit_on(); }

  std::string vhost_;  // written before the first delivery
  bool open_ = false;  // of the thread that reads

  // Of the engine's thread, until the next flush.
  std::vector<Delivery> gathered_;
  ConsumerId new_consumer_ = 0;

  // Guarded by the mutex.
  CreditWindow window_{false};
  ConsumerId consumer_ = 0;  // 0: the engine has not answered yet
  std::deque<Delivery> unwritten_;
  std::size_t unwritten_messages_ = 0;
  std::size_t unwritten_bytes_ = 0;

  std::vector<Delivery> taken_;  // between take_output and encode_output
};

}  // namespace escrow::broker::api
