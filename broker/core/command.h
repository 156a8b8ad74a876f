// The commands of the broker's clients, and what they are answered.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "broker/core/delay_log.h"
#include "broker/core/exchange.h"
#include "broker/core/policy.h"
#include "broker/core/queue.h"
#include "broker/core/topology_codec.h"

namespace escrow::broker {

/// Commands of which none is applied any more once one has failed: what a channel of AMQP is, whose error ends it. Read and
/// written by whoever applies them.
struct CommandScope {
  bool failed = false;
};

/// `connection` in a command: who gives it; an exclusive queue obeys its owner only. 0: somebody else.

struct DeclareVhost {
  std::string name;
};
struct DeclareExchange {
  ExchangeSpec spec;
  bool passive = false;               ///< only if it exists, whatever its spec
  std::optional<Error> refusal = {};  ///< unless it exists
};
struct DeleteExchange {
  std::string vhost;
  std::string name;
  bool if_unused = false;
};
struct DeclareQueue {
  QueueSpec spec;
  bool passive = false;       ///< only if it exists, whatever its spec
  bool server_named = false;  ///< the server chose the name, which may be one that is reserved
  ConnectionId connection = 0;
  std::optional<Error> refusal = {};  ///< unless it exists
};
struct DeleteQueue {
  std::string vhost;
  std::string name;
  bool if_unused = false;
  bool if_empty = false;
  ConnectionId connection = 0;
};
struct PurgeQueue {
  std::string vhost;
  std::string name;
  ConnectionId connection = 0;
};
struct Bind {
  std::string vhost;
  std::string source;
  std::string destination;
  Binding binding;      ///< without target
  bool remove = false;  ///< unbind
  DestinationKind destination_kind = DestinationKind::kQueue;
  ConnectionId connection = 0;
};
/// Where messages wait: at a delayed exchange, or in a queue that retries them.
struct WaitingPlace {
  std::string vhost;
  DestinationKind of = DestinationKind::kExchange;
  std::string name;
};
/// One of them. It keeps its id until it leaves.
struct WaitingId {
  LogId log = 0;
  DelayKey entry;
  std::uint32_t index = 0;
  auto operator<=>(const WaitingId&) const = default;
};
/// As operators see it: `log-due-batch-part-index`.
std::string to_text(const WaitingId& id);
std::optional<WaitingId> parse_waiting_id(std::string_view text);
/// In order of time, after `after`.
struct ListWaiting {
  static constexpr std::size_t kMaxBytes = 1 << 20;  ///< of records; the list ends beyond it
  WaitingPlace place;
  std::optional<WaitingId> after;
  std::size_t limit = 100;
};
struct CancelWaiting {
  static constexpr std::size_t kMaxIds = 1000;
  WaitingPlace place;
  std::vector<WaitingId> ids;
  std::string reason;
};
struct PurgeWaiting {
  WaitingPlace place;
  std::string reason;
};
/// Queues of the vhost in order of name, after `after`.
struct ListQueues {
  std::string vhost;
  std::string after;
  std::size_t limit = 100;
};

/// Replaces the one of the same name.
struct SetPolicy {
  Policy policy;
};
struct DeletePolicy {
  std::string vhost;
  std::string name;
  bool operator_policy = false;
};
/// Policies of the vhost, or its operator policies, in order of name, after `after`.
struct ListPolicies {
  std::string vhost;
  bool operator_policy = false;
  std::string after;
  std::size_t limit = 100;
};

/// The views point into `owner`, which lives until the command was applied.
struct Publish {
  std::vector<MessageView> messages;
  std::shared_ptr<const void> owner;
};

/// A client opens its channels, with numbers of its own that it never uses again.
struct OpenChannel {
  ConnectionId connection = 0;
  ChannelId channel = 0;
};
/// Its consumers go, and what it holds comes back.
struct CloseChannel {
  ChannelId channel = 0;
};
/// How much all consumers of the channel together may hold; 0: no bound.
struct SetPrefetch {
  ChannelId channel = 0;
  std::uint32_t messages = 0;
};

struct Consume {
  std::string vhost;
  std::string queue;
  std::uint32_t credit = 0;
  bool auto_credit = false;
  /// Of a consumer that has a connection of its own.
  std::int64_t bytes = kUnlimitedBytes;
  /// 0: a channel and a connection are made for it, and go with it.
  ChannelId channel = 0;
  bool no_ack = false;
  bool exclusive = false;
  /// Or what is wrong with it, which is told when there is such a queue.
  Result<std::int32_t> priority = 0;
  /// Chosen by the client, from kClientConsumers on; 0: by the broker.
  ConsumerId consumer = 0;
};
struct Cancel {
  ConsumerId consumer = 0;
};
/// The consumer may be given more messages, its connection more bytes.
struct GrantCredit {
  ConsumerId consumer = 0;
  std::uint32_t credit = 0;
  std::int64_t bytes = 0;
};
/// As GrantCredit, for all consumers of a connection.
struct GrantBytes {
  ConnectionId connection = 0;
  std::int64_t bytes = 0;
};
/// Settles what is not settled of a consumer's channel, [first, last].
struct Settle {
  ConsumerId consumer = 0;
  DeliveryTag first = 0;
  DeliveryTag last = 0;
  Settlement settlement = Settlement::kAck;
  std::string failure = {};  ///< why the consumer refuses them; at most kMaxFailureReason bytes
};
/// As AMQP has it: one delivery, or all up to it. It must be outstanding; but with `multiple`, 0 is all there are.
struct SettleTag {
  ChannelId channel = 0;
  DeliveryTag tag = 0;
  bool multiple = false;
  Settlement settlement = Settlement::kAck;
  bool if_any = false;  ///< all up to the tag that are outstanding, be there none
};
/// The next message, if there is one.
struct Fetch {
  std::string vhost;
  std::string queue;
  ChannelId channel = 0;
  bool no_ack = false;
};
/// Fails where the publish to `exchange`, or the settlement, would; else with `refusal`, if there is one. Changes nothing.
struct CheckAhead {
  std::string vhost;
  std::string exchange;
  std::optional<SettleTag> settle;
  std::optional<Error> refusal;
};
/// Published and settled together, or not at all.
struct CommitTx {
  Publish publish = {};
  std::vector<SettleTag> settles;
};

/// What a session of AMQP asks for.
using ClientCommand =
    std::variant<DeclareExchange, DeleteExchange, DeclareQueue, DeleteQueue, PurgeQueue, Bind, Publish, OpenChannel,
                 CloseChannel, SetPrefetch, Consume, Cancel, GrantBytes, SettleTag, Fetch, CheckAhead, CommitTx>;

/// Per message: how many queues took it, or why it was refused. Nearly all are alike, and only the others keep an Error.
class Outcomes {
 public:
  Outcomes() = default;
  Outcomes(std::initializer_list<Result<std::uint32_t>> outcomes) {
    for (const Result<std::uint32_t>& outcome : outcomes) add(outcome);
  }

  void reserve(std::size_t messages) { queues_.reserve(messages); }
  void add(const Result<std::uint32_t>& outcome) {
    if (!outcome) errors_.emplace(queues_.size(), outcome.error());
    queues_.push_back(outcome ? *outcome : kRefused);
  }
  std::size_t size() const { return queues_.size(); }
  Result<std::uint32_t> at(std::size_t i) const {
    if (queues_[i] == kRefused) return errors_.at(i);
    return queues_[i];
  }

 private:
  static constexpr std::uint32_t kRefused = ~std::uint32_t{0};
  std::vector<std::uint32_t> queues_;
  std::map<std::size_t, Error> errors_;
};

struct Published {
  Outcomes outcomes;
  /// Given back when a message has no queue.
  Publish publish = {};
};
struct Done {};
struct MessageCount {
  std::uint64_t messages = 0;
};
struct Consuming {
  ConsumerId consumer = 0;
};
struct QueueInfo {
  std::uint64_t ready = 0;
  std::uint64_t unacked = 0;
  std::uint32_t consumers = 0;
  std::uint64_t retrying = 0;  ///< wait for being delivered again
};
/// What it is answered.
using ClientReply = std::variant<Done, QueueInfo, MessageCount, Published, Consuming, Fetched>;

struct WaitingList {
  struct Item {
    WaitingId id;
    Timestamp due;
    bool retried = false;
    Message message;  ///< without a large body, of which `apart` is told
  };
  std::vector<Item> messages;
  std::optional<WaitingId> next;  ///< there are more
};
/// In order of id. All others that were asked for do not wait there: released, cancelled before, or never there.
struct WaitingCancelled {
  std::vector<WaitingId> ids;
};

struct QueueList {
  struct Item {
    QueueSpec spec;
    QueueInfo info;
    std::shared_ptr<const AppliedPolicy> policy = nullptr;  ///< nullptr: none
  };
  std::vector<Item> queues;
  bool more = false;
};

}  // namespace escrow::broker
