// A frame of messages to publish, on its way through the engine and back.
//
//   frame     [ m0  m1  m2 ✗  m3 ────────── m4 ]           ✗ refused here: its outcome is known
//   commands  [ part 0      ][ part 1 ][ part 2 ]           each within what one apply may do
//   outcomes  [ o0  o1  o2    o3          o4 ]              complete when every part is answered
#pragma once

#include <google/protobuf/arena.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/command.h"
#include "escrow/v1/broker.pb.h"
#include "rpc/message_codec.h"

namespace escrow::broker::api {

/// What one command may publish, so that no apply touches more. A larger message is a command of its own.
inline constexpr std::size_t kMaxPublishMessages = 1000;
inline constexpr std::size_t kMaxPublishBytes = 1 << 20;

/// Shared by the stream, until the outcomes are sent, and by the commands, whose views point into it. Of one thread at a
/// time: the one that reads the stream until the commands are posted, the engine's afterwards.
class PublishFrame : public std::enable_shared_from_this<PublishFrame> {
 public:
  struct Part {
    PublishFrame* frame = nullptr;
    std::vector<int> positions;  // of its messages in the frame
  };

  /// Rejects what is malformed as a whole; single messages get outcomes.
  static Result<std::shared_ptr<PublishFrame>> parse(const grpc::ByteBuffer& bytes, const rpc::Caller& caller);

  /// The commands' bodies, to be taken once, with the addresses of their parts.
  struct Command {
    Part* part = nullptr;
    engine::Publish body;
  };
  std::vector<Command> take_commands();
  std::size_t messages() const { return static_cast<std::size_t>(request_->messages_size()); }

  /// The engine's answer to a part. True: that was the last one.
  bool answer(const Part& part, const Result<engine::Reply>& reply);
  /// No command was taken.
  void refuse_all(const Error& error);
  /// All parts are answered.
  bool complete() const { return unanswered_ == 0; }
  const v1::PublishStreamResponse& response() const { return *response_; }

 private:
  explicit PublishFrame(std::size_t bytes);
  void split(const rpc::Caller& caller);
  void add(int position, const MessageView& message, std::size_t& part_bytes);
  void set_error(int position, const Error& error);

  google::protobuf::Arena arena_;
  v1::PublishStreamRequest* request_;
  v1::PublishStreamResponse* response_;
  rpc::EncodedProperties encoded_;
  std::deque<Part> parts_;
  std::vector<Command> commands_;
  std::size_t unanswered_ = 0;
};

}  // namespace escrow::broker::api
