// The stream Checkbacks: a producer group's open line, on which the server asks.
#pragma once

#include "escrow/v1/coordinator.pb.h"
#include "rpc/frame_stream.h"

namespace escrow::coordinator::api {

class CheckbacksStream final : public rpc::FrameStream {
 public:
  CheckbacksStream(rpc::CallQueue& queue, const rpc::StreamParts& parts) : FrameStream(queue, parts) {}

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;
  void check(const engine::Check& check) override;

 private:
  Result<void> on_frame(const grpc::ByteBuffer& frame) override;
  Result<void> open(const v1::CheckbacksRequest::Open& open);

  bool open_sent_ = false;  // of the thread that reads
};

}  // namespace escrow::coordinator::api
