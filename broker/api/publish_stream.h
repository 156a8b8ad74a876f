// The stream PublishStream: frames of messages in, frames of outcomes out, one for each and in the same
// order.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "broker/api/publish_frame.h"
#include "rpc/frame_stream.h"

namespace escrow::broker::api {

class PublishStream final : public rpc::FrameStream {
 public:
  PublishStream(rpc::CallQueue& queue, const rpc::StreamParts& parts, std::size_t max_body_bytes)
      : FrameStream(queue, parts), max_body_bytes_(max_body_bytes) {}

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;

 private:
  /// A frame whose outcomes have not been sent, because they or those of one before it are not known.
  struct Pending {
    std::shared_ptr<PublishFrame> frame;
    bool complete = false;
  };

  Result<void> on_frame(const grpc::ByteBuffer& frame) override;
  void hand_over() override;
  void complete(const PublishFrame* frame);  // mutex held

  const std::size_t max_body_bytes_;
  std::deque<Pending> pending_;                // guarded by the mutex
  std::vector<const PublishFrame*> answered_;  // since the last flush; of the engine's thread
};

}  // namespace escrow::broker::api
