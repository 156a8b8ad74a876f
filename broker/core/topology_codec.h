// The stored form of virtual hosts, exchanges, queues and bindings.
//
//   key    u8 kind │ string vhost │ …                    value
//   0 vhost                                              u8 version = 1
//   1 exchange   … string name                           u8 version = 1 │ u8 type │ u8 flags │ table arguments
//                                                        │ of a delayed one: u64 log of what it keeps back
//   2 queue      … string name                           u8 version = 1 │ u8 flags │ u64 first log │ table arguments
//   3 binding    … string source │ u8 destination's kind │ string destination │ string routing key │ table arguments
//                                                        u8 version = 1
//
//   the arguments of a binding are in order of name, so that the same ones are the same key
//   flags of an exchange: 1 auto-delete, 2 internal      of a queue: 1 auto-delete      the others are 0
//   kind of a destination: 0 queue, 1 exchange
//
// Only what is durable is stored: an exchange or a queue that is, and a binding between two that are. The vhost `/` and the
// exchanges `amq.*` are there without a record.
//
// A queue that was deleted is no part of the topology. While its log is being erased, there is
//   4 leftover   u8 kind │ u64 log                       u8 version = 1
// and so there is while that of a delayed exchange is (and from the start, of one that is not durable)
//   5 leftover   u8 kind │ u64 log                       u8 version = 1
//
// Who refers to a large body is told by the pages of queues. Messages that are kept back are not read at the start: of their
// bodies that others refer to as well there is
//   6 shared     u8 kind │ u64 body                      u8 version = 1 │ u32 messages kept back that refer to it
//
// A queue that is to deliver some of its messages again after a while has a log of them
//   7 retries    u8 kind │ u64 first log of the queue    u8 version = 1 │ u64 log
// and one that looks for messages that come again, as an exchange that does, has a log of their keys
//   8 keys       … u8 whose, as kind of a destination │ string name
//                                                        u8 version = 1 │ u64 log
//
// Policies follow with the kinds 9 and 10 (policy_codec.h).
//
// Tables as in model/field_table.h. Kinds are frozen and ascend in the order in which recovery needs them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "broker/core/exchange.h"
#include "broker/core/queue.h"

namespace escrow::broker {

/// Frozen: on disk.
enum class DestinationKind : std::uint8_t { kQueue = 0, kExchange = 1 };

/// What a binding leads to, by name.
struct Destination {
  std::string_view name;
  DestinationKind kind = DestinationKind::kQueue;
};

struct StoredVhost {
  std::string name;
};
struct StoredExchange {
  ExchangeSpec spec;
  LogId delay_log = 0;
};
struct StoredQueue {
  QueueSpec spec;
  LogId log = 0;
};
struct StoredBinding {
  std::string vhost;
  std::string source;
  DestinationKind destination_kind = DestinationKind::kQueue;
  std::string destination;
  std::string routing_key;
  FieldTable arguments;
};
using StoredTopology = std::variant<StoredVhost, StoredExchange, StoredQueue, StoredBinding>;

/// A table is a set of fields: sent in another order, it is the same (rabbit_misc.erl, sort_field_table).
FieldTable in_order_of_name(FieldTable table);

std::string encode_vhost_key(std::string_view name);
std::string encode_exchange_key(std::string_view vhost, std::string_view name);
std::string encode_exchange_value(const ExchangeSpec& spec, LogId delay_log);
std::string encode_queue_key(std::string_view vhost, std::string_view name);
std::string encode_queue_value(const QueueSpec& spec, LogId log);
std::string encode_binding_key(std::string_view vhost, std::string_view source, Destination destination,
                               std::string_view routing_key, const FieldTable& arguments);
/// The value of what is all said by its key: a vhost, a binding, a leftover.
std::string encode_presence();

/// TOPOLOGY_DAMAGED when it is none of these.
Result<StoredTopology> decode_topology(std::string_view key, std::string_view value);
/// kDataLoss.
Error topology_damaged();

/// Of a queue, or of a delayed exchange.
struct Leftover {
  LogId log = 0;
  bool delayed = false;
};
std::string encode_leftover_key(Leftover leftover);
/// nullopt: it is something else.
std::optional<Leftover> decode_leftover(std::string_view key, std::string_view value);

struct SharedBody {
  std::uint64_t body = 0;
  std::uint32_t kept_back = 0;
};
std::string encode_shared_body_key(std::uint64_t body);
std::string encode_shared_body_value(std::uint32_t kept_back);
/// nullopt: it is something else.
std::optional<SharedBody> decode_shared_body(std::string_view key, std::string_view value);

struct StoredRetries {
  LogId queue_log = 0;
  LogId log = 0;
};
std::string encode_retries_key(LogId queue_log);
std::string encode_retries_value(LogId log);
/// nullopt: it is something else.
std::optional<StoredRetries> decode_retries(std::string_view key, std::string_view value);

struct StoredKeys {
  std::string vhost;
  DestinationKind of = DestinationKind::kQueue;
  std::string name;
  LogId log = 0;
};
std::string encode_keys_key(std::string_view vhost, Destination of);
std::string encode_keys_value(LogId log);
/// nullopt: it is something else.
std::optional<StoredKeys> decode_keys(std::string_view key, std::string_view value);

}  // namespace escrow::broker
