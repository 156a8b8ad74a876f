// Virtual hosts with their exchanges, queues and bindings, and the stored form of these.
//
//   key    u8 kind │ string vhost │ …            value
//   1 exchange   … string name                    u8 version = 1 │ u8 type │ table arguments
//   2 queue      … string name                    u8 version = 1 │ u64 log │ table arguments
//   3 binding    … string source │ string queue │ string routing key │ table arguments     u8 version = 1
//
// A queue that was deleted is no part of the topology. While its log is being erased, there is
//   4 leftover   u8 kind │ u64 log                u8 version = 1
//
// Tables as in model/field_table.h. Kinds are frozen and ascend in the order in which recovery needs them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/exchange.h"
#include "broker/core/queue.h"

namespace escrow::broker {

/// What a change of the topology writes. Without a value, the key goes.
struct TopologyChange {
  std::string key;
  std::optional<std::string> value;
};

std::string encode_exchange_key(std::string_view vhost, std::string_view name);
std::string encode_queue_key(std::string_view vhost, std::string_view name);
std::string encode_binding_key(std::string_view vhost, std::string_view source, std::string_view queue,
                               std::string_view routing_key, const FieldTable& arguments);

std::string encode_leftover_key(LogId log);
/// nullopt: it is something else.
std::optional<LogId> decode_leftover(std::string_view key, std::string_view value);

struct VirtualHost {
  std::map<std::string, std::unique_ptr<Exchange>, std::less<>> exchanges;
  std::map<std::string, std::unique_ptr<Queue>, std::less<>> queues;
};

/// Not thread-safe. Checks names and preconditions; tells in `changes` what has to be stored.
class Topology {
 public:
  /// Limits with their defaults.
  static constexpr std::size_t kMaxQueues = 100'000;
  static constexpr std::size_t kMaxExchanges = 100'000;
  static constexpr std::size_t kMaxBindingsPerExchange = 100'000;

  /// `/` exists from the start, with the exchanges that AMQP demands.
  Topology();

  Result<void> declare_exchange(ExchangeSpec spec);
  Result<void> delete_exchange(std::string_view vhost, std::string_view name, bool if_unused);
  /// The log for a new queue comes from `make`.
  Result<Queue*> declare_queue(QueueSpec spec, const std::function<std::unique_ptr<Queue>(QueueSpec)>& make);
  /// Unbinds it and hands it over.
  Result<std::unique_ptr<Queue>> take_queue(std::string_view vhost, std::string_view name);
  /// False: nothing changed, the same binding exists.
  Result<bool> bind(std::string_view vhost, std::string_view source, std::string_view queue, Binding binding);
  /// False: nothing changed, there is no such binding.
  Result<bool> unbind(std::string_view vhost, std::string_view source, std::string_view queue, Binding binding);

  Result<Exchange*> exchange(std::string_view vhost, std::string_view name);
  Result<Queue*> queue(std::string_view vhost, std::string_view name);
  Result<VirtualHost*> vhost(std::string_view name);
  const std::map<std::string, VirtualHost, std::less<>>& vhosts() const { return vhosts_; }

  /// The distinct queues for the message, in no particular order. Valid until the next call or change.
  /// EXCHANGE_UNKNOWN if there is no such exchange.
  Result<const std::vector<Queue*>*> route(const MessageView& message);

  /// The log of a deleted queue is to be erased step by step, and then it is erased.
  void log_left_over(LogId log);
  void log_erased(LogId log);

  bool has_changes() const { return !changes_.empty(); }
  std::vector<TopologyChange> take_changes() { return std::exchange(changes_, {}); }

  /// Recovery: entries in key order, without leftovers. kDataLoss when one is damaged.
  Result<void> recover(std::string_view key, std::string_view value,
                       const std::function<std::unique_ptr<Queue>(QueueSpec, LogId)>& make);

 private:
  /// The last routes, by hash of exchange and key: most publishers repeat themselves.
  struct Route {
    std::uint64_t generation = 0;
    std::string vhost;
    std::string exchange;
    std::string routing_key;
    std::vector<Queue*> queues;
  };
  static constexpr std::size_t kRoutes = 256;

  Result<void> compute(const MessageView& message, std::vector<Queue*>& queues, bool& cacheable);
  Result<std::pair<Exchange*, Queue*>> ends(std::string_view vhost, std::string_view source, std::string_view queue);
  void changed(std::string key, std::optional<std::string> value);

  std::map<std::string, VirtualHost, std::less<>> vhosts_;
  std::vector<TopologyChange> changes_;
  std::vector<Route> routes_{kRoutes};
  Route uncached_;
  std::uint64_t generation_ = 1;
  std::size_t queue_count_ = 0;
  std::size_t exchange_count_ = 0;
};

}  // namespace escrow::broker
