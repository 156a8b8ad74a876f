#include "client/cpp/internal/message_codec.h"

#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <type_traits>
#include <utility>
#include <variant>

namespace escrow::client::internal {
namespace {

/// Puts each kind of field value into its field of the oneof.
struct FieldEncoder {
  v1::FieldValue& out;

  void operator()(FieldVoid) const { out.set_void_value(true); }
  void operator()(bool v) const { out.set_bool_value(v); }
  void operator()(std::int8_t v) const { out.set_int8_value(v); }
  void operator()(std::int16_t v) const { out.set_int16_value(v); }
  void operator()(std::int32_t v) const { out.set_int32_value(v); }
  void operator()(std::int64_t v) const { out.set_int64_value(v); }
  void operator()(std::uint8_t v) const { out.set_uint8_value(v); }
  void operator()(std::uint16_t v) const { out.set_uint16_value(v); }
  void operator()(std::uint32_t v) const { out.set_uint32_value(v); }
  void operator()(float v) const { out.set_float_value(v); }
  void operator()(double v) const { out.set_double_value(v); }
  void operator()(const FieldDecimal& v) const {
    out.mutable_decimal_value()->set_scale(v.scale);
    out.mutable_decimal_value()->set_unscaled(v.unscaled);
  }
  void operator()(const std::string& v) const { out.set_string_value(v); }
  void operator()(const FieldBytes& v) const { out.set_bytes_value(v.bytes); }
  void operator()(Timestamp v) const { to_proto(v, *out.mutable_timestamp_value()); }
  void operator()(const FieldArray& v) const {
    auto& array = *out.mutable_array_value();
    for (const FieldValue& value : v) std::visit(FieldEncoder{*array.add_values()}, value.kind);
  }
  void operator()(const FieldTable& v) const { to_proto(v, *out.mutable_table_value()); }
};

FieldValue decode_field(const v1::FieldValue& value) {
  switch (value.kind_case()) {
    case v1::FieldValue::kBoolValue:
      return value.bool_value();
    case v1::FieldValue::kInt8Value:
      return static_cast<std::int8_t>(value.int8_value());
    case v1::FieldValue::kInt16Value:
      return static_cast<std::int16_t>(value.int16_value());
    case v1::FieldValue::kInt32Value:
      return std::int32_t{value.int32_value()};
    case v1::FieldValue::kInt64Value:
      return std::int64_t{value.int64_value()};
    case v1::FieldValue::kUint8Value:
      return static_cast<std::uint8_t>(value.uint8_value());
    case v1::FieldValue::kUint16Value:
      return static_cast<std::uint16_t>(value.uint16_value());
    case v1::FieldValue::kUint32Value:
      return std::uint32_t{value.uint32_value()};
    case v1::FieldValue::kFloatValue:
      return value.float_value();
    case v1::FieldValue::kDoubleValue:
      return value.double_value();
    case v1::FieldValue::kDecimalValue:
      return FieldDecimal{static_cast<std::uint8_t>(value.decimal_value().scale()), value.decimal_value().unscaled()};
    case v1::FieldValue::kStringValue:
      return value.string_value();
    case v1::FieldValue::kBytesValue:
      return FieldBytes{value.bytes_value()};
    case v1::FieldValue::kTimestampValue:
      return from_proto(value.timestamp_value());
    case v1::FieldValue::kArrayValue: {
      FieldArray array;
      for (const auto& element : value.array_value().values()) array.push_back(decode_field(element));
      return array;
    }
    case v1::FieldValue::kTableValue:
      return from_proto(value.table_value());
    case v1::FieldValue::kVoidValue:
    case v1::FieldValue::KIND_NOT_SET:
      break;
  }
  return {};
}

/// The textual properties: one list for both directions.
#define ESCROW_TEXT_PROPERTIES(X) \
  X(content_type)                 \
  X(content_encoding)             \
  X(correlation_id)               \
  X(reply_to)                     \
  X(expiration)                   \
  X(message_id)                   \
  X(type)                         \
  X(user_id)                      \
  X(app_id)

void encode_properties(Properties&& properties, v1::Properties& out) {
#define ESCROW_ENCODE(name) \
  if (properties.name) out.set_##name(std::move(*properties.name));
  ESCROW_TEXT_PROPERTIES(ESCROW_ENCODE)
#undef ESCROW_ENCODE
  if (!properties.headers.empty()) to_proto(properties.headers, *out.mutable_headers());
  if (properties.persistent) out.set_persistent(*properties.persistent);
  if (properties.priority) out.set_priority(*properties.priority);
  if (properties.timestamp) to_proto(*properties.timestamp, *out.mutable_timestamp());
}

Properties decode_properties(v1::Properties&& properties) {
  Properties out;
#define ESCROW_DECODE(name) \
  if (properties.has_##name()) out.name = std::move(*properties.mutable_##name());
  ESCROW_TEXT_PROPERTIES(ESCROW_DECODE)
#undef ESCROW_DECODE
  out.headers = from_proto(properties.headers());
  if (properties.has_persistent()) out.persistent = properties.persistent();
  if (properties.has_priority()) out.priority = static_cast<std::uint8_t>(properties.priority());
  if (properties.has_timestamp()) out.timestamp = from_proto(properties.timestamp());
  return out;
}

}  // namespace

void to_proto(const FieldTable& table, v1::FieldTable& out) {
  for (const auto& [name, value] : table) {
    std::visit(FieldEncoder{(*out.mutable_fields())[name]}, value.kind);
  }
}

FieldTable from_proto(const v1::FieldTable& table) {
  FieldTable out;
  for (const auto& [name, value] : table.fields()) out.emplace(name, decode_field(value));
  return out;
}

void to_proto(Message&& message, v1::Message& out) {
  out.set_exchange(std::move(message.exchange));
  out.set_routing_key(std::move(message.routing_key));
  out.set_body(std::move(message.body));
  out.set_vhost(std::move(message.vhost));
  if (message.properties != Properties{}) encode_properties(std::move(message.properties), *out.mutable_properties());
}

Message from_proto(v1::Message&& message) {
  Message out{.exchange = std::move(*message.mutable_exchange()),
              .routing_key = std::move(*message.mutable_routing_key()),
              .body = std::move(*message.mutable_body()),
              .vhost = std::move(*message.mutable_vhost())};
  if (message.has_properties()) out.properties = decode_properties(std::move(*message.mutable_properties()));
  return out;
}

void to_proto(std::chrono::milliseconds duration, google::protobuf::Duration& out) {
  out.set_seconds(duration.count() / 1000);
  out.set_nanos(static_cast<std::int32_t>(duration.count() % 1000 * 1'000'000));
}

void to_proto(Timestamp time, google::protobuf::Timestamp& out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(time - seconds).count()));
}

Timestamp from_proto(const google::protobuf::Timestamp& time) {
  return Timestamp(std::chrono::seconds(time.seconds()) + Duration(time.nanos() / 1000));
}

}  // namespace escrow::client::internal
