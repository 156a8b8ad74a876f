#include "rpc/frame_stream.h"

#include <iterator>
#include <utility>

#include "rpc/frame.h"
#include "rpc/server_limits.h"

namespace escrow::rpc {

void FrameQueue::put(const google::protobuf::MessageLite& frame) { put(frame.SerializeAsString()); }

void FrameQueue::put(std::string serialized) {
  bytes_ += serialized.size();
  frames_.push_back({std::move(serialized), false});
}

void FrameQueue::append(const google::protobuf::MessageLite& frame) {
  const std::size_t size = frame.ByteSizeLong();
  if (frames_.empty() || !frames_.back().grows || frames_.back().bytes.size() + size > kFrameBytes) {
    frames_.emplace_back().grows = true;
  }
  frame.AppendToString(&frames_.back().bytes);
  bytes_ += size;
}

void FrameQueue::splice(FrameQueue& other) {
  if (frames_.empty()) {
    std::swap(frames_, other.frames_);
  } else {
    for (Frame& frame : other.frames_) {
      Frame& last = frames_.back();
      if (frame.grows && last.grows && last.bytes.size() + frame.bytes.size() <= kFrameBytes) {
        last.bytes += frame.bytes;
      } else {
        frames_.push_back(std::move(frame));
      }
    }
    other.frames_.clear();
  }
  bytes_ += std::exchange(other.bytes_, 0);
}

bool FrameQueue::take(std::string& frame) {
  if (frames_.empty()) return false;
  frame = std::move(frames_.front().bytes);
  frames_.pop_front();
  bytes_ -= frame.size();
  return true;
}

void FrameQueue::clear() {
  frames_.clear();
  bytes_ = 0;
}

grpc::ByteBuffer FrameStream::encode_output() { return to_buffer(std::exchange(taken_, {})); }

}  // namespace escrow::rpc
