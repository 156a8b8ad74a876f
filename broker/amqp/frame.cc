#include "broker/amqp/frame.h"

#include <algorithm>

#include "base/bytes.h"

namespace escrow::broker::amqp {
namespace {

bool is_frame_type(std::uint8_t type) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::kMethod:
    case FrameType::kHeader:
    case FrameType::kBody:
    case FrameType::kHeartbeat:
      return true;
  }
  return false;
}

NextFrame refused(std::string_view text) {
  NextFrame result;
  result.state = NextFrame::State::kError;
  result.error = {ReplyCode::kFrameError, text};
  return result;
}

}  // namespace

ProtocolHeaderState check_protocol_header(std::string_view in) {
  const std::string_view front = in.substr(0, kProtocolHeader.size());
  if (!kProtocolHeader.starts_with(front) && !kProtocolHeader09.starts_with(front)) {
    return ProtocolHeaderState::kRefused;
  }
  return front.size() < kProtocolHeader.size() ? ProtocolHeaderState::kNeedMore : ProtocolHeaderState::kAccepted;
}

NextFrame next_frame(std::string_view in, std::uint32_t frame_max) {
  NextFrame result;
  if (in.size() < kFrameHeaderSize) return result;
  ByteReader reader(in);
  const std::uint8_t type = reader.u8();
  const std::uint16_t channel = reader.u16_be();
  const std::size_t size = reader.u32_be();
  if (!is_frame_type(type)) return refused("a frame has an unknown type");
  if (size + kFrameOverhead > frame_max + kFrameMaxSlack) return refused("a frame is larger than negotiated");
  result.size = size + kFrameOverhead;
  if (in.size() < result.size) return result;
  const std::string_view payload = reader.bytes(size);
  if (reader.u8() != kFrameEnd) return refused("a frame does not end with its end octet");
  result.state = NextFrame::State::kFrame;
  result.frame = {static_cast<FrameType>(type), channel, payload};
  return result;
}

void encode_heartbeat(std::string& out) {
  ByteWriter writer(out);
  write_frame_header(FrameType::kHeartbeat, 0, 0, writer);
  writer.u8(kFrameEnd);
}

}  // namespace escrow::broker::amqp
