// Field tables: protobuf ↔ model.
//
//   v1.FieldTable                  model
//   map, in no order               fields in order of name, so that a table has one encoded form: a repeated Prepare must
//                                  have the same content digest
//   Timestamp                      whole seconds; before 1970 is MALFORMED, after 9999 becomes the end of 9999
//   value without a kind           MALFORMED
//   string_value, bytes_value      kept byte by byte
//   a name that is not UTF-8       repaired on the way out
//   a name given twice (AMQP)      the first one counts
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "escrow/v1/message.pb.h"
#include "model/field_table.h"

namespace escrow::rpc {

/// Of a table in AMQP's encoding, roughly.
inline constexpr std::size_t kMaxHeadersBytes = 256 << 10;
inline constexpr std::size_t kMaxArgumentsBytes = 64 << 10;

/// Rejects with MALFORMED, or with LIMIT_EXCEEDED naming kMaxTableDepth, kMaxTableEntries, kMaxShortString or `max_bytes`
/// (table_bytes).
Result<FieldTable> to_model(const v1::FieldTable& table, std::size_t max_bytes = kMaxHeadersBytes);

void to_proto(const FieldTable& table, v1::FieldTable& out);
/// AMQP's seconds as google.protobuf.Timestamp can hold them.
std::int64_t timestamp_seconds(std::uint64_t seconds);

}  // namespace escrow::rpc
