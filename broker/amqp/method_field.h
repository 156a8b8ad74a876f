// What the methods of AMQP 0-9-1 are made of: a struct per method, with its ids, its name and one list of its fields, from
// which encoding, decoding and printing are derived.
//
//   struct BasicAck {
//     static constexpr MethodId kId{60, 80};
//     static constexpr std::string_view kName = "basic.ack";
//     static constexpr auto fields() { return std::tuple(Field{"delivery-tag", &BasicAck::delivery_tag}, ...); }
//     ...
//   };
//
// The type of a member is its type on the wire (section 4.2.5):
//
//   bool           bit; consecutive ones share an octet, the first in the lowest bit
//   std::uintN_t   octet, short, long, long-long; big-endian
//   ShortString    u8 length │ bytes
//   LongString     u32 length │ bytes
//   FieldTable     see model/field_table.h
//
// Strings of a decoded method point into what it was decoded from.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "model/field_table.h"

namespace escrow::broker::amqp {

/// A string whose length stands in front of it as a `Length`. Not owning.
template <class Length>
struct Text : std::string_view {
  using std::string_view::string_view;
  constexpr Text() = default;
  constexpr Text(std::string_view text) : std::string_view(text) {}    // NOLINT(google-explicit-constructor)
  constexpr Text(const std::string& text) : std::string_view(text) {}  // NOLINT(google-explicit-constructor)
};
/// Longer than 255 bytes is the encoding caller's error (invariant).
using ShortString = Text<std::uint8_t>;
using LongString = Text<std::uint32_t>;
/// A LongString that is never printed: passwords pass through it.
struct Secret : LongString {
  using LongString::LongString;
  constexpr Secret() = default;
  constexpr Secret(std::string_view text) : LongString(text) {}    // NOLINT(google-explicit-constructor)
  constexpr Secret(const std::string& text) : LongString(text) {}  // NOLINT(google-explicit-constructor)
};

struct MethodId {
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;

  bool operator==(const MethodId&) const = default;
};

template <class M, class T>
struct Field {
  std::string_view name;
  T M::*member;
};
template <class M, class T>
Field(const char*, T M::*) -> Field<M, T>;

/// Calls visit(name, value) for every field of a method in the order of the wire.
template <class M, class Visitor>
constexpr void for_each_field(M& method, Visitor&& visit) {
  std::apply([&](const auto&... field) { (visit(field.name, method.*field.member), ...); },
             std::remove_const_t<M>::fields());
}

/// Whether a content header and a body follow the method.
template <class M>
concept CarriesContent = requires {
  { M::kCarriesContent } -> std::convertible_to<bool>;
};

/// Whether a field of the method is a table: only such ones allocate.
template <class M>
inline constexpr bool kHasTable =
    std::apply([]<class... T>(const Field<M, T>&...) { return (std::same_as<T, FieldTable> || ...); }, M::fields());

}  // namespace escrow::broker::amqp
