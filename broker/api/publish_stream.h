// The stream PublishStream: frames of messages in, frames of outcomes out, one for each and in the same order.
#pragma once

#include <cstddef>
#include <vector>

#include "broker/api/outcome_order.h"
#include "broker/api/publish_frame.h"
#include "rpc/frame_stream.h"

namespace escrow::broker::api {

class PublishStream final : public rpc::FrameStream {
 public:
  PublishStream(rpc::CallQueue& queue, const rpc::StreamParts& parts, std::size_t max_body_bytes)
      : FrameStream(queue, parts), max_body_bytes_(max_body_bytes) {}

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;

 private:
  Result<void> on_frame(const grpc::ByteBuffer& frame) override;
  void hand_over() override;
  std::size_t output_bytes() const override { return FrameStream::output_bytes() + order_.waiting_bytes(); }

  const std::size_t max_body_bytes_;
  OutcomeOrder order_;                         // guarded by the mutex
  std::vector<const PublishFrame*> answered_;  // since the last flush; of the engine's thread
};

}  // namespace escrow::broker::api
