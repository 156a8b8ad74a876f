// Commands: everything that changes state, and everything that asks for it, comes to the engine as one of these.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "broker/core/broker.h"
#include "coordinator/core/rules.h"

namespace escrow::engine {

class Port;

struct GetTransaction {
  coordinator::Key key;
};

/// The port becomes a producer of the group and gets its checks.
struct OpenCheckbacks {
  std::string group;
  std::uint32_t max_in_flight = 100;
};
struct CheckReceipt {
  std::uint64_t check = 0;
};
enum class Verdict : std::uint8_t { kUnknown, kCommit, kRollback };
struct CheckAnswer {
  std::uint64_t check = 0;
  Verdict verdict = Verdict::kUnknown;
  std::string reason;
};

struct DeclareExchange {
  broker::ExchangeSpec spec;
};
struct DeleteExchange {
  std::string vhost;
  std::string name;
  bool if_unused = false;
};
struct DeclareQueue {
  broker::QueueSpec spec;
};
struct DeleteQueue {
  std::string vhost;
  std::string name;
  bool if_unused = false;
  bool if_empty = false;
};
struct PurgeQueue {
  std::string vhost;
  std::string name;
};
struct Bind {
  std::string vhost;
  std::string source;
  std::string destination;
  broker::Binding binding;
  bool remove = false;  ///< unbind
  broker::DestinationKind destination_kind = broker::DestinationKind::kQueue;
};
/// Queues of the vhost in order of name, after `after`.
struct ListQueues {
  std::string vhost;
  std::string after;
  std::size_t limit = 100;
};

/// The views point into `owner`, which lives until the command was applied.
struct Publish {
  std::vector<MessageView> messages;
  std::shared_ptr<const void> owner;
};

struct Consume {
  std::string vhost;
  std::string queue;
  std::uint32_t credit = 0;
  bool auto_credit = false;
  std::int64_t bytes = broker::kUnlimitedBytes;
};
struct GrantCredit {
  broker::ConsumerId consumer = 0;
  std::uint32_t credit = 0;
  std::int64_t bytes = 0;
};
struct Settle {
  broker::ConsumerId consumer = 0;
  broker::DeliveryTag first = 0;
  broker::DeliveryTag last = 0;
  broker::Settlement settlement = broker::Settlement::kAck;
};

/// The last command of a port: its consumers and checks end, and after everything before it was answered comes
/// Port::closed(). Always accepted.
struct ClosePort {};

using CommandBody = std::variant<coordinator::Prepare, coordinator::Decide, GetTransaction, OpenCheckbacks,
                                 CheckReceipt, CheckAnswer, DeclareExchange, DeleteExchange, DeclareQueue, DeleteQueue,
                                 PurgeQueue, Bind, ListQueues, Publish, Consume, GrantCredit, Settle, ClosePort>;

/// GrantCredit, Settle, CheckReceipt and CheckAnswer are not answered unless they fail; all others are, once.
struct Command {
  Port* port = nullptr;
  std::uint64_t request = 0;  ///< the port's own number; comes back with the reply
  std::string actor;          ///< the authenticated name
  CommandBody body;

  /// What it takes of the inbox's bytes.
  std::size_t bytes() const;
};

struct Prepared {
  coordinator::Epoch epoch = 0;
  coordinator::State state = coordinator::State::kPrepared;
};
struct Decided {
  Timestamp decided_at;
};
/// Without messages.
struct TransactionView {
  coordinator::Transaction transaction;
  bool waiting_for_producer = false;
};
struct Published {
  /// Per message: how many queues took it, or why it was refused.
  std::vector<Result<std::uint32_t>> outcomes;
};
struct Done {};
struct MessageCount {
  std::uint64_t messages = 0;
};
struct Consuming {
  broker::ConsumerId consumer = 0;
};
struct QueueList {
  struct Item {
    broker::QueueSpec spec;
    broker::QueueInfo info;
  };
  std::vector<Item> queues;
  bool more = false;
};

using Reply = std::variant<Prepared, Decided, TransactionView, Published, Done, MessageCount, broker::QueueInfo,
                           Consuming, QueueList>;

/// A question to a producer.
struct Check {
  std::uint64_t id = 0;
  coordinator::Key key;
  coordinator::Epoch epoch = 0;
  std::uint32_t attempt = 1;
  Timestamp prepared_at;
  std::vector<Message> messages;  ///< without bodies
};

}  // namespace escrow::engine
