#include "broker/api/outcome_order.h"

#include <algorithm>
#include <utility>

namespace escrow::broker::api {

void OutcomeOrder::add(std::shared_ptr<PublishFrame> frame) { pending_.push_back({std::move(frame), {}}); }

void OutcomeOrder::complete(const PublishFrame* frame, rpc::FrameQueue& output) {
  const auto found = std::ranges::find(pending_, frame, [](const Pending& p) { return p.frame.get(); });
  if (found == pending_.end()) return;
  found->outcomes = frame->response().SerializeAsString();
  found->frame.reset();
  waiting_bytes_ += found->outcomes.size();
  for (; !pending_.empty() && pending_.front().frame == nullptr; pending_.pop_front()) {
    waiting_bytes_ -= pending_.front().outcomes.size();
    output.put(std::move(pending_.front().outcomes));
  }
}

}  // namespace escrow::broker::api
