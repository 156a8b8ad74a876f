// The model's exchanges, queues and bindings: a second, plain implementation of what the broker does with indexes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/exchange.h"
#include "broker/core/fragment.h"
#include "model/field_table.h"
#include "model/message.h"
#include "tests/sim/model/queue_rules.h"

namespace escrow::sim::model {

/// A purge under way. It takes what is in the queue when it begins.
struct Purging {
  std::uint32_t number = 0;
  broker::BatchNumber began_in = 0;
};

/// What became of the messages that came into a queue and were stored there.
struct Tally {
  std::uint64_t enqueued = 0;
  std::uint64_t acknowledged = 0;  ///< or rejected, where that is the end
  std::uint64_t dead_lettered = 0;
  std::uint64_t expired = 0;  ///< where that is the end
  std::uint64_t dropped = 0;  ///< for the queue's limits, likewise
  std::uint64_t purged = 0;   ///< or gone with the queue

  std::uint64_t left() const { return enqueued - acknowledged - dead_lettered - expired - dropped - purged; }
};

/// A queue from its declaration to its deletion; a later one of the same name is another one.
struct Queue {
  std::string name;
  std::uint32_t number = 0;
  FieldTable arguments;
  QueueRules rules;  ///< that these mean
  Tally tally;
  bool deleted = false;                 ///< and the deletion is durable
  std::uint32_t consumers = 0;          ///< at this moment
  std::uint32_t attached = 0;           ///< consumers that ever came, in this life of the server
  std::uint32_t ended = 0;              ///< … and that ended: each may have returned deliveries that nobody saw
  std::uint32_t ended_at_seal = 0;      ///< when the last batch was sealed
  std::uint32_t ended_before_seal = 0;  ///< … and the one before it
  std::uint32_t purges = 0;             ///< that were ever asked for, in this life of the server
  std::vector<Purging> purging;         ///< … and are not answered, in order
  /// Places of messages that its only consumer gave back, and since which batch they are ready again.
  std::map<broker::Seq, broker::BatchNumber> returned;
};

struct Binding {
  Queue* queue = nullptr;
  std::string routing_key;
  FieldTable arguments;

  bool operator==(const Binding&) const = default;
};

struct Exchange {
  broker::ExchangeType type = broker::ExchangeType::kDirect;
  bool delays = false;  ///< … and it keeps back what asks for that
  std::vector<Binding> bindings;
};

/// One change, as it is told to the ledger.
struct TopologyChange {
  enum class Kind : std::uint8_t { kDeclareExchange, kDeleteExchange, kDeclareQueue, kDeleteQueue, kBind, kUnbind };
  Kind kind = Kind::kDeclareExchange;
  std::string exchange;
  broker::ExchangeType type = broker::ExchangeType::kDirect;
  Queue* queue = nullptr;
  Binding binding;
  bool delays = false;
};

/// A value: copied when a crash takes back what was not durable.
class Topology {
 public:
  /// With the exchanges that are there from the start.
  Topology();

  void apply(const TopologyChange& change);

  const Exchange* exchange(std::string_view name) const;
  Queue* queue(std::string_view name) const;
  const std::map<std::string, Exchange, std::less<>>& exchanges() const { return exchanges_; }
  const std::map<std::string, Queue*, std::less<>>& queues() const { return queues_; }

  /// Ever.
  std::uint64_t exchanges_deleted() const { return exchanges_deleted_; }
  /// True: the default exchange, or one that exists.
  bool accepts(std::string_view exchange_name) const;
  /// Its exchange keeps the message back for now.
  bool delays(const MessageView& message) const;
  /// The queues for the message, each once, in order of number.
  void route(const MessageView& message, std::vector<Queue*>& queues) const;

 private:
  std::map<std::string, Exchange, std::less<>> exchanges_;
  std::map<std::string, Queue*, std::less<>> queues_;
  std::uint64_t exchanges_deleted_ = 0;
};

/// AMQP's topic patterns, word by word.
bool topic_matches(std::string_view pattern, std::string_view key);
/// `encoded` are a message's properties.
bool headers_match(const FieldTable& arguments, std::string_view encoded);

}  // namespace escrow::sim::model
