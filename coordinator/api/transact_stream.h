// The stream Transact: frames of operations in, results as they come out.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "escrow/v1/coordinator.pb.h"
#include "rpc/frame_stream.h"
#include "rpc/message_codec.h"

namespace escrow::coordinator::api {

class TransactStream final : public rpc::FrameStream {
 public:
  TransactStream(rpc::CallQueue& queue, const rpc::StreamParts& parts, std::size_t max_body_bytes)
      : FrameStream(queue, parts), max_body_bytes_(max_body_bytes) {}

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;

 private:
  /// The operations of one frame that the engine has. Made by the thread that reads, then touched by the engine's thread
  /// alone, which deletes it with the last answer. The request number of a command is the address of its Operation.
  struct Frame;
  struct Operation {
    Frame* frame = nullptr;
    std::uint64_t tag = 0;
    v1::TransactRequest::Operation::KindCase kind = v1::TransactRequest::Operation::KIND_NOT_SET;
  };
  struct Frame {
    std::vector<Operation> operations;
    std::size_t unanswered = 0;
  };

  Result<void> on_frame(const grpc::ByteBuffer& frame) override;
  void refuse(const std::vector<Operation>& operations, const Error& error);

  const std::size_t max_body_bytes_;
  v1::TransactResponse one_result_;  // of the engine's thread, which makes one after the other
};

}  // namespace escrow::coordinator::api
