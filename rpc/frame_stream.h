// A Stream whose output is frames that are serialized already.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <deque>
#include <string>

#include "rpc/stream.h"

namespace escrow::rpc {

/// Serialized frames that wait.
class FrameQueue {
 public:
  /// A frame of its own.
  void put(const google::protobuf::MessageLite& frame);
  void put(std::string serialized);
  /// Of a message that is nothing but a list: the encodings of two, one after the other, are the encoding of one with the
  /// elements of both. So it goes with the frame before it, up to kFrameBytes.
  void append(const google::protobuf::MessageLite& frame);
  /// Takes over everything from `other`, which was filled in the same way.
  void splice(FrameQueue& other);

  bool take(std::string& frame);
  void clear();
  std::size_t bytes() const { return bytes_; }

 private:
  struct Frame {
    std::string bytes;
    bool grows = false;
  };
  std::deque<Frame> frames_;
  std::size_t bytes_ = 0;
};

class FrameStream : public Stream {
 protected:
  using Stream::Stream;

  /// What the engine's thread gathers until the next flush.
  FrameQueue& gathered() { return gathered_; }
  /// With the mutex held.
  FrameQueue& output() { return output_; }

  void hand_over() override { output_.splice(gathered_); }
  std::size_t output_bytes() const override { return output_.bytes(); }

 private:
  bool take_output() final { return output_.take(taken_); }
  grpc::ByteBuffer encode_output() final;
  void drop_output() final { output_.clear(); }

  FrameQueue gathered_;
  FrameQueue output_;
  std::string taken_;  // between take_output and encode_output
};

}  // namespace escrow::rpc
