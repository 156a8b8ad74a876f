// The consistent hash exchange (type x-consistent-hash, as RabbitMQ's plugin of that name): a message goes to one of the
// destinations, always to the same one for the same hashed value, and to each in proportion to its weight.
//
// Weighted rendezvous hashing: every destination draws a number from its name and the hashed value, and the highest one,
// weighted, takes the message. So the shares are exact whatever the weights, and a destination that comes or goes moves
// nothing but its own share. RabbitMQ's plugin moves more when a destination goes, because it numbers its buckets anew.
// The numbers depend on nothing but names and values: the same message goes the same way after a restart. Frozen.
//
// Arguments of the exchange: hash-header names a header to hash, hash-property one of message_id, correlation_id and
// timestamp; otherwise it is the routing key. The key of a binding is its weight.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/field_table.h"
#include "model/properties.h"

namespace escrow::broker {

inline constexpr std::string_view kHashHeader = "hash-header";
inline constexpr std::string_view kHashProperty = "hash-property";

/// What of a message is hashed.
struct HashedPart {
  enum class Kind : std::uint8_t { kRoutingKey, kHeader, kMessageId, kCorrelationId, kTimestamp };
  Kind kind = Kind::kRoutingKey;
  std::string header;

  /// Of a message that has no such header or property: empty, so that all of these go the same way. Not for kRoutingKey.
  std::string value(const Properties& properties) const;
};

/// ARGUMENT_INVALID: both are given, or one that makes no sense.
Result<HashedPart> parse_hashed_part(const FieldTable& arguments);

/// A decimal number from 1 to 2³² − 1; otherwise ARGUMENT_INVALID.
Result<std::uint32_t> parse_hash_weight(std::string_view binding_key);

/// FNV-1a, mixed.
std::uint64_t stable_hash(std::string_view bytes);

/// What one destination has drawn for the hashed value; the highest takes the message. With the same seed, the greater
/// weight always wins: a destination that is bound several times counts with its greatest weight.
double hash_score(std::uint64_t destination_seed, std::uint32_t weight, std::uint64_t value_hash);

}  // namespace escrow::broker
