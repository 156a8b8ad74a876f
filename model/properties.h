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

/// Strings over 255 bytes are rejected with LIMIT_EXCEEDED.
Result<std::string> encode_properties(const Properties& properties);
/// Rejects with MALFORMED or LIMIT_EXCEEDED; the whole of `in` must be properties.
Result<Properties> decode_properties(std::string_view in);

}  // namespace escrow
