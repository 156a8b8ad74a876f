#include "model/properties.h"

#include "base/bytes.h"

namespace escrow {
namespace {

/// One table drives all directions: visits every property in wire order with its flag, of several structs side by side.
template <class Visitor, class... P>
void for_each_property(Visitor&& visit, P&... p) {
  visit(std::uint16_t{1 << 15}, p.content_type...);
  visit(std::uint16_t{1 << 14}, p.content_encoding...);
  visit(std::uint16_t{1 << 13}, p.headers...);
  visit(std::uint16_t{1 << 12}, p.delivery_mode...);
  visit(std::uint16_t{1 << 11}, p.priority...);
  visit(std::uint16_t{1 << 10}, p.correlation_id...);
  visit(std::uint16_t{1 << 9}, p.reply_to...);
  visit(std::uint16_t{1 << 8}, p.expiration...);
  visit(std::uint16_t{1 << 7}, p.message_id...);
  visit(std::uint16_t{1 << 6}, p.timestamp...);
  visit(std::uint16_t{1 << 5}, p.type...);
  visit(std::uint16_t{1 << 4}, p.user_id...);
  visit(std::uint16_t{1 << 3}, p.app_id...);
  visit(std::uint16_t{1 << 2}, p.cluster_id...);
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

void scan(ByteReader& in, std::optional<std::string_view>& v) { v = in.bytes(in.u8()); }
void scan(ByteReader& in, std::optional<std::uint8_t>& v) { v = in.u8(); }
void scan(ByteReader& in, std::optional<std::uint64_t>& v) { v = in.u64_be(); }

void scan(ByteReader& in, std::optional<EncodedTable>& v) {
  std::string_view rest = in.rest();
  const Result<std::string_view> table = check_table(rest);
  table ? void(v = EncodedTable{in.bytes(table->size())}) : in.fail();
}

/// `headers`: what follows where the table begins, for why_refused().
inline bool scan(std::string_view in, PropertiesView& view, std::string_view& headers) {
  ByteReader reader(in);
  const std::uint16_t flags = reader.u16_be();
  const auto read = [&](std::uint16_t flag, auto& field) {
    if ((flags & flag) == 0) return;
    if constexpr (std::is_same_v<decltype(field), std::optional<EncodedTable>&>) headers = reader.rest();
    scan(reader, field);
  };
  for_each_property(read, view);
  return reader.done() && (flags & kUnknownFlags) == 0;
}

std::string owned(std::string_view v) { return std::string(v); }
std::uint8_t owned(std::uint8_t v) { return v; }
std::uint64_t owned(std::uint64_t v) { return v; }
/// Of a table that was checked.
FieldTable owned(EncodedTable v) { return *decode_table(v.bytes); }

/// Only a message that is refused pays for the reason: the table is checked once more.
Error why_refused(std::string_view headers) {
  if (!headers.empty()) {
    if (auto table = check_table(headers); !table) return std::move(table).error();
  }
  return {ErrorCode::kInvalidArgument, "MALFORMED", "message properties do not follow AMQP 0-9-1", {}};
}

}  // namespace

Result<std::string> encode_properties(const Properties& properties) {
  std::uint16_t flags = 0;
  bool limit_exceeded = false;
  const auto check = [&](std::uint16_t flag, const auto& field) {
    if (!field) return;
    flags |= flag;
    limit_exceeded |= too_long(*field);
  };
  for_each_property(check, properties);
  if (limit_exceeded) {
    return Error{ErrorCode::kInvalidArgument,
                 "LIMIT_EXCEEDED",
                 "a text property is longer than 255 bytes",
                 {{"limit", "property_bytes"}, {"maximum", std::to_string(kMaxShortString)}}};
  }
  std::string out;
  ByteWriter(out).u16_be(flags);
  const auto write = [&](std::uint16_t, const auto& field) {
    if (field) encode(*field, out);
  };
  for_each_property(write, properties);
  return out;
}

bool scan_properties(std::string_view in, PropertiesView& view) {
  std::string_view headers;
  return scan(in, view, headers);
}

Result<PropertiesView> scan_properties(std::string_view in) {
  Result<PropertiesView> result{std::in_place};
  std::string_view headers;
  if (!scan(in, *result, headers)) result = why_refused(headers);
  return result;
}

Result<Properties> decode_properties(std::string_view in) {
  const Result<PropertiesView> view = scan_properties(in);
  if (!view) return view.error();
  Properties properties;
  const auto copy = [](std::uint16_t, const auto& from, auto& to) {
    if (from) to = owned(*from);
  };
  for_each_property(copy, *view, properties);
  return properties;
}

bool is_persistent(std::string_view properties) {
  constexpr std::uint8_t kPersistent = 2;
  ByteReader reader(properties);
  const std::uint16_t flags = reader.u16_be();
  if ((flags & (1 << 12)) == 0) return false;
  if ((flags & (1 << 15)) != 0) reader.bytes(reader.u8());
  if ((flags & (1 << 14)) != 0) reader.bytes(reader.u8());
  if ((flags & (1 << 13)) != 0) reader.bytes(reader.u32_be());
  return reader.u8() == kPersistent;
}

}  // namespace escrow
