// Content of AMQP 0-9-1 (section 4.2.6): what follows basic.publish, basic.deliver, basic.get-ok and basic.return.
//
//   header frame  u16 class = 60 │ u16 weight = 0 │ u64 body size │ properties
//   body frame    a part of the body; as many of them as it takes, none for an empty body
//
// Properties are kept and stored as they are on the wire, `u16 flags │ the set properties` (model/properties.h), and pass
// through untouched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/amqp/method_codec.h"
#include "model/properties.h"

namespace escrow::broker::amqp {

/// Points into the frame.
struct ContentHeader {
  std::uint64_t body_size = 0;
  std::string_view properties;  ///< valid: scan_properties() accepts them
  PropertiesView view;          ///< the same, scanned

  ContentHeader() {}  // NOLINT(modernize-use-equals-default): as PropertiesView, not zeroed first
};

/// What was to come is named; whatever came is not it.
enum class Expected : std::uint8_t { kMethod, kHeader, kBody };
/// UNEXPECTED_FRAME, in the words of RabbitMQ (rabbit_command_assembler.erl).
ProtocolError expected(Expected what);

/// Decodes the payload of a header frame. UNEXPECTED_FRAME, as RabbitMQ has it, for another class or a weight; FRAME_ERROR for
/// bytes that are missing; SYNTAX_ERROR for properties that scan_properties() refuses.
Result<ContentHeader, ProtocolError> decode_content_header(std::string_view payload);

/// Appends the header frame and the body frames, split so that none is larger than `frame_max` (at least kMinFrameMax). A header
/// frame cannot be split: properties of a publisher with a larger frame_max than this consumer's make one that is too large,
/// which RabbitMQ sends all the same.
void encode_content(std::uint16_t channel, std::string_view properties, std::string_view body, std::uint32_t frame_max,
                    std::string& out);

namespace detail {
std::size_t content_size(std::size_t properties, std::size_t body, std::uint32_t frame_max);
void write_content(std::uint16_t channel, std::string_view properties, std::string_view body, std::uint32_t frame_max,
                   RawSink& out);
}  // namespace detail

/// encode_method() and encode_content() in one, for every delivery: the output grows once.
template <CarriesContent M>
void encode_message(std::uint16_t channel, const M& method, std::string_view properties, std::string_view body,
                    std::uint32_t frame_max, std::string& out) {
  const std::size_t size = detail::method_size(method);
  const std::size_t content = detail::content_size(properties.size(), body.size(), frame_max);
  RawSink sink(grow(out, kFrameOverhead + size + content));
  detail::write_method_frame(channel, method, size, sink);
  detail::write_content(channel, properties, body, frame_max, sink);
}

}  // namespace escrow::broker::amqp
