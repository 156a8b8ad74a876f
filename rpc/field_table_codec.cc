#include "rpc/field_table_codec.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "rpc/status.h"
#include "rpc/utf8.h"

namespace escrow::rpc {
namespace {

/// The last second that google.protobuf.Timestamp can hold: 9999-12-31T23:59:59Z.
constexpr std::uint64_t kMaxTimestampSeconds = 253'402'300'799;
/// What a field has at most besides name, text and bytes: type and number, or lengths.
constexpr std::size_t kFieldBytes = 10;

/// Recursive descent with a budget of depth, entries and bytes; remembers the first error.
class Decoder {
 public:
  explicit Decoder(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  FieldTable table(const v1::FieldTable& in, std::size_t depth) {
    FieldTable out;
    if (depth > kMaxTableDepth) return fail(limit_exceeded("table_depth", kMaxTableDepth)), out;
    using Entry = google::protobuf::Map<std::string, v1::FieldValue>::value_type;
    std::vector<const Entry*> entries;
    entries.reserve(in.fields().size());
    for (const Entry& entry : in.fields()) entries.push_back(&entry);
    std::ranges::sort(entries, {}, &Entry::first);
    for (const Entry* entry : entries) {
      if (!count_entry(entry->first.size())) break;
      if (entry->first.size() > kMaxShortString) {
        fail(limit_exceeded("field_name_bytes", kMaxShortString));
        break;
      }
      // A map has no name twice.
      out.append_unchecked(entry->first, value(entry->second, depth));
      if (error_) break;
    }
    return out;
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  FieldArray array(const v1::FieldArray& in, std::size_t depth) {
    FieldArray out;
    if (depth > kMaxTableDepth) return fail(limit_exceeded("table_depth", kMaxTableDepth)), out;
    for (const v1::FieldValue& item : in.values()) {
      if (!count_entry(0)) break;
      out.push_back(value(item, depth));
      if (error_) break;
    }
    return out;
  }

  FieldValue value(const v1::FieldValue& in, std::size_t depth) {
    switch (in.kind_case()) {
      case v1::FieldValue::kBoolValue:
        return {in.bool_value()};
      case v1::FieldValue::kInt8Value:
        return narrow<std::int8_t>(in.int8_value());
      case v1::FieldValue::kInt16Value:
        return narrow<std::int16_t>(in.int16_value());
      case v1::FieldValue::kInt32Value:
        return {std::int32_t{in.int32_value()}};
      case v1::FieldValue::kInt64Value:
        return {std::int64_t{in.int64_value()}};
      case v1::FieldValue::kUint8Value:
        return narrow<std::uint8_t>(in.uint8_value());
      case v1::FieldValue::kUint16Value:
        return narrow<std::uint16_t>(in.uint16_value());
      case v1::FieldValue::kUint32Value:
        return {std::uint32_t{in.uint32_value()}};
      case v1::FieldValue::kFloatValue:
        return {in.float_value()};
      case v1::FieldValue::kDoubleValue:
        return {in.double_value()};
      case v1::FieldValue::kDecimalValue:
        return decimal(in.decimal_value());
      case v1::FieldValue::kStringValue:
        if (!count(in.string_value().size())) return {FieldVoid{}};
        return {in.string_value()};
      case v1::FieldValue::kBytesValue:
        if (!count(in.bytes_value().size())) return {FieldVoid{}};
        return {FieldBytes{in.bytes_value()}};
      case v1::FieldValue::kArrayValue:
        return {array(in.array_value(), depth + 1)};
      case v1::FieldValue::kTableValue:
        return {table(in.table_value(), depth + 1)};
      case v1::FieldValue::kTimestampValue:
        return timestamp(in.timestamp_value().seconds());
      case v1::FieldValue::kVoidValue:
        return {FieldVoid{}};
      case v1::FieldValue::KIND_NOT_SET:
        break;
    }
    fail(malformed("a field has no value, or one of a type that this server does not know"));
    return {FieldVoid{}};
  }

  template <class To, class From>
  FieldValue narrow(From in) {
    if (!std::in_range<To>(in)) fail(malformed("a number does not fit the type of its field"));
    return {static_cast<To>(in)};
  }

  FieldValue decimal(const v1::FieldValue::Decimal& in) {
    if (in.scale() > std::numeric_limits<std::uint8_t>::max()) fail(malformed("a decimal's scale is above 255"));
    return {FieldDecimal{static_cast<std::uint8_t>(in.scale()), in.unscaled()}};
  }

  FieldValue timestamp(std::int64_t seconds) {
    if (seconds < 0) fail(malformed("a timestamp is before 1970"));
    return {FieldTimestamp{static_cast<std::uint64_t>(seconds)}};
  }

  bool count_entry(std::size_t name_bytes) {
    if (++entries_ > kMaxTableEntries) fail(limit_exceeded("table_entries", kMaxTableEntries));
    return count(kFieldBytes + name_bytes);
  }
  bool count(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > max_bytes_) fail(limit_exceeded("table_bytes", max_bytes_));
    return !error_;
  }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  const std::size_t max_bytes_;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
  std::optional<Error> error_;
};

struct Encoder {
  v1::FieldValue& out;

  void operator()(FieldVoid) const { out.set_void_value(true); }
  void operator()(bool v) const { out.set_bool_value(v); }
  void operator()(std::int8_t v) const { out.set_int8_value(v); }
  void operator()(std::uint8_t v) const { out.set_uint8_value(v); }
  void operator()(std::int16_t v) const { out.set_int16_value(v); }
  void operator()(std::uint16_t v) const { out.set_uint16_value(v); }
  void operator()(std::int32_t v) const { out.set_int32_value(v); }
  void operator()(std::uint32_t v) const { out.set_uint32_value(v); }
  void operator()(std::int64_t v) const { out.set_int64_value(v); }
  void operator()(float v) const { out.set_float_value(v); }
  void operator()(double v) const { out.set_double_value(v); }
  void operator()(FieldDecimal v) const {
    out.mutable_decimal_value()->set_scale(v.scale);
    out.mutable_decimal_value()->set_unscaled(v.unscaled);
  }
  void operator()(const std::string& v) const { out.set_string_value(v); }
  void operator()(const FieldBytes& v) const { out.set_bytes_value(v.bytes); }
  void operator()(FieldTimestamp v) const { out.mutable_timestamp_value()->set_seconds(timestamp_seconds(v.seconds)); }
  void operator()(const FieldArray& v) const {
    v1::FieldArray& array = *out.mutable_array_value();
    for (const FieldValue& item : v) std::visit(Encoder{*array.add_values()}, item.kind);
  }
  void operator()(const FieldTable& v) const { to_proto(v, *out.mutable_table_value()); }
};

}  // namespace

std::int64_t timestamp_seconds(std::uint64_t seconds) {
  return static_cast<std::int64_t>(std::min(seconds, kMaxTimestampSeconds));
}

Result<FieldTable> to_model(const v1::FieldTable& table, std::size_t max_bytes) {
  Decoder decoder(max_bytes);
  FieldTable out = decoder.table(table, 1);
  if (decoder.error()) return *decoder.error();
  return out;
}

void to_proto(const FieldTable& table, v1::FieldTable& out) {
  auto& fields = *out.mutable_fields();
  for (const auto& [name, value] : table) {
    const auto [field, added] = fields.insert({to_utf8(name), v1::FieldValue()});
    if (added) std::visit(Encoder{field->second}, value.kind);
  }
}

}  // namespace escrow::rpc
