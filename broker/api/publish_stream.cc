#include "broker/api/publish_stream.h"

#include <utility>

namespace escrow::broker::api {

Result<void> PublishStream::on_frame(const grpc::ByteBuffer& bytes) {
  const rpc::Caller caller{user(), max_body_bytes_};
  Result<std::shared_ptr<PublishFrame>> parsed = PublishFrame::parse(bytes, caller);
  if (!parsed) return std::move(parsed).error();
  PublishFrame& frame = **parsed;
  std::vector<engine::Command> commands;
  for (PublishFrame::Command& command : frame.take_commands()) {
    const auto number = reinterpret_cast<std::uint64_t>(command.part);
    commands.push_back({this, number, user(), std::move(command.body)});
  }
  const std::size_t messages = frame.messages();
  {
    const std::scoped_lock lock(mutex());
    order_.add(*std::move(parsed));
  }
  // From a successful post on, the frame is the engine's, and may be gone before post() has returned.
  if (!commands.empty()) {
    if (const broker::LowResources low = inbox().alarm(); low.any()) {
      frame.refuse_all(engine::resources_low(low));
    } else {
      if (post(commands, messages) != Posted::kEngineFull) return {};
      frame.refuse_all(engine::engine_full());
    }
  }
  const std::scoped_lock lock(mutex());
  order_.complete(&frame, output());
  return {};
}

void PublishStream::reply(std::uint64_t request, Result<engine::Reply> reply) {
  auto* const part = reinterpret_cast<PublishFrame::Part*>(request);
  PublishFrame& frame = *part->frame;
  if (!frame.answer(*part, reply)) return;
  // Counted as one: only a frame whose parts are all answered frees its room.
  count_answered(frame.messages());
  answered_.push_back(&frame);
}

void PublishStream::hand_over() {
  for (const PublishFrame* frame : std::exchange(answered_, {})) order_.complete(frame, output());
  FrameStream::hand_over();
}

}  // namespace escrow::broker::api
