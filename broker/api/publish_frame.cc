#include "broker/api/publish_frame.h"

#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "rpc/frame.h"
#include "rpc/server_limits.h"
#include "rpc/status.h"

namespace escrow::broker::api {
namespace {

/// Bodies live outside of the arena, so a fraction of the frame's size is enough to begin with.
google::protobuf::ArenaOptions arena_options(std::size_t frame_bytes) {
  google::protobuf::ArenaOptions options;
  options.start_block_size = std::clamp<std::size_t>(frame_bytes, 1 << 10, 64 << 10);
  options.max_block_size = 256 << 10;
  return options;
}

}  // namespace

PublishFrame::PublishFrame(std::size_t bytes)
    : arena_(arena_options(bytes)),
      request_(google::protobuf::Arena::CreateMessage<v1::PublishStreamRequest>(&arena_)),
      response_(google::protobuf::Arena::CreateMessage<v1::PublishStreamResponse>(&arena_)) {}

Result<std::shared_ptr<PublishFrame>> PublishFrame::parse(const grpc::ByteBuffer& bytes, const rpc::Caller& caller) {
  if (rpc::has_more_than(bytes, v1::PublishStreamRequest::kMessagesFieldNumber, rpc::kMaxOperationsPerFrame)) {
    return rpc::limit_exceeded("messages", rpc::kMaxOperationsPerFrame);
  }
  std::shared_ptr<PublishFrame> frame(new PublishFrame(bytes.Length()));
  if (auto parsed = rpc::parse(bytes, *frame->request_); !parsed) return std::move(parsed).error();
  if (frame->messages() == 0) return rpc::malformed("a frame has at least one message");
  frame->split(caller);
  return frame;
}

void PublishFrame::split(const rpc::Caller& caller) {
  response_->mutable_outcomes()->Reserve(request_->messages_size());
  std::size_t part_bytes = 0;
  for (int i = 0; i < request_->messages_size(); ++i) {
    response_->add_outcomes();
    const Result<MessageView> message = rpc::to_view(request_->messages(i), caller, encoded_);
    if (message) {
      add(i, *message, part_bytes);
    } else {
      set_error(i, message.error());
    }
  }
  unanswered_ = parts_.size();
}

void PublishFrame::add(int position, const MessageView& message, std::size_t& part_bytes) {
  const std::size_t bytes = message.body.size() + message.properties.size() + message.routing_key.size();
  if (parts_.empty() || part_bytes + bytes > kMaxPublishBytes ||
      parts_.back().positions.size() >= kMaxPublishMessages) {
    parts_.push_back({this, {}});
    commands_.push_back({&parts_.back(), {}});
    part_bytes = 0;
  }
  part_bytes += bytes;
  parts_.back().positions.push_back(position);
  commands_.back().body.messages.push_back(message);
}

std::vector<PublishFrame::Command> PublishFrame::take_commands() {
  for (Command& command : commands_) command.body.owner = shared_from_this();
  return std::exchange(commands_, {});
}

bool PublishFrame::answer(const Part& part, const Result<engine::Reply>& reply) {
  if (reply) {
    const auto& outcomes = std::get<engine::Published>(*reply).outcomes;
    ESCROW_INVARIANT(outcomes.size() == part.positions.size(), "each message has its outcome");
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (const Result<std::uint32_t> outcome = outcomes.at(i)) {
        response_->mutable_outcomes(part.positions[i])->set_queue_count(*outcome);
      } else {
        set_error(part.positions[i], outcome.error());
      }
    }
  } else {
    for (const int position : part.positions) set_error(position, reply.error());
  }
  return --unanswered_ == 0;
}

void PublishFrame::refuse_all(const Error& error) {
  for (const Part& part : parts_) {
    for (const int position : part.positions) set_error(position, error);
  }
  unanswered_ = 0;
}

void PublishFrame::set_error(int position, const Error& error) {
  rpc::to_proto(error, *response_->mutable_outcomes(position)->mutable_error());
}

}  // namespace escrow::broker::api
