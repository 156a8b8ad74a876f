// AMQP 0-9-1 field tables with RabbitMQ's types: headers of messages, arguments of exchanges, queues and bindings.
//
// Encoding (AMQP 0-9-1 section 4.2.5.5, types as in RabbitMQ's errata):
//
//   table  u32 length │ { short-string name │ u8 type │ value }*
//   array  u32 length │ { u8 type │ value }*
//
//   t bool  b i8  B u8  s i16  u u16  I i32  i u32  l i64  f float  d double  D u8 scale + i32
//   S long string  x bytes  A array  T u64 seconds  F table  V nothing
//
// All integers big-endian. The order of fields is kept. L, the i64 of the specification's text, is read as l, as RabbitMQ
// reads it; it is never written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace escrow {

struct FieldValue;

struct FieldVoid {
  bool operator==(const FieldVoid&) const = default;
};
struct FieldDecimal {
  std::uint8_t scale = 0;
  std::int32_t unscaled = 0;
  bool operator==(const FieldDecimal&) const = default;
};
struct FieldTimestamp {
  std::uint64_t seconds = 0;
  bool operator==(const FieldTimestamp&) const = default;
};
struct FieldBytes {
  std::string bytes;
  bool operator==(const FieldBytes&) const = default;
};
using FieldArray = std::vector<FieldValue>;

/// Few fields and kept order make a vector the right map.
class FieldTable {
 public:
  struct Field;

  // Out of line, as all that needs to know a Field: its value may be a table.
  FieldTable();
  ~FieldTable();
  FieldTable(const FieldTable&);
  FieldTable& operator=(const FieldTable&);
  FieldTable(FieldTable&&) noexcept;
  FieldTable& operator=(FieldTable&&) noexcept;

  /// nullptr: no such field. With a name given twice, the first one counts.
  const FieldValue* find(std::string_view name) const;
  void set(std::string name, FieldValue value);
  /// For a decoder, which keeps what it was sent: no look for a field of the same name.
  void append_unchecked(std::string name, FieldValue value);
  bool erase(std::string_view name);

  bool empty() const;
  std::size_t size() const;
  std::vector<Field>::const_iterator begin() const;
  std::vector<Field>::const_iterator end() const;

  bool operator==(const FieldTable&) const;

 private:
  std::vector<Field> fields_;
};

struct FieldValue {
  using Kind = std::variant<FieldVoid, bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                            std::uint32_t, std::int64_t, float, double, FieldDecimal, std::string, FieldBytes,
                            FieldTimestamp, FieldArray, FieldTable>;
  Kind kind;

  bool operator==(const FieldValue&) const = default;
  /// Of any integer type; bool is none.
  bool is_integer() const;
  /// 0 unless is_integer().
  std::int64_t as_integer() const;
  const std::string* as_string() const { return std::get_if<std::string>(&kind); }
};

struct FieldTable::Field {
  std::string name;
  FieldValue value;
  bool operator==(const Field&) const = default;
};

/// Limits of a table that comes from outside (nesting counts tables and arrays).
inline constexpr std::size_t kMaxTableDepth = 32;
inline constexpr std::size_t kMaxTableEntries = 4096;
inline constexpr std::size_t kMaxShortString = 255;

/// Appends the table with its length in front. Names over kMaxShortString are the caller's error (invariant).
void encode_table(const FieldTable& table, std::string& out);

/// Reads one table from the front of `in` and advances it. Rejects with MALFORMED or LIMIT_EXCEEDED.
Result<FieldTable> decode_table(std::string_view& in);

/// The same without building the table, for bytes that pass through: rejects exactly what decode_table() rejects, advances
/// `in` as far, and returns the bytes of the table, its length in front. Allocates only an Error.
Result<std::string_view> check_table(std::string_view& in);

/// The field of this name in an encoded table (its length in front), decoded; the others are passed over. With a name given
/// twice, the first one counts. Nothing in a table that is malformed up to and including the field.
std::optional<FieldValue> find_in_table(std::string_view table, std::string_view name);

}  // namespace escrow
