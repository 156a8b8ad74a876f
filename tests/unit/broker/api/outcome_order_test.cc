#include "broker/api/outcome_order.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/inbox.h"
#include "rpc/frame.h"

namespace escrow::broker::api {
namespace {

/// A frame of one message.
std::shared_ptr<PublishFrame> frame(std::size_t body_size = 1) {
  v1::PublishStreamRequest request;
  request.add_messages()->set_body(std::string(body_size, 'x'));
  return *PublishFrame::parse(rpc::serialize(request), {"alice", 16 << 20});
}
void publish(PublishFrame& frame, std::uint32_t queues) {
  for (const auto& command : frame.take_commands()) {
    frame.answer(*command.part, Result<engine::Reply>(engine::Reply(engine::Published{{queues}})));
  }
}
/// To how many queues the messages went, frame by frame; 0: it was refused.
std::vector<std::uint32_t> take(rpc::FrameQueue& output) {
  std::vector<std::uint32_t> queues;
  for (std::string bytes; output.take(bytes);) {
    v1::PublishStreamResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    queues.push_back(response.outcomes(0).queue_count());
  }
  return queues;
}

TEST(OutcomeOrder, is_that_of_the_frames_whatever_the_order_of_the_answers) {
  OutcomeOrder order;
  rpc::FrameQueue output;
  std::vector<PublishFrame*> frames;
  for (std::uint32_t i = 1; i <= 4; ++i) {
    auto added = frame();
    publish(*added, i);
    frames.push_back(added.get());
    order.add(std::move(added));
  }
  for (const std::size_t i : {2u, 1u}) order.complete(frames[i], output);
  EXPECT_TRUE(take(output).empty()) << "the first is not known";
  order.complete(frames[0], output);
  EXPECT_EQ(take(output), (std::vector<std::uint32_t>{1, 2, 3}));
  order.complete(frames[3], output);
  EXPECT_EQ(take(output), std::vector<std::uint32_t>{4});
  EXPECT_EQ(order.waiting_bytes(), 0u);
}

TEST(OutcomeOrder, keeps_only_the_outcomes_of_a_frame_that_is_refused_and_counts_them) {
  OutcomeOrder order;
  rpc::FrameQueue output;
  auto first = frame();
  auto refused = frame(1 << 20);
  PublishFrame* const first_frame = first.get();
  PublishFrame* const refused_frame = refused.get();
  const std::weak_ptr<PublishFrame> watched = refused;
  order.add(std::move(first));
  order.add(std::move(refused));
  EXPECT_EQ(order.waiting_bytes(), 0u);
  refused_frame->refuse_all(engine::engine_full());
  order.complete(refused_frame, output);
  EXPECT_TRUE(watched.expired()) << "its messages are gone";
  EXPECT_GT(order.waiting_bytes(), 10u);
  EXPECT_LT(order.waiting_bytes(), 1000u);
  publish(*first_frame, 1);
  order.complete(first_frame, output);
  EXPECT_EQ(order.waiting_bytes(), 0u);
  EXPECT_EQ(take(output), (std::vector<std::uint32_t>{1, 0}));
}

}  // namespace
}  // namespace escrow::broker::api
