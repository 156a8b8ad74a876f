// Virtual hosts with their exchanges, queues and bindings: what may be declared, bound and deleted, and what that stores
// (topology_codec.h). Rules and texts are those of RabbitMQ 3.13 (rabbit_channel.erl, rabbit_exchange.erl,
// rabbit_binding.erl, rabbit_amqqueue.erl).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/router.h"
#include "broker/core/topology_codec.h"
#include "broker/core/virtual_host.h"

namespace escrow::broker {

/// What a change of the topology writes. Without a value, the key goes.
struct TopologyChange {
  std::string key;
  std::optional<std::string> value;
};

/// Not thread-safe. Checks names and preconditions; tells in `changes` what has to be stored.
class Topology {
 public:
  /// Limits with their defaults. Predeclared exchanges do not count.
  static constexpr std::size_t kMaxVhosts = 1000;
  static constexpr std::size_t kMaxQueues = 100'000;
  static constexpr std::size_t kMaxExchanges = 100'000;
  static constexpr std::size_t kMaxBindingsPerExchange = 100'000;

  /// `/` exists from the start.
  Topology();
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  /// With the exchanges that AMQP and RabbitMQ predeclare. False: it exists.
  Result<bool> declare_vhost(std::string_view name);

  /// Makes it, or finds that what is there is equivalent (equivalence.h). Names of the server can only be found.
  /// `delay_log`: for what a new delayed exchange keeps back.
  Result<Exchange*> declare_exchange(ExchangeSpec spec, LogId delay_log = 0);
  /// What is not there is deleted. `if_unused`: EXCHANGE_IN_USE when bindings lead from it; those that lead to it go.
  Result<void> delete_exchange(std::string_view vhost, std::string_view name, bool if_unused);
  /// As declare_exchange, but for names of the server, which are the caller's to refuse. The log for a new queue comes
  /// from `make`, whose arguments parse_queue_arguments takes.
  Result<Queue*> declare_queue(QueueSpec spec, const std::function<std::unique_ptr<Queue>(QueueSpec)>& make);
  /// Unbinds it and hands it over.
  Result<std::unique_ptr<Queue>> take_queue(std::string_view vhost, std::string_view name);

  /// `binding` without target. The order of its arguments does not matter. False: nothing changed, the same binding
  /// exists.
  Result<bool> bind(std::string_view vhost, std::string_view source, Destination destination, Binding binding);
  /// False: nothing changed, there is no such binding, or no such end of it.
  Result<bool> unbind(std::string_view vhost, std::string_view source, Destination destination, Binding binding);

  /// `binding` without target.
  bool has_binding(std::string_view vhost, std::string_view source, Destination destination, Binding binding) const;
  /// Both ends are there and durable: a binding between them is stored.
  bool stores_binding(std::string_view vhost, std::string_view source, Destination destination) const;

  /// VHOST_UNKNOWN, EXCHANGE_UNKNOWN, QUEUE_UNKNOWN. There is no Exchange for the default exchange.
  Result<Exchange*> exchange(std::string_view vhost, std::string_view name);
  Result<Queue*> queue(std::string_view vhost, std::string_view name);
  Result<VirtualHost*> vhost(std::string_view name);
  const VirtualHosts& vhosts() const { return vhosts_; }

  /// The distinct queues for the message, by age, and who keeps it back. Valid until the next call or change. `more_keys`: of the headers CC and
  /// BCC. EXCHANGE_UNKNOWN if there is no such exchange.
  Result<Router::Found> route(const MessageView& message, std::span<const std::string_view> more_keys = {});
  /// As route, for what a client publishes. EXCHANGE_INTERNAL (403 in AMQP): it takes messages from exchanges only.
  Result<Router::Found> route_published(const MessageView& message, std::span<const std::string_view> more_keys = {});
  /// From an exchange that has kept it back.
  Result<Router::Found> route_on(Exchange& from, const MessageView& message,
                                 std::span<const std::string_view> more_keys);
  /// Router::work.
  std::uint64_t route_work() const { return router_.work(); }
  /// Whether route_published would take a message for this exchange.
  Result<void> check_publish(std::string_view vhost, std::string_view exchange);

  /// A log is to be erased step by step, and then it is erased.
  void left_over(Leftover leftover);
  void erased(Leftover leftover);
  /// It keeps messages back in another log; what is left in the old one is to be erased.
  void replace_delay_log(Exchange& exchange, LogId log);
  /// Its messages that are to be retried wait in its retry_log; and none do any more, for it goes: what is left is to be erased.
  void retries_begin(const Queue& queue);
  void retries_end(const Queue& queue);
  /// What it has seen are keys of this log.
  void keys_begin(std::string_view vhost, Destination of, LogId log);
  /// … and are forgotten. `log` 0: there were none.
  void keys_end(std::string_view vhost, Destination of, LogId log, bool stored);
  /// So many messages that are kept back share the body with others; 0: it is all told by queues again.
  void body_shared(std::uint64_t body, std::uint32_t kept_back);

  /// A policy (policy_codec.h). Without a value, the key goes.
  void policy_changed(std::string key, std::optional<std::string> value) {
    changed(true, std::move(key), std::move(value));
  }
  /// Exchanges have another alternate exchange.
  void routes_changed() { router_.forget(); }

  bool has_changes() const { return !changes_.empty(); }
  std::vector<TopologyChange> take_changes() { return std::exchange(changes_, {}); }
  /// Exchanges that went with their last binding since the last call.
  std::vector<ExchangeSpec> take_auto_deleted() { return std::exchange(auto_deleted_, {}); }
  /// Of delayed exchanges that went since the last call: left over.
  std::vector<LogId> take_delay_logs() { return std::exchange(delay_logs_, {}); }
  /// Of exchanges and queues that went since the last call, and had seen some.
  std::vector<LogId> take_keys_logs() { return std::exchange(keys_logs_, {}); }

  /// Recovery: entries in key order, without leftovers. kDataLoss when one is damaged.
  Result<void> recover(std::string_view key, std::string_view value,
                       const std::function<std::unique_ptr<Queue>(QueueSpec, LogId)>& make);

 private:
  using MakeQueue = std::function<std::unique_ptr<Queue>(QueueSpec, LogId)>;

  void add_vhost(std::string_view name);
  void changed(bool stored, std::string key, std::optional<std::string> value);
  void binding_changed(const Exchange& source, const Binding& binding, bool present);
  /// nullopt: it does not exist.
  static std::optional<Target> find(const VirtualHost& host, Destination destination);
  /// Undoes the bindings that lead to the target; then those exchanges go that have lost their last one by it.
  void unbind_target(VirtualHost& host, const Target& target);
  void remove_unused(VirtualHost& host, std::vector<Exchange*> unused);
  void erase(VirtualHost& host, Exchange* exchange);

  Result<void> recover(StoredVhost stored, const MakeQueue& make);
  Result<void> recover(StoredExchange stored, const MakeQueue& make);
  Result<void> recover(StoredQueue stored, const MakeQueue& make);
  Result<void> recover(StoredBinding stored, const MakeQueue& make);

  VirtualHosts vhosts_;
  Router router_;
  std::vector<TopologyChange> changes_;
  std::vector<ExchangeSpec> auto_deleted_;
  std::vector<LogId> delay_logs_;
  std::vector<LogId> keys_logs_;
  std::size_t queue_count_ = 0;
  std::size_t exchange_count_ = 0;
};

}  // namespace escrow::broker
