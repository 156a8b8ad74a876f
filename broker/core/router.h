// The way of a message from an exchange to queues, through bindings between exchanges (rabbitmq.com/docs/e2e) and
// alternate exchanges (rabbitmq.com/docs/ae).
//
// As rabbit_exchange.erl (route1) has it: every exchange is visited once, so that cycles are harmless. An alternate exchange
// is taken, at whatever exchange on the way, when no binding of that exchange matches; a binding to another exchange is a
// match, wherever that leads. An alternate exchange that does not exist is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/virtual_host.h"

namespace escrow::broker {

/// Not thread-safe.
class Router {
 public:
  struct Found {
    const std::vector<Queue*>* queues = nullptr;  ///< distinct, by age; valid until the next call or change
    /// Delayed exchanges that keep it back, and send it on later.
    std::span<Exchange* const> delays;
    bool internal = false;     ///< the exchange does not take messages from clients
    Exchange* from = nullptr;  ///< the exchange it was published to; nullptr: the default one, or it was kept back

    bool nowhere() const { return queues->empty() && delays.empty(); }
  };
  /// VHOST_UNKNOWN, EXCHANGE_UNKNOWN. Without more keys, a route that was taken lately costs a look at three strings.
  Result<Found> route(const VirtualHosts& vhosts, const MessageView& message,
                      std::span<const std::string_view> more_keys);
  /// From an exchange that has kept the message back: it is not looked for, and not remembered.
  Result<Found> route_on(const VirtualHosts& vhosts, Exchange& from, const MessageView& message,
                         std::span<const std::string_view> more_keys);
  /// Bindings that were looked at, ever.
  std::uint64_t work() const { return work_; }
  /// Anything changed: what was found may not be true any more.
  void forget() { ++generation_; }

 private:
  /// The last routes, by hash of exchange and key: most publishers repeat themselves.
  struct Route {
    std::uint64_t generation = 0;
    std::string vhost;
    std::string exchange;
    std::string routing_key;
    bool internal = false;
    Exchange* from = nullptr;
    std::vector<Queue*> queues;

    Found found() const { return {&queues, {}, internal, from}; }
  };
  static constexpr std::size_t kRoutes = 256;

  bool is(const Route& route, const MessageView& message) const;
  /// Fills uncached_. True: the route may be remembered.
  Result<bool> compute(const VirtualHosts& vhosts, const RoutedMessage& message);
  bool follow(const VirtualHost& host, Exchange* from, const RoutedMessage& message);
  void sort_queues();

  std::vector<Route> routes_{kRoutes};
  const Route* last_ = routes_.data();
  Route uncached_;
  std::vector<Exchange*> delays_;  // of uncached_
  std::uint64_t generation_ = 1;
  // What a search needs, kept for the next one.
  std::uint64_t visit_ = 0;
  std::uint64_t work_ = 0;
  std::vector<Exchange*> pending_;
  std::vector<Target> targets_;
};

}  // namespace escrow::broker
