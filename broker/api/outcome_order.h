// The outcomes of frames leave in the order in which the frames came, though they become known in any order: a
// frame that the engine has no room for is refused at once, those before it are still being published.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "broker/api/publish_frame.h"
#include "rpc/frame_stream.h"

namespace escrow::broker::api {

/// Not thread-safe.
class OutcomeOrder {
 public:
  void add(std::shared_ptr<PublishFrame> frame);
  /// The frame is complete: nothing is kept of it but its outcomes. They go to `output` as soon as those of all
  /// frames before it have gone.
  void complete(const PublishFrame* frame, rpc::FrameQueue& output);
  /// Bytes of the outcomes that wait for those of another frame.
  std::size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  struct Pending {
    std::shared_ptr<PublishFrame> frame;  // nullptr: complete
    std::string outcomes;
  };
  std::deque<Pending> pending_;
  std::size_t waiting_bytes_ = 0;
};

}  // namespace escrow::broker::api
