// Exchanges and their bindings: which queues and exchanges a message goes to from here (AMQP 0-9-1 section 3.1.3;
// rabbitmq.com/docs/e2e; consistent_hash.h; delay_header.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "broker/core/consistent_hash.h"
#include "broker/core/deduplication.h"
#include "broker/core/queue_log.h"
#include "broker/core/topic_trie.h"
#include "model/field_table.h"
#include "model/message.h"
#include "model/properties.h"

namespace escrow::broker {

class Exchange;
class Queue;
struct AppliedPolicy;

/// Frozen: on disk.
enum class ExchangeType : std::uint8_t {
  kDirect = 1,
  kFanout = 2,
  kTopic = 3,
  kHeaders = 4,
  kConsistentHash = 5,
  kDelayed = 6,
};

/// As AMQP writes it.
std::string_view to_string(ExchangeType type);
/// kInvalidArgument, EXCHANGE_TYPE_UNKNOWN (503 in AMQP): unknown exchange type 'x'
Result<ExchangeType> parse_exchange_type(std::string_view name);

/// Argument: the exchange that takes what this one has no destination for.
inline constexpr std::string_view kAlternateExchange = "alternate-exchange";

/// Argument of a delayed exchange: the type it is in all else.
inline constexpr std::string_view kDelayedType = "x-delayed-type";

struct ExchangeSpec {
  std::string vhost;
  std::string name;
  ExchangeType type = ExchangeType::kDirect;
  FieldTable arguments;
  bool durable = true;
  bool auto_delete = false;  ///< goes with its last binding
  bool internal = false;     ///< takes messages from other exchanges only

  bool operator==(const ExchangeSpec&) const = default;
};

/// ARGUMENT_INVALID (406 in AMQP) when the arguments of a new exchange make no sense.
Result<void> check_exchange_arguments(const ExchangeSpec& spec);
/// How an exchange routes: its type, or that which a delayed one names. Its arguments are valid.
ExchangeType routing_type(const ExchangeSpec& spec);

/// What a binding leads to: one of the two. Not owned.
struct Target {
  Queue* queue = nullptr;
  Exchange* exchange = nullptr;

  bool operator==(const Target&) const = default;
};

struct Binding {
  std::string routing_key;
  FieldTable arguments;
  Queue* queue = nullptr;        ///< the destination is this, …
  Exchange* exchange = nullptr;  ///< … or this

  Target target() const { return {queue, exchange}; }
  bool operator==(const Binding&) const = default;
};

/// A message on its way through exchanges. Does not own what it is made of.
class RoutedMessage {
 public:
  /// `more_keys`: of the headers CC and BCC; as good as the message's own, but never hashed.
  explicit RoutedMessage(const MessageView& view, std::span<const std::string_view> more_keys = {})
      : view_(view), more_keys_(more_keys) {}

  const MessageView& view() const { return view_; }
  template <class Visitor>
  void for_each_key(Visitor&& visit) const {
    visit(view_.routing_key);
    for (const std::string_view key : more_keys_) visit(key);
  }
  /// Decoded when first asked for. nullptr: they are malformed.
  const Properties* properties() const;
  /// How long a delayed exchange keeps it back; 0: not at all.
  std::int64_t delay_ms() const;
  /// Bindings and nodes that were looked at on its way so far.
  std::size_t work() const { return work_; }
  void add_work(std::size_t looked_at) const { work_ += looked_at; }

 private:
  const MessageView& view_;
  std::span<const std::string_view> more_keys_;
  mutable std::optional<Result<Properties>> properties_;
  mutable std::optional<std::int64_t> delay_ms_;
  mutable std::size_t work_ = 0;
};

/// Not thread-safe. What it is bound to is not owned; whoever deletes that unbinds it first.
class Exchange {
 public:
  /// By all that tells two bindings apart: destination, routing key, arguments.
  using Bindings = std::map<std::string, Binding>;

  /// `delay_log`: where a delayed exchange keeps messages back; 0 for others.
  explicit Exchange(ExchangeSpec spec, LogId delay_log = 0);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const ExchangeSpec& spec() const { return spec_; }
  LogId delay_log() const { return delay_log_; }
  void replace_delay_log(LogId log) { delay_log_ = log; }
  /// The message goes there, and comes back through route() when its time has come.
  bool delays(const RoutedMessage& message) const { return delay_log_ != 0 && message.delay_ms() > 0; }
  /// Empty: there is none.
  const std::string& alternate() const { return alternate_; }
  /// nullopt: messages that come again are new.
  const std::optional<DeduplicationWindow>& deduplication() const { return deduplication_; }
  /// nullptr: none.
  const std::shared_ptr<const AppliedPolicy>& policy() const { return policy_; }
  /// Routes that were remembered may not be true any more.
  void apply(std::shared_ptr<const AppliedPolicy> policy);
  /// No bindings lead from here.
  bool unused() const { return bindings_.empty(); }
  const Bindings& bindings() const { return bindings_; }
  bool has(const Binding& binding) const;

  /// ARGUMENT_INVALID (406 in AMQP): a binding that this type of exchange can do nothing with.
  Result<void> check_binding(const Binding& binding) const;
  /// False: the same binding exists.
  bool bind(Binding binding);
  /// False: there is no such binding.
  bool unbind(const Binding& binding);
  /// Removes all bindings to the target and returns them; looks at no others.
  std::vector<Binding> unbind_all(const Target& target);

  /// Appends what the message goes to; something may be appended more than once. Malformed properties match no headers
  /// binding.
  void route(const RoutedMessage& message, std::vector<Target>& targets);
  /// The route depends on the routing key alone, and may be remembered until a binding changes.
  bool routes_by_key() const;

  /// The last search for queues that came by here; the Router's.
  std::uint64_t visit = 0;
  /// Where the idempotency keys are that it has seen. 0: it has seen none yet.
  LogId keys_log = 0;

 private:
  struct KeyHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Share {
    std::uint64_t seed = 0;
    std::uint32_t weight = 0;
  };
  void index(const Binding& binding);
  void unindex(const Binding& binding);
  void route_by_headers(const RoutedMessage& message, std::vector<Target>& targets) const;
  void route_by_hash(const RoutedMessage& message, std::vector<Target>& targets) const;

  ExchangeSpec spec_;
  LogId delay_log_;
  ExchangeType type_;  // by which it routes
  std::string alternate_;
  std::optional<DeduplicationWindow> deduplication_;
  std::shared_ptr<const AppliedPolicy> policy_;
  HashedPart hashed_;
  Bindings bindings_;
  // All but the one of the exchange's type are empty.
  std::unordered_map<std::string, std::unordered_set<const Binding*>, KeyHash, std::equal_to<>> by_key_;  // direct
  TopicTrie<const Binding> by_pattern_;                                                                   // topic
  std::unordered_map<const Binding*, Share> shares_;  // consistent hash
};

}  // namespace escrow::broker
