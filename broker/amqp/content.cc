#include "broker/amqp/content.h"

#include <algorithm>

namespace escrow::broker::amqp {
namespace {

constexpr std::uint16_t kBasicClass = BasicPublish::kId.class_id;
constexpr std::size_t kContentHeaderSize = 2 + 2 + 8;

}  // namespace

ProtocolError expected(Expected what) {
  switch (what) {
    case Expected::kMethod:
      return {ReplyCode::kUnexpectedFrame, "expected method frame, got non method frame instead"};
    case Expected::kHeader:
      break;
    case Expected::kBody:
      return {ReplyCode::kUnexpectedFrame, "expected content body, got non content body frame instead"};
  }
  return {ReplyCode::kUnexpectedFrame, "expected content header for class 60, got non content header frame instead"};
}

Result<ContentHeader, ProtocolError> decode_content_header(std::string_view payload) {
  Result<ContentHeader, ProtocolError> header{std::in_place};
  ByteReader in(payload);
  const std::uint16_t class_id = in.u16_be();
  const std::uint16_t weight = in.u16_be();
  header->body_size = in.u64_be();
  header->properties = in.rest();
  if (!in.ok()) {
    header = ProtocolError{ReplyCode::kFrameError, "a content header is cut off"};
  } else if (class_id != kBasicClass) {
    header = ProtocolError{ReplyCode::kUnexpectedFrame,
                           "expected content header for class 60, got one for another class instead"};
  } else if (weight != 0) {
    header = expected(Expected::kHeader);
  } else if (!scan_properties(in.rest(), header->view)) {
    header = ProtocolError{ReplyCode::kSyntaxError, "the properties of a message are malformed"};
  }
  return header;
}

namespace detail {

std::size_t content_size(std::size_t properties, std::size_t body, std::uint32_t frame_max) {
  ESCROW_INVARIANT(frame_max >= kMinFrameMax, "frame_max was negotiated");
  const std::size_t part = frame_max - kFrameOverhead;
  const std::size_t frames = (body + part - 1) / part;
  return kFrameOverhead + kContentHeaderSize + properties + frames * kFrameOverhead + body;
}

void write_content(std::uint16_t channel, std::string_view properties, std::string_view body, std::uint32_t frame_max,
                   RawSink& out) {
  write_frame_header(FrameType::kHeader, channel, kContentHeaderSize + properties.size(), out);
  out.u16_be(kBasicClass).u16_be(0).u64_be(body.size()).bytes(properties).u8(kFrameEnd);
  while (!body.empty()) {
    const std::string_view part = body.substr(0, frame_max - kFrameOverhead);
    write_frame_header(FrameType::kBody, channel, part.size(), out);
    out.bytes(part).u8(kFrameEnd);
    body.remove_prefix(part.size());
  }
}

}  // namespace detail

void encode_content(std::uint16_t channel, std::string_view properties, std::string_view body, std::uint32_t frame_max,
                    std::string& out) {
  RawSink sink(grow(out, detail::content_size(properties.size(), body.size(), frame_max)));
  detail::write_content(channel, properties, body, frame_max, sink);
}

}  // namespace escrow::broker::amqp
