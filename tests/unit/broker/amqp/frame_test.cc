#include "broker/amqp/frame.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/unit/golden.h"

namespace escrow::broker::amqp {
namespace {

using State = NextFrame::State;

std::string frame_of(FrameType type, std::uint16_t channel, std::string_view payload) {
  std::string out;
  ByteWriter writer(out);
  write_frame_header(type, channel, payload.size(), writer);
  writer.bytes(payload).u8(kFrameEnd);
  return out;
}

void expect_frame_error(const NextFrame& next) {
  EXPECT_EQ(next.state, State::kError);
  EXPECT_EQ(next.error.code, ReplyCode::kFrameError);
  EXPECT_FALSE(next.error.text.empty());
}

TEST(ProtocolHeader, is_accepted_byte_by_byte) {
  EXPECT_EQ(hex(kProtocolHeader), "414d515000000901");
  EXPECT_EQ(hex(kProtocolHeader09), "414d515001010009");
  for (const std::string_view header : {kProtocolHeader, kProtocolHeader09}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      EXPECT_EQ(check_protocol_header(header.substr(0, size)), ProtocolHeaderState::kNeedMore) << size;
    }
    EXPECT_EQ(check_protocol_header(header), ProtocolHeaderState::kAccepted);
    EXPECT_EQ(check_protocol_header(std::string(header) + "more"), ProtocolHeaderState::kAccepted);
  }
}

TEST(ProtocolHeader, of_anything_else_is_refused_at_the_first_wrong_byte) {
  EXPECT_EQ(check_protocol_header("G"), ProtocolHeaderState::kRefused);
  EXPECT_EQ(check_protocol_header(bytes_of("160301")), ProtocolHeaderState::kRefused);                // TLS
  EXPECT_EQ(check_protocol_header(bytes_of("414d5150 00 01")), ProtocolHeaderState::kRefused);        // AMQP 1.0
  EXPECT_EQ(check_protocol_header(bytes_of("414d5150 01 01 08 00")), ProtocolHeaderState::kRefused);  // AMQP 0-8
  EXPECT_EQ(check_protocol_header(bytes_of("414d5150 00 00 09 02")), ProtocolHeaderState::kRefused);
}

TEST(Frame, is_read_with_its_channel_and_payload) {
  const std::string in = bytes_of("01 0102 00000003 616263 ce ff");
  const NextFrame next = next_frame(in, kDefaultFrameMax);
  ASSERT_EQ(next.state, State::kFrame);
  EXPECT_EQ(next.size, in.size() - 1);
  EXPECT_EQ(next.frame.type, FrameType::kMethod);
  EXPECT_EQ(next.frame.channel, 0x0102);
  EXPECT_EQ(next.frame.payload, "abc");
  EXPECT_EQ(next.frame.payload.data(), in.data() + 7);
}

TEST(Frame, of_every_type_of_the_specification_is_read) {
  for (int type = 0; type < 256; ++type) {
    const std::string in = frame_of(static_cast<FrameType>(type), 1, "x");
    const NextFrame next = next_frame(in, kDefaultFrameMax);
    if (type == 1 || type == 2 || type == 3 || type == 8) {
      EXPECT_EQ(next.state, State::kFrame) << type;
    } else {
      expect_frame_error(next);
    }
  }
}

TEST(Frame, that_is_not_there_yet_tells_how_much_it_needs) {
  const std::string in = frame_of(FrameType::kBody, 1, "payload");
  for (std::size_t size = 0; size < in.size(); ++size) {
    const NextFrame next = next_frame(std::string_view(in).substr(0, size), kDefaultFrameMax);
    EXPECT_EQ(next.state, State::kNeedMore) << size;
    EXPECT_EQ(next.size, size < kFrameHeaderSize ? kFrameHeaderSize : in.size()) << size;
  }
}

TEST(Frame, may_be_empty) {
  const NextFrame next = next_frame(bytes_of("03 0001 00000000 ce"), kMinFrameMax);
  ASSERT_EQ(next.state, State::kFrame);
  EXPECT_EQ(next.size, kFrameOverhead);
  EXPECT_TRUE(next.frame.payload.empty());
}

TEST(Frame, without_its_end_octet_is_refused) {
  expect_frame_error(next_frame(bytes_of("01 0001 00000001 61 cd"), kDefaultFrameMax));
}

TEST(Frame, may_be_as_large_as_negotiated_and_eight_bytes_more_as_in_rabbitmq) {
  for (const std::uint32_t frame_max : {kMinFrameMax, kMaxFrameBeforeAuthentication, kDefaultFrameMax}) {
    const auto state = [&](std::size_t payload) {
      return next_frame(frame_of(FrameType::kBody, 1, std::string(payload, 'x')), frame_max).state;
    };
    EXPECT_EQ(state(frame_max - kFrameOverhead), State::kFrame);
    EXPECT_EQ(state(frame_max - kFrameOverhead + kFrameMaxSlack), State::kFrame);
    EXPECT_EQ(state(frame_max - kFrameOverhead + kFrameMaxSlack + 1), State::kError);
  }
}

TEST(Frame, that_is_too_large_is_refused_before_its_payload_is_there) {
  expect_frame_error(next_frame(bytes_of("01 0001 00001001"), kMinFrameMax));
  expect_frame_error(next_frame(bytes_of("03 0001 ffffffff"), 0xffffffff - kFrameMaxSlack));
  EXPECT_EQ(next_frame(bytes_of("01 0001 00001000"), kMinFrameMax).state, State::kNeedMore);
}

TEST(Heartbeat, has_golden_bytes) {
  std::string out = "before";
  encode_heartbeat(out);
  EXPECT_EQ(hex(out.substr(6)), golden("08 0000 00000000 ce"));
}

}  // namespace
}  // namespace escrow::broker::amqp
