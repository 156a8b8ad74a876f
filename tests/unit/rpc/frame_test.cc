#include "rpc/frame.h"

#include <gtest/gtest.h>

#include <string>

#include "escrow/v1/broker.pb.h"

namespace escrow::rpc {
namespace {

constexpr int kMessages = v1::PublishStreamRequest::kMessagesFieldNumber;

TEST(Frame, its_elements_are_counted_without_parsing_them) {
  v1::PublishStreamRequest request;
  EXPECT_FALSE(has_more_than(serialize(request), kMessages, 0));
  for (int i = 0; i < 10; ++i) request.add_messages()->set_body(std::string(1000, 'x'));
  request.add_messages();
  const grpc::ByteBuffer bytes = serialize(request);
  EXPECT_TRUE(has_more_than(bytes, kMessages, 10));
  EXPECT_FALSE(has_more_than(bytes, kMessages, 11));
  EXPECT_FALSE(has_more_than(bytes, kMessages + 1, 0)) << "that is another field";
  v1::PublishStreamRequest back;
  ASSERT_TRUE(parse(bytes, back).ok()) << "and it can be parsed afterwards";
  EXPECT_EQ(back.messages_size(), 11);
}

TEST(Frame, what_is_no_message_has_elements_up_to_where_it_ends) {
  v1::PublishStreamRequest request;
  for (int i = 0; i < 3; ++i) request.add_messages();
  const std::string bytes = request.SerializeAsString();
  EXPECT_TRUE(has_more_than(to_buffer(bytes + "\xff"), kMessages, 2));
  EXPECT_FALSE(has_more_than(to_buffer(bytes + "\xff"), kMessages, 3));
  EXPECT_FALSE(has_more_than(to_buffer("\xff\xff\xff"), kMessages, 0));
  EXPECT_FALSE(has_more_than(to_buffer(""), kMessages, 0));
}

}  // namespace
}  // namespace escrow::rpc
