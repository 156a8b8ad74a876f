// Headers of messages and arguments of exchanges, queues and bindings: an AMQP 0-9-1 field table with
// RabbitMQ's types. Plain values; not thread-safe, like any container.
//
//   FieldTable headers;
//   headers["attempt"] = 3;
//   headers["region"] = "north";
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace escrow::client {

struct FieldValue;

/// The field type without a value.
struct FieldVoid {
  bool operator==(const FieldVoid&) const = default;
};
struct FieldDecimal {
  std::uint8_t scale = 0;
  std::int32_t unscaled = 0;
  bool operator==(const FieldDecimal&) const = default;
};
/// A byte array ('x'); text goes as std::string, the long string that headers usually are.
struct FieldBytes {
  std::string bytes;
  bool operator==(const FieldBytes&) const = default;
};
using FieldArray = std::vector<FieldValue>;
using FieldTable = std::map<std::string, FieldValue, std::less<>>;

/// The sixteen types of RabbitMQ's field tables, and void.
using FieldKind = std::variant<FieldVoid, bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                               std::uint16_t, std::uint32_t, float, double, FieldDecimal, std::string, FieldBytes,
                               Timestamp, FieldArray, FieldTable>;

/// What one of the kinds can be made of without loss.
template <class T>
concept FieldLike = !std::same_as<std::remove_cvref_t<T>, FieldValue> && std::constructible_from<FieldKind, T>;

struct FieldValue {
  FieldKind kind;

  FieldValue() = default;
  /// 3 becomes an int32, "x" a string.
  template <FieldLike T>
  // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload): see FieldLike
  FieldValue(T&& value) : kind(std::forward<T>(value)) {}

  /// The value as T, or nullptr when it is of another kind.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&kind);
  }
  bool operator==(const FieldValue& other) const { return kind == other.kind; }
};

}  // namespace escrow::client
