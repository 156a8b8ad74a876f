// Frames of AMQP 0-9-1 (section 4.2.3), and the header that opens a connection (section 4.2.2).
//
//   header  'A' 'M' 'Q' 'P' 0 0 9 1
//   frame   u8 type │ u16 channel │ u32 size │ payload of that size │ u8 0xCE
//
// Pure functions on bytes; nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/amqp/reply_code.h"

namespace escrow::broker::amqp {

/// Limits of a whole frame, its eight bytes of overhead included.
inline constexpr std::uint32_t kMinFrameMax = 4096;
inline constexpr std::uint32_t kDefaultFrameMax = 131'072;
/// Who has not authenticated yet cannot make us buffer more.
inline constexpr std::uint32_t kMaxFrameBeforeAuthentication = 8192;

inline constexpr std::size_t kFrameHeaderSize = 7;
inline constexpr std::uint8_t kFrameEnd = 0xCE;
inline constexpr std::size_t kFrameOverhead = kFrameHeaderSize + 1;
/// Frames may be too long by this much: many clients forget the overhead, and RabbitMQ lets them.
inline constexpr std::size_t kFrameMaxSlack = kFrameOverhead;

inline constexpr std::string_view kProtocolHeader{"AMQP\0\0\x09\x01", 8};
/// Of AMQP 0-9, which RabbitMQ serves as 0-9-1.
inline constexpr std::string_view kProtocolHeader09{"AMQP\x01\x01\0\x09", 8};

enum class FrameType : std::uint8_t { kMethod = 1, kHeader = 2, kBody = 3, kHeartbeat = 8 };

enum class ProtocolHeaderState : std::uint8_t { kNeedMore, kAccepted, kRefused };
/// Judges the first bytes of a connection. kAccepted: kProtocolHeader.size() bytes are consumed. kRefused, as soon as a byte
/// differs: the answer is kProtocolHeader and the end of the connection.
ProtocolHeaderState check_protocol_header(std::string_view in);

/// `payload` points into the input.
struct Frame {
  FrameType type = FrameType::kMethod;
  std::uint16_t channel = 0;
  std::string_view payload;
};

struct NextFrame {
  enum class State : std::uint8_t { kNeedMore, kFrame, kError };
  State state = State::kNeedMore;
  /// kFrame: bytes consumed. kNeedMore: bytes the input must have before it is worth asking again.
  std::size_t size = kFrameHeaderSize;
  Frame frame;          ///< of kFrame
  ProtocolError error;  ///< of kError. The position in the stream is lost: the connection closes.
};

/// The frame at the front of `in`. FRAME_ERROR for an unknown type, a size over the limit (both as soon as the header is
/// there) and a bad end octet. `frame_max` is what was negotiated, never 0.
NextFrame next_frame(std::string_view in, std::uint32_t frame_max);

void encode_heartbeat(std::string& out);

/// Writes what stands before a payload of `size` bytes; kFrameEnd follows it.
template <class Sink>
void write_frame_header(FrameType type, std::uint16_t channel, std::size_t size, Sink& out) {
  out.u8(static_cast<std::uint8_t>(type)).u16_be(channel).u32_be(static_cast<std::uint32_t>(size));
}

}  // namespace escrow::broker::amqp
