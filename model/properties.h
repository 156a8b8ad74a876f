// The properties of a message, as AMQP 0-9-1 content headers carry them (section 4.2.6.1, class basic).
//
// Messages keep them encoded, so that what a client sent passes through untouched; this file takes them apart for who
// needs a field. The encoded form is
//
//   u16 flags (bit 15 content-type … bit 2 cluster-id; bit 0 of RabbitMQ's single word is always 0) │ the set properties
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/field_table.h"

namespace escrow {

struct Properties {
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<FieldTable> headers;
  std::optional<std::uint8_t> delivery_mode;  ///< 2: persistent
  std::optional<std::uint8_t> priority;
  std::optional<std::string> correlation_id;
  std::optional<std::string> reply_to;
  std::optional<std::string> expiration;  ///< milliseconds as decimal text
  std::optional<std::string> message_id;
  std::optional<std::uint64_t> timestamp;  ///< seconds since the epoch
  std::optional<std::string> type;
  std::optional<std::string> user_id;
  std::optional<std::string> app_id;
  std::optional<std::string> cluster_id;  ///< deprecated by AMQP 0-9-1, carried all the same

  bool operator==(const Properties&) const = default;
};

/// A field table as it was sent, its length in front: for decode_table() and find_in_table().
struct EncodedTable {
  std::string_view bytes;
  bool operator==(const EncodedTable&) const = default;
};

/// The same properties where they lie: points into the encoded form and is valid as long as that is.
struct PropertiesView {
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> content_encoding;
  std::optional<EncodedTable> headers;
  std::optional<std::uint8_t> delivery_mode;
  std::optional<std::uint8_t> priority;
  std::optional<std::string_view> correlation_id;
  std::optional<std::string_view> reply_to;
  std::optional<std::string_view> expiration;
  std::optional<std::string_view> message_id;
  std::optional<std::uint64_t> timestamp;
  std::optional<std::string_view> type;
  std::optional<std::string_view> user_id;
  std::optional<std::string_view> app_id;
  std::optional<std::string_view> cluster_id;

  /// User-provided, so that what is not set is not zeroed first: that would be most of the cost of a scan.
  PropertiesView() {}  // NOLINT(modernize-use-equals-default)
  bool operator==(const PropertiesView&) const = default;
};

/// Encoded: delivery mode 2 and nothing else.
inline constexpr std::string_view kPersistentProperties{"\x10\x00\x02", 3};

/// Strings over 255 bytes are rejected with LIMIT_EXCEEDED.
Result<std::string> encode_properties(const Properties& properties);
/// Rejects with MALFORMED or LIMIT_EXCEEDED; the whole of `in` must be properties.
Result<Properties> decode_properties(std::string_view in);
/// Rejects what decode_properties() rejects, the headers' table included, and allocates only an Error: for messages that
/// pass through, of which a property or two are looked at.
Result<PropertiesView> scan_properties(std::string_view in);
/// The same into a `view` that is new, for who needs no reason and no copy; false: rejected.
bool scan_properties(std::string_view in, PropertiesView& view);

/// Their delivery mode is 2. Looks at no more than it has to, of properties that scan_properties() accepts.
bool is_persistent(std::string_view properties);

}  // namespace escrow
