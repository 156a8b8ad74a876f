#include "broker/amqp/content.h"

#include <gtest/gtest.h>

#include <vector>

#include "model/message.h"
#include "tests/unit/broker/amqp/sample_methods.h"
#include "tests/unit/golden.h"

namespace escrow::broker::amqp {
namespace {

constexpr std::string_view kPersistent{"\x10\x00\x02", 3};

std::string content_of(std::string_view properties, std::string_view body, std::uint32_t frame_max = kMinFrameMax) {
  std::string out;
  encode_content(3, properties, body, frame_max, out);
  return out;
}

/// All frames of `bytes`, which has to consist of such ones.
std::vector<Frame> frames_of(std::string_view bytes, std::uint32_t frame_max) {
  std::vector<Frame> frames;
  while (!bytes.empty()) {
    const NextFrame next = next_frame(bytes, frame_max);
    EXPECT_EQ(next.state, NextFrame::State::kFrame);
    EXPECT_LE(next.size, frame_max);
    if (next.state != NextFrame::State::kFrame) break;
    frames.push_back(next.frame);
    bytes.remove_prefix(next.size);
  }
  return frames;
}

std::string header_payload(std::string_view properties) {
  return std::string(frames_of(content_of(properties, "x"), kMinFrameMax)[0].payload);
}

void expect_refused(std::string_view payload, ReplyCode code) {
  const auto header = decode_content_header(payload);
  ASSERT_FALSE(header.ok()) << hex(payload);
  EXPECT_EQ(header.error().code, code) << hex(payload);
}

TEST(Content, has_golden_bytes) {
  EXPECT_EQ(hex(content_of(kPersistent, "abc")), golden("02 0003 0000000f 003c 0000 0000000000000003 1000 02 ce"
                                                        "03 0003 00000003 616263 ce"));
  EXPECT_EQ(hex(content_of(kNoProperties, "")), golden("02 0003 0000000e 003c 0000 0000000000000000 0000 ce"));
}

TEST(Content, is_split_exactly_at_frame_max) {
  for (const std::uint32_t frame_max : {kMinFrameMax, kDefaultFrameMax}) {
    const std::size_t part = frame_max - kFrameOverhead;
    for (const auto& [size, count] : std::vector<std::pair<std::size_t, std::size_t>>{
             {0, 0}, {1, 1}, {part - 1, 1}, {part, 1}, {part + 1, 2}, {2 * part, 2}, {2 * part + 1, 3}}) {
      const std::string body(size, 'b');
      const std::string bytes = content_of(kNoProperties, body, frame_max);
      const std::vector<Frame> frames = frames_of(bytes, frame_max);
      ASSERT_EQ(frames.size(), count + 1) << size;
      EXPECT_EQ(decode_content_header(frames[0].payload)->body_size, size);
      std::string joined;
      for (std::size_t i = 1; i < frames.size(); ++i) {
        EXPECT_EQ(frames[i].type, FrameType::kBody);
        EXPECT_EQ(frames[i].channel, 3);
        EXPECT_FALSE(frames[i].payload.empty());
        joined += frames[i].payload;
      }
      EXPECT_EQ(joined, body);
    }
  }
}

TEST(Content, behind_its_method_is_what_the_two_are_apart) {
  for_each_method([]<class M>(MethodType<M>) {
    if constexpr (CarriesContent<M>) {
      const std::string body(kMinFrameMax, 'b');
      std::string apart = "before";
      encode_method(3, sample_method<M>(), apart);
      apart += content_of(kPersistent, body);
      std::string together = "before";
      encode_message(3, sample_method<M>(), kPersistent, body, kMinFrameMax, together);
      EXPECT_EQ(hex(together), hex(apart)) << M::kName;
    }
  });
}

TEST(ContentHeader, is_read_with_its_properties_where_they_lie) {
  const std::string payload = bytes_of("003c 0000 0102030405060708 1000 02");
  const auto header = decode_content_header(payload);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->body_size, 0x0102030405060708u);
  EXPECT_EQ(header->properties, kPersistent);
  EXPECT_EQ(header->properties.data(), payload.data() + 12);
  EXPECT_EQ(header->view.delivery_mode, 2);
  EXPECT_EQ(header->view.priority, std::nullopt);
}

TEST(ContentHeader, that_is_cut_off_is_refused) {
  const std::string payload = header_payload(kPersistent);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const bool header_is_whole = size >= 12;
    expect_refused(std::string_view(payload).substr(0, size),
                   header_is_whole ? ReplyCode::kSyntaxError : ReplyCode::kFrameError);
  }
}

TEST(ContentHeader, with_malformed_properties_is_refused) {
  expect_refused(header_payload(kPersistent) + "x", ReplyCode::kSyntaxError);
  expect_refused(bytes_of("003c 0000 0000000000000000 0001"), ReplyCode::kSyntaxError);
  expect_refused(bytes_of("003c 0000 0000000000000000 2000 00000003 01 6b 00"), ReplyCode::kSyntaxError);
}

TEST(ContentHeader, of_another_class_or_with_a_weight_is_unexpected) {
  expect_refused(bytes_of("0032 0000 0000000000000000 0000"), ReplyCode::kUnexpectedFrame);
  expect_refused(bytes_of("003c 0001 0000000000000000 0000"), ReplyCode::kUnexpectedFrame);
}

TEST(ContentDeathTest, stops_the_process_without_a_negotiated_frame_max) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(content_of(kNoProperties, "x", 0), "frame_max was negotiated");
}

}  // namespace
}  // namespace escrow::broker::amqp
