#include "model/properties.h"

#include "base/bytes.h"

namespace escrow {
namespace {

/// One table drives both directions: visits every property in wire order with its flag.
template <class P, class Visitor>
void for_each_property(P& p, Visitor&& visit) {
  visit(std::uint16_t{1 << 15}, p.content_type);
  visit(std::uint16_t{1 << 14}, p.content_encoding);
  visit(std::uint16_t{1 << 13}, p.headers);
  visit(std::uint16_t{1 << 12}, p.delivery_mode);
  visit(std::uint16_t{1 << 11}, p.priority);
  visit(std::uint16_t{1 << 10}, p.correlation_id);
  visit(std::uint16_t{1 << 9}, p.reply_to);
  visit(std::uint16_t{1 << 8}, p.expiration);
  visit(std::uint16_t{1 << 7}, p.message_id);
  visit(std::uint16_t{1 << 6}, p.timestamp);
  visit(std::uint16_t{1 << 5}, p.type);
  visit(std::uint16_t{1 << 4}, p.user_id);
  visit(std::uint16_t{1 << 3}, p.app_id);
  visit(std::uint16_t{1 << 2}, p.cluster_id);
}

constexpr std::uint16_t kUnknownFlags = 0x3;

void encode(const std::string& v, std::string& out) {
  ByteWriter(out).u8(static_cast<std::uint8_t>(v.size())).bytes(v);
}
void encode(std::uint8_t v, std::string& out) { ByteWriter(out).u8(v); }
void encode(std::uint64_t v, std::string& out) { ByteWriter(out).u64_be(v); }
void encode(const FieldTable& v, std::string& out) { encode_table(v, out); }

bool too_long(const std::string& v) { return v.size() > kMaxShortString; }
template <class T>
bool too_long(const T&) {
  return false;
}

Result<void> decode(ByteReader& in, std::optional<std::string>& v) {
  v.emplace(in.bytes(in.u8()));
  return {};
}
Result<void> decode(ByteReader& in, std::optional<std::uint8_t>& v) {
  v = in.u8();
  return {};
}
Result<void> decode(ByteReader& in, std::optional<std::uint64_t>& v) {
  v = in.u64_be();
  return {};
}
Result<void> decode(ByteReader& in, std::optional<FieldTable>& v) {
  std::string_view rest = in.rest();
  Result<FieldTable> table = decode_table(rest);
  if (!table) return std::move(table).error();
  in.bytes(in.rest().size() - rest.size());
  v = std::move(*table);
  return {};
}

}  // namespace

Result<std::string> encode_properties(const Properties& properties) {
  std::uint16_t flags = 0;
  bool limit_exceeded = false;
  for_each_property(properties, [&](std::uint16_t flag, const auto& field) {
    if (!field) return;
    flags |= flag;
    limit_exceeded |= too_long(*field);
  });
  if (limit_exceeded) {
    return Error{ErrorCode::kInvalidArgument,
                 "LIMIT_EXCEEDED",
                 "a text property is longer than 255 bytes",
                 {{"limit", "property_bytes"}, {"maximum", std::to_string(kMaxShortString)}}};
  }
  std::string out;
  ByteWriter(out).u16_be(flags);
  for_each_property(properties, [&](std::uint16_t, const auto& field) {
    if (field) encode(*field, out);
  });
  return out;
}

Result<Properties> decode_properties(std::string_view in) {
  const Error malformed{ErrorCode::kInvalidArgument, "MALFORMED", "message properties do not follow AMQP 0-9-1", {}};
  ByteReader reader(in);
  const std::uint16_t flags = reader.u16_be();
  if (!reader.ok() || (flags & kUnknownFlags) != 0) return malformed;
  Properties properties;
  Result<void> result;
  for_each_property(properties, [&](std::uint16_t flag, auto& field) {
    if ((flags & flag) != 0 && result.ok()) result = decode(reader, field);
  });
  if (!result) return std::move(result).error();
  if (!reader.done()) return malformed;
  return properties;
}

}  // namespace escrow
