#include "broker/api/publish_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/inbox.h"
#include "rpc/frame.h"
#include "rpc/server_limits.h"
#include "tests/unit/rpc/grpc_harness.h"

namespace escrow::broker::api {
namespace {

const rpc::Caller kAlice{"alice", 3 << 20};

std::shared_ptr<PublishFrame> frame_of(const std::vector<std::size_t>& body_sizes) {
  v1::PublishStreamRequest request;
  for (const std::size_t size : body_sizes) request.add_messages()->set_body(std::string(size, 'x'));
  const auto frame = PublishFrame::parse(rpc::serialize(request), kAlice);
  EXPECT_TRUE(frame.ok());
  return frame ? *frame : nullptr;
}

Result<engine::Reply> published(broker::Outcomes outcomes) {
  return Result<engine::Reply>(engine::Reply(engine::Published{std::move(outcomes)}));
}

TEST(PublishFrame, small_messages_are_one_command) {
  const auto frame = frame_of({10, 20, 30});
  const auto commands = frame->take_commands();
  ASSERT_EQ(commands.size(), 1u);
  ASSERT_EQ(commands[0].body.messages.size(), 3u);
  EXPECT_EQ(commands[0].body.messages[2].body.size(), 30u);
}

TEST(PublishFrame, a_command_is_not_larger_than_one_apply_may_be) {
  const auto frame = frame_of({kMaxPublishBytes / 2 - 10, kMaxPublishBytes / 2 - 10, 100, 2 * kMaxPublishBytes, 1});
  std::vector<std::size_t> counts;
  for (const auto& command : frame->take_commands()) counts.push_back(command.body.messages.size());
  EXPECT_EQ(counts, (std::vector<std::size_t>{2, 1, 1, 1}));
}

TEST(PublishFrame, outcomes_come_in_the_order_of_messages_whatever_the_order_of_answers) {
  const auto frame = frame_of({kMaxPublishBytes, kMaxPublishBytes, 1});
  const auto commands = frame->take_commands();
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_FALSE(frame->answer(*commands[2].part, published({3u})));
  EXPECT_FALSE(frame->answer(*commands[0].part, published({1u})));
  EXPECT_FALSE(frame->complete());
  EXPECT_TRUE(frame->answer(*commands[1].part, published({2u})));
  EXPECT_TRUE(frame->complete());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(frame->response().outcomes(i).queue_count(), static_cast<std::uint32_t>(i + 1));
}

TEST(PublishFrame, a_message_that_is_refused_here_takes_no_other_with_it) {
  v1::PublishStreamRequest request;
  request.add_messages()->set_body("a");
  request.add_messages()->set_routing_key(std::string(256, 'k'));
  request.add_messages()->set_body("c");
  const auto frame = *PublishFrame::parse(rpc::serialize(request), kAlice);
  const auto commands = frame->take_commands();
  ASSERT_EQ(commands.size(), 1u);
  ASSERT_EQ(commands[0].body.messages.size(), 2u);
  EXPECT_TRUE(
      frame->answer(*commands[0].part, published({1u, Error{ErrorCode::kNotFound, "EXCHANGE_UNKNOWN", "", {}}})));
  EXPECT_EQ(frame->response().outcomes(0).queue_count(), 1u);
  EXPECT_EQ(reason(frame->response().outcomes(1).error()), "LIMIT_EXCEEDED");
  EXPECT_EQ(reason(frame->response().outcomes(2).error()), "EXCHANGE_UNKNOWN");
}

TEST(PublishFrame, when_the_engine_is_full_every_message_is_refused) {
  const auto frame = frame_of({kMaxPublishBytes, kMaxPublishBytes});
  frame->take_commands();
  frame->refuse_all(engine::engine_full());
  EXPECT_TRUE(frame->complete());
  for (const auto& outcome : frame->response().outcomes()) EXPECT_EQ(reason(outcome.error()), "ENGINE_FULL");
}

TEST(PublishFrame, frames_have_from_one_to_a_thousand_messages) {
  v1::PublishStreamRequest request;
  EXPECT_EQ(PublishFrame::parse(rpc::serialize(request), kAlice).error().reason, "MALFORMED");
  for (std::size_t i = 0; i < rpc::kMaxOperationsPerFrame; ++i) request.add_messages();
  EXPECT_TRUE(PublishFrame::parse(rpc::serialize(request), kAlice).ok());
  request.add_messages();
  EXPECT_EQ(PublishFrame::parse(rpc::serialize(request), kAlice).error().reason, "LIMIT_EXCEEDED");
}

TEST(PublishFrame, is_counted_before_it_is_parsed) {
  v1::PublishStreamRequest request;
  for (std::size_t i = 0; i <= rpc::kMaxOperationsPerFrame; ++i) request.add_messages();
  const grpc::ByteBuffer bytes = rpc::to_buffer(request.SerializeAsString() + "\xff\xff\xff");
  EXPECT_EQ(PublishFrame::parse(bytes, kAlice).error().reason, "LIMIT_EXCEEDED") << "though its end is no message";
}

TEST(PublishFrame, lives_as_long_as_its_commands) {
  auto frame = frame_of({5});
  auto commands = frame->take_commands();
  const std::weak_ptr<PublishFrame> watched = frame;
  frame.reset();
  EXPECT_EQ(commands[0].body.messages[0].body, "xxxxx");
  commands.clear();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace escrow::broker::api
