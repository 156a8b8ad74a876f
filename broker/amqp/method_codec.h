// Methods ↔ bytes (AMQP 0-9-1, sections 4.2.4 and 4.2.5), derived from each method's list of fields.
//
//   payload of a method frame  u16 class │ u16 method │ fields
//
// Pure and thread-safe. Only a method with a table allocates; basic.publish, basic.ack, basic.nack and basic.reject, of which
// a connection may send millions a second, are decoded inline where they are visited.
#pragma once

#include <limits>
#include <type_traits>
#include <utility>

#include "base/bytes.h"
#include "base/invariant.h"
#include "base/result.h"
#include "broker/amqp/frame.h"
#include "broker/amqp/method.h"
#include "broker/amqp/sink.h"

namespace escrow::broker::amqp {

namespace detail {

/// Writes one field after the other, consecutive bits together.
template <class Sink>
class FieldEncoder {
 public:
  explicit FieldEncoder(Sink& out) : out_(out) {}

  void operator()(std::string_view, bool v) {
    bits_ |= static_cast<std::uint8_t>(v ? 1u << count_ : 0u);
    if (++count_ == 8) finish();
  }
  void operator()(std::string_view, std::uint8_t v) { finish(), put(v); }
  void operator()(std::string_view, std::uint16_t v) { finish(), put(v); }
  void operator()(std::string_view, std::uint32_t v) { finish(), put(v); }
  void operator()(std::string_view, std::uint64_t v) { finish(), put(v); }
  template <class Length>
  void operator()(std::string_view, const Text<Length>& v) {
    ESCROW_INVARIANT(v.size() <= std::numeric_limits<Length>::max(), "a string fits the length in front of it");
    finish();
    put(static_cast<Length>(v.size()));
    out_.bytes(v);
  }
  void operator()(std::string_view, const FieldTable& v) { finish(), out_.table(v); }

  /// Writes the bits that wait.
  void finish() {
    if (count_ > 0) out_.u8(bits_);
    bits_ = 0;
    count_ = 0;
  }

 private:
  void put(std::uint8_t v) { out_.u8(v); }
  void put(std::uint16_t v) { out_.u16_be(v); }
  void put(std::uint32_t v) { out_.u32_be(v); }
  void put(std::uint64_t v) { out_.u64_be(v); }

  Sink& out_;
  std::uint8_t bits_ = 0;
  int count_ = 0;
};

/// Its mirror image. Failures are the reader's to remember.
class FieldDecoder {
 public:
  explicit FieldDecoder(ByteReader& in) : in_(in) {}

  [[gnu::always_inline]] void operator()(std::string_view, bool& v) {
    if (left_ == 0) bits_ = in_.u8(), left_ = 8;
    v = (bits_ & 1) != 0;
    bits_ = static_cast<std::uint8_t>(bits_ >> 1);
    --left_;
  }
  template <std::unsigned_integral T>
  [[gnu::always_inline]] void operator()(std::string_view, T& v) {
    left_ = 0;
    v = get<T>();
  }
  template <class Length>
  [[gnu::always_inline]] void operator()(std::string_view, Text<Length>& v) {
    left_ = 0;
    v = in_.bytes(get<Length>());
  }
  void operator()(std::string_view, FieldTable& v);

 private:
  template <std::unsigned_integral T>
  T get() {
    if constexpr (sizeof(T) == 1) return in_.u8();
    if constexpr (sizeof(T) == 2) return in_.u16_be();
    if constexpr (sizeof(T) == 4) return in_.u32_be();
    if constexpr (sizeof(T) == 8) return in_.u64_be();
  }

  ByteReader& in_;
  std::uint8_t bits_ = 0;
  int left_ = 0;
};

/// The payload of the method's frame.
template <class M, class Sink>
void write_method(const M& method, Sink& out) {
  out.u16_be(M::kId.class_id).u16_be(M::kId.method_id);
  FieldEncoder<Sink> encoder(out);
  for_each_field(method, encoder);
  encoder.finish();
}

template <class M>
std::size_t method_size(const M& method) {
  SizeSink sink;
  write_method(method, sink);
  return sink.size();
}

/// `size` is method_size(method).
template <class M>
void write_method_frame(std::uint16_t channel, const M& method, std::size_t size, RawSink& out) {
  write_frame_header(FrameType::kMethod, channel, size, out);
  write_method(method, out);
  out.u8(kFrameEnd);
}

template <class M, class Visitor>
[[gnu::always_inline]] inline Result<void, ProtocolError> decode_and_visit(ByteReader in, Visitor& visit) {
  M method;
  FieldDecoder decoder(in);
  for_each_field(method, decoder);
  if (!in.done()) return ProtocolError{ReplyCode::kFrameError, "a method is cut off, too long or malformed"};
  if constexpr (std::is_void_v<std::invoke_result_t<Visitor&, M&&>>) {
    visit(std::move(method));
    return {};
  } else {
    return visit(std::move(method));
  }
}

/// Out of line, and each method again: sixty methods inlined into one function would make the busy ones pay for its frame.
template <class M, class Visitor>
[[gnu::noinline]] Result<void, ProtocolError> decode_and_visit_apart(ByteReader in, Visitor& visit) {
  return decode_and_visit<M>(in, visit);
}

template <class Visitor>
[[gnu::noinline]] Result<void, ProtocolError> visit_rare_method(MethodId id, ByteReader in, Visitor& visit) {
  Result<void, ProtocolError> result = ProtocolError{ReplyCode::kNotImplemented, "unknown method"};
  Methods::any([&]<class M>(MethodType<M>) {
    if (M::kId != id) return false;
    result = decode_and_visit_apart<M>(in, visit);
    return true;
  });
  return result;
}

}  // namespace detail

/// Decodes the payload of a method frame and calls visit(M&&) with the method; its strings point into `payload`. The visitor
/// returns nothing, or a Result<void, ProtocolError> that is returned.
/// FRAME_ERROR: bytes are missing or left over, or a table is malformed. NOT_IMPLEMENTED: there is no such method.
template <class Visitor>
Result<void, ProtocolError> visit_method(std::string_view payload, Visitor&& visit) {
  ByteReader in(payload);
  const std::uint16_t class_id = in.u16_be();
  const MethodId id{class_id, in.u16_be()};
  if (!in.ok()) return ProtocolError{ReplyCode::kFrameError, "a method frame has no method"};
  if (id == BasicPublish::kId) return detail::decode_and_visit<BasicPublish>(in, visit);
  if (id == BasicAck::kId) return detail::decode_and_visit<BasicAck>(in, visit);
  if (id == BasicNack::kId) return detail::decode_and_visit<BasicNack>(in, visit);
  if (id == BasicReject::kId) return detail::decode_and_visit<BasicReject>(in, visit);
  return detail::visit_rare_method(id, in, visit);
}

/// Appends the whole frame of a method. The caller keeps it within the negotiated frame_max.
template <class M>
void encode_method(std::uint16_t channel, const M& method, std::string& out) {
  if constexpr (kHasTable<M>) {
    std::string payload;
    StringSink sink(payload);
    detail::write_method(method, sink);
    StringSink frame(out);
    write_frame_header(FrameType::kMethod, channel, payload.size(), frame);
    frame.bytes(payload).u8(kFrameEnd);
  } else {
    const std::size_t size = detail::method_size(method);
    RawSink sink(grow(out, kFrameOverhead + size));
    detail::write_method_frame(channel, method, size, sink);
  }
}

}  // namespace escrow::broker::amqp
