// Where encoded bytes go. A method is encoded into a Size first and then into a Raw of exactly that size, by the same code;
// only what contains a table, whose size nobody knows before, is appended piece by piece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "model/field_table.h"

namespace escrow::broker::amqp {

class SizeSink {
 public:
  SizeSink& u8(std::uint8_t) { return add(1); }
  SizeSink& u16_be(std::uint16_t) { return add(2); }
  SizeSink& u32_be(std::uint32_t) { return add(4); }
  SizeSink& u64_be(std::uint64_t) { return add(8); }
  SizeSink& bytes(std::string_view v) { return add(v.size()); }
  std::size_t size() const { return size_; }

 private:
  SizeSink& add(std::size_t n) { return size_ += n, *this; }
  std::size_t size_ = 0;
};

/// Writes where the caller made room; does not check.
class RawSink {
 public:
  explicit RawSink(char* at) : at_(at) {}

  RawSink& u8(std::uint8_t v) { return raw(v); }
  RawSink& u16_be(std::uint16_t v) { return raw(v); }
  RawSink& u32_be(std::uint32_t v) { return raw(v); }
  RawSink& u64_be(std::uint64_t v) { return raw(v); }
  RawSink& bytes(std::string_view v) {
    at_ = std::copy(v.begin(), v.end(), at_);  // v may be null, which memcpy must not see
    return *this;
  }

 private:
  template <std::unsigned_integral T>
  RawSink& raw(T v) {
    v = escrow::detail::byte_swap(v);
    std::memcpy(at_, &v, sizeof v);
    at_ += sizeof v;
    return *this;
  }
  char* at_;
};

class StringSink : public ByteWriter {
 public:
  explicit StringSink(std::string& out) : ByteWriter(out), out_(out) {}
  void table(const FieldTable& v) { encode_table(v, out_); }

 private:
  std::string& out_;
};

/// Makes `out` longer by `size` bytes and returns where they begin.
inline char* grow(std::string& out, std::size_t size) {
  const std::size_t at = out.size();
  out.resize(at + size);
  return out.data() + at;
}

}  // namespace escrow::broker::amqp
