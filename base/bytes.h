// Writing and reading of stored and transmitted integers and strings.
//
//   u8 u16 u32 u64   fixed width, little-endian in values, big-endian (`_be`) in keys, so that byte order is number order
//   varint           unsigned LEB128, at most ten bytes
//   string           varint length, then the bytes
//
// A reader never throws and never reads past its end: it remembers the first failure, and `ok()` is asked once.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace escrow {

namespace detail {
template <std::unsigned_integral T>
constexpr T byte_swap(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}
static_assert(std::endian::native == std::endian::little, "stored integers are little-endian");
}  // namespace detail

/// Appends to a string it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  ByteWriter& u8(std::uint8_t v) { return out_.push_back(static_cast<char>(v)), *this; }
  ByteWriter& u16(std::uint16_t v) { return raw(v); }
  ByteWriter& u32(std::uint32_t v) { return raw(v); }
  ByteWriter& u64(std::uint64_t v) { return raw(v); }
  ByteWriter& i64(std::int64_t v) { return raw(static_cast<std::uint64_t>(v)); }
  ByteWriter& u16_be(std::uint16_t v) { return raw(detail::byte_swap(v)); }
  ByteWriter& u32_be(std::uint32_t v) { return raw(detail::byte_swap(v)); }
  ByteWriter& u64_be(std::uint64_t v) { return raw(detail::byte_swap(v)); }
  ByteWriter& varint(std::uint64_t v) {
    char buffer[10];
    std::size_t n = 0;
    for (; v >= 0x80; v >>= 7) buffer[n++] = static_cast<char>(v | 0x80);
    buffer[n++] = static_cast<char>(v);
    out_.append(buffer, n);
    return *this;
  }
  ByteWriter& bytes(std::string_view v) { return out_.append(v), *this; }
  ByteWriter& string(std::string_view v) { return varint(v.size()).bytes(v); }

 private:
  template <std::unsigned_integral T>
  ByteWriter& raw(T v) {
    char buffer[sizeof(T)];
    std::memcpy(buffer, &v, sizeof(T));
    out_.append(buffer, sizeof(T));
    return *this;
  }
  std::string& out_;
};

/// Reads from bytes it does not own; what it returns points into them.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return raw<std::uint8_t>(); }
  std::uint16_t u16() { return raw<std::uint16_t>(); }
  std::uint32_t u32() { return raw<std::uint32_t>(); }
  std::uint64_t u64() { return raw<std::uint64_t>(); }
  std::int64_t i64() { return static_cast<std::int64_t>(raw<std::uint64_t>()); }
  std::uint16_t u16_be() { return detail::byte_swap(u16()); }
  std::uint32_t u32_be() { return detail::byte_swap(u32()); }
  std::uint64_t u64_be() { return detail::byte_swap(u64()); }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const std::uint8_t byte = u8();
      if (!ok_ || (shift == 63 && byte > 1)) break;
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    return fail(), 0;
  }
  std::string_view bytes(std::uint64_t n) {
    if (n > in_.size()) return fail(), std::string_view();
    const std::string_view v = in_.substr(0, n);
    in_.remove_prefix(n);
    return v;
  }
  std::string_view string() { return bytes(varint()); }

  bool ok() const { return ok_; }
  /// Everything was read and nothing failed.
  bool done() const { return ok_ && in_.empty(); }
  std::string_view rest() const { return in_; }
  void fail() {
    ok_ = false;
    in_ = {};
  }

 private:
  template <std::unsigned_integral T>
  T raw() {
    if (in_.size() < sizeof(T)) return fail(), T{0};
    T v;
    std::memcpy(&v, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
    return v;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace escrow
