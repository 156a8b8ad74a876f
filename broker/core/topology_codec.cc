#include "broker/core/topology_codec.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;
enum Kind : std::uint8_t {
  kVhost = 0,
  kExchange = 1,
  kQueue = 2,
  kBinding = 3,
  kLeftover = 4,
  kDelayedLeftover = 5,
  kSharedBody = 6,
  kRetries = 7,
  kKeys = 8,
};

constexpr std::uint8_t kAutoDelete = 1;
constexpr std::uint8_t kInternal = 2;

std::string key_of(Kind kind, std::string_view vhost, std::string_view name) {
  std::string out;
  ByteWriter(out).u8(kind).string(vhost).string(name);
  return out;
}

/// Empty after a failure, which the reader remembers.
FieldTable read_table(ByteReader& reader) {
  std::string_view rest = reader.rest();
  Result<FieldTable> table = decode_table(rest);
  if (!table) return reader.fail(), FieldTable();
  reader.bytes(reader.rest().size() - rest.size());
  return *std::move(table);
}

/// The flags among `known`; others are a failure.
std::uint8_t read_flags(ByteReader& reader, std::uint8_t known) {
  const std::uint8_t flags = reader.u8();
  if ((flags & ~known) != 0) reader.fail();
  return flags;
}

StoredExchange read_exchange(std::string vhost, ByteReader& k, ByteReader& v) {
  ExchangeSpec spec;
  spec.vhost = std::move(vhost);
  spec.name = k.string();
  spec.type = static_cast<ExchangeType>(v.u8());
  if (spec.type < ExchangeType::kDirect || spec.type > ExchangeType::kDelayed) v.fail();
  const std::uint8_t flags = read_flags(v, kAutoDelete | kInternal);
  spec.auto_delete = (flags & kAutoDelete) != 0;
  spec.internal = (flags & kInternal) != 0;
  spec.arguments = read_table(v);
  const LogId delay_log = spec.type == ExchangeType::kDelayed ? v.u64() : 0;
  return {std::move(spec), delay_log};
}

StoredQueue read_queue(std::string vhost, ByteReader& k, ByteReader& v) {
  StoredQueue queue;
  queue.spec.vhost = std::move(vhost);
  queue.spec.name = k.string();
  queue.spec.auto_delete = (read_flags(v, kAutoDelete) & kAutoDelete) != 0;
  queue.log = v.u64();
  queue.spec.arguments = read_table(v);
  return queue;
}

StoredBinding read_binding(std::string vhost, ByteReader& k) {
  StoredBinding binding;
  binding.vhost = std::move(vhost);
  binding.source = k.string();
  binding.destination_kind = static_cast<DestinationKind>(k.u8());
  if (binding.destination_kind > DestinationKind::kExchange) k.fail();
  binding.destination = k.string();
  binding.routing_key = k.string();
  binding.arguments = read_table(k);
  return binding;
}

std::string log_value(LogId log) {
  std::string out;
  ByteWriter(out).u8(kVersion).u64(log);
  return out;
}

}  // namespace

FieldTable in_order_of_name(FieldTable table) {
  if (std::ranges::is_sorted(table, {}, &FieldTable::Field::name)) return table;
  std::vector<FieldTable::Field> fields(table.begin(), table.end());
  std::ranges::stable_sort(fields, {}, &FieldTable::Field::name);
  FieldTable sorted;
  for (FieldTable::Field& field : fields) sorted.append_unchecked(std::move(field.name), std::move(field.value));
  return sorted;
}

std::string encode_vhost_key(std::string_view name) {
  std::string out;
  ByteWriter(out).u8(kVhost).string(name);
  return out;
}

std::string encode_exchange_key(std::string_view vhost, std::string_view name) {
  return key_of(kExchange, vhost, name);
}

std::string encode_exchange_value(const ExchangeSpec& spec, LogId delay_log) {
  std::string out;
  const int flags = (spec.auto_delete ? kAutoDelete : 0) | (spec.internal ? kInternal : 0);
  ByteWriter(out).u8(kVersion).u8(static_cast<std::uint8_t>(spec.type)).u8(static_cast<std::uint8_t>(flags));
  encode_table(spec.arguments, out);
  if (spec.type == ExchangeType::kDelayed) ByteWriter(out).u64(delay_log);
  return out;
}

std::string encode_queue_key(std::string_view vhost, std::string_view name) { return key_of(kQueue, vhost, name); }

std::string encode_queue_value(const QueueSpec& spec, LogId log) {
  std::string out;
  ByteWriter(out).u8(kVersion).u8(spec.auto_delete ? kAutoDelete : 0).u64(log);
  encode_table(spec.arguments, out);
  return out;
}

std::string encode_binding_key(std::string_view vhost, std::string_view source, Destination destination,
                               std::string_view routing_key, const FieldTable& arguments) {
  std::string out = key_of(kBinding, vhost, source);
  ByteWriter(out).u8(static_cast<std::uint8_t>(destination.kind)).string(destination.name).string(routing_key);
  encode_table(in_order_of_name(arguments), out);
  return out;
}

std::string encode_presence() { return std::string(1, static_cast<char>(kVersion)); }

Result<StoredTopology> decode_topology(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  const std::uint8_t kind = k.u8();
  std::string vhost(k.string());
  if (v.u8() != kVersion) return topology_damaged();
  StoredTopology stored;
  if (kind == kVhost) {
    stored = StoredVhost{std::move(vhost)};
  } else if (kind == kExchange) {
    stored = read_exchange(std::move(vhost), k, v);
  } else if (kind == kQueue) {
    stored = read_queue(std::move(vhost), k, v);
  } else if (kind == kBinding) {
    stored = read_binding(std::move(vhost), k);
  } else {
    return topology_damaged();
  }
  if (!k.done() || !v.done()) return topology_damaged();
  return stored;
}

Error topology_damaged() {
  return {ErrorCode::kDataLoss,
          "TOPOLOGY_DAMAGED",
          "a stored virtual host, exchange, queue or binding cannot be read: restore the data directory",
          {}};
}

std::string encode_leftover_key(Leftover leftover) {
  std::string out;
  ByteWriter(out).u8(leftover.delayed ? kDelayedLeftover : kLeftover).u64(leftover.log);
  return out;
}

std::optional<Leftover> decode_leftover(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  const std::uint8_t kind = k.u8();
  const bool known = (kind == kLeftover || kind == kDelayedLeftover) && v.u8() == kVersion;
  const Leftover leftover{k.u64(), kind == kDelayedLeftover};
  return known && k.done() && v.done() ? std::optional(leftover) : std::nullopt;
}

std::string encode_shared_body_key(std::uint64_t body) {
  std::string out;
  ByteWriter(out).u8(kSharedBody).u64(body);
  return out;
}

std::string encode_shared_body_value(std::uint32_t kept_back) {
  std::string out;
  ByteWriter(out).u8(kVersion).u32(kept_back);
  return out;
}

std::optional<SharedBody> decode_shared_body(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  const bool known = k.u8() == kSharedBody && v.u8() == kVersion;
  const SharedBody shared{k.u64(), v.u32()};
  return known && k.done() && v.done() ? std::optional(shared) : std::nullopt;
}

std::string encode_retries_key(LogId queue_log) {
  std::string out;
  ByteWriter(out).u8(kRetries).u64(queue_log);
  return out;
}

std::string encode_retries_value(LogId log) { return log_value(log); }

std::optional<StoredRetries> decode_retries(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  const bool known = k.u8() == kRetries && v.u8() == kVersion;
  const StoredRetries retries{k.u64(), v.u64()};
  return known && k.done() && v.done() ? std::optional(retries) : std::nullopt;
}

std::string encode_keys_key(std::string_view vhost, Destination of) {
  std::string out;
  ByteWriter(out).u8(kKeys).string(vhost).u8(static_cast<std::uint8_t>(of.kind)).string(of.name);
  return out;
}

std::string encode_keys_value(LogId log) { return log_value(log); }

std::optional<StoredKeys> decode_keys(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  bool known = k.u8() == kKeys && v.u8() == kVersion;
  StoredKeys keys;
  keys.vhost = k.string();
  const std::uint8_t of = k.u8();
  known = known && of <= static_cast<std::uint8_t>(DestinationKind::kExchange);
  keys.of = static_cast<DestinationKind>(of);
  keys.name = k.string();
  keys.log = v.u64();
  return known && k.done() && v.done() ? std::optional(std::move(keys)) : std::nullopt;
}

}  // namespace escrow::broker
