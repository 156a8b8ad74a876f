#include "broker/core/consistent_hash.h"

#include <charconv>
#include <cmath>

namespace escrow::broker {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, "ARGUMENT_INVALID", std::move(message), {}}; }

/// The finalizer of splitmix64: every bit of the input moves every bit of the output.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// The same bytes for the same number whatever its width.
std::string bytes_of(const FieldValue& value) {
  if (const std::string* text = value.as_string()) return *text;
  if (value.is_integer()) return std::to_string(value.as_integer());
  FieldTable table;
  table.set("", value);
  std::string bytes;
  encode_table(table, bytes);
  return bytes;
}

}  // namespace

std::string HashedPart::value(const Properties& properties) const {
  switch (kind) {
    case Kind::kHeader: {
      const FieldValue* found = properties.headers ? properties.headers->find(header) : nullptr;
      return found == nullptr ? std::string() : bytes_of(*found);
    }
    case Kind::kMessageId:
      return properties.message_id.value_or("");
    case Kind::kCorrelationId:
      return properties.correlation_id.value_or("");
    case Kind::kTimestamp:
      return properties.timestamp ? std::to_string(*properties.timestamp) : std::string();
    case Kind::kRoutingKey:
      break;
  }
  return {};
}

Result<HashedPart> parse_hashed_part(const FieldTable& arguments) {
  const FieldValue* header = arguments.find(kHashHeader);
  const FieldValue* property = arguments.find(kHashProperty);
  if (header != nullptr && property != nullptr) {
    return invalid("hash-header and hash-property are mutually exclusive");
  }
  if (header != nullptr) {
    if (header->as_string() == nullptr) return invalid("hash-header must be a string");
    return HashedPart{HashedPart::Kind::kHeader, *header->as_string()};
  }
  if (property == nullptr) return HashedPart{};
  if (property->as_string() == nullptr) return invalid("hash-property must be a string");
  const std::string& name = *property->as_string();
  if (name == "message_id") return HashedPart{HashedPart::Kind::kMessageId, {}};
  if (name == "correlation_id") return HashedPart{HashedPart::Kind::kCorrelationId, {}};
  if (name == "timestamp") return HashedPart{HashedPart::Kind::kTimestamp, {}};
  return invalid("Unsupported property: " + name);
}

Result<std::uint32_t> parse_hash_weight(std::string_view binding_key) {
  std::uint32_t weight = 0;
  const char* const last = binding_key.data() + binding_key.size();
  const auto [end, error] = std::from_chars(binding_key.data(), last, weight);
  if (error != std::errc() || end != last) {
    return invalid("The binding key must be an integer: <<\"" + std::string(binding_key) + "\">>");
  }
  if (weight == 0) return invalid("The binding key must be greater than 0");
  return weight;
}

std::uint64_t stable_hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return mix(hash);
}

double hash_score(std::uint64_t destination_seed, std::uint32_t weight, std::uint64_t value_hash) {
  // In (0, 1), without its ends: 52 bits and a half, which a double holds exactly.
  const std::uint64_t drawn = mix(destination_seed ^ value_hash) >> 12;
  const double uniform = (static_cast<double>(drawn) + 0.5) * 0x1.0p-52;
  return -static_cast<double>(weight) / std::log(uniform);
}

}  // namespace escrow::broker
