#include "broker/core/router.h"

#include <algorithm>

#include "broker/core/names.h"

namespace escrow::broker {

Result<Router::Found> Router::route(const VirtualHosts& vhosts, const MessageView& message,
                                    std::span<const std::string_view> more_keys) {
  if (more_keys.empty() && is(*last_, message)) return last_->found();
  const std::size_t hash =
      std::hash<std::string_view>()(message.exchange) * 31 + std::hash<std::string_view>()(message.routing_key);
  Route& route = routes_[hash % kRoutes];
  if (more_keys.empty() && is(route, message)) {
    last_ = &route;
    return route.found();
  }
  const Result<bool> by_key = compute(vhosts, RoutedMessage(message, more_keys));
  if (!by_key) return by_key.error();
  if (!*by_key || !more_keys.empty()) {
    return Found{&uncached_.queues, delays_, uncached_.internal, uncached_.from};
  }
  route.generation = generation_;
  route.vhost = message.vhost;
  route.exchange = message.exchange;
  route.routing_key = message.routing_key;
  route.internal = uncached_.internal;
  route.from = uncached_.from;
  std::swap(route.queues, uncached_.queues);
  return route.found();
}

bool Router::is(const Route& route, const MessageView& message) const {
  return route.generation == generation_ && route.routing_key == message.routing_key &&
         route.exchange == message.exchange && route.vhost == message.vhost;
}

Result<bool> Router::compute(const VirtualHosts& vhosts, const RoutedMessage& message) {
  const MessageView& view = message.view();
  std::vector<Queue*>& queues = uncached_.queues;
  queues.clear();
  delays_.clear();
  uncached_.internal = false;
  uncached_.from = nullptr;
  const auto host = vhosts.find(view.vhost);
  if (host == vhosts.end()) return unknown_vhost(view.vhost);
  bool by_key = true;
  if (view.exchange.empty()) {
    message.for_each_key([&](std::string_view key) {
      if (Queue* queue = host->second.queue(key)) queues.push_back(queue);
    });
  } else {
    Exchange* from = host->second.exchange(view.exchange);
    if (from == nullptr) return unknown_exchange(view.exchange, view.vhost);
    uncached_.from = from;
    uncached_.internal = from->spec().internal;
    by_key = follow(host->second, from, message);
  }
  sort_queues();
  return by_key;
}

Result<Router::Found> Router::route_on(const VirtualHosts& vhosts, Exchange& from, const MessageView& message,
                                       std::span<const std::string_view> more_keys) {
  const auto host = vhosts.find(message.vhost);
  if (host == vhosts.end()) return unknown_vhost(message.vhost);
  uncached_.queues.clear();
  delays_.clear();
  follow(host->second, &from, RoutedMessage(message, more_keys));
  sort_queues();
  return Found{&uncached_.queues, delays_};
}

void Router::sort_queues() {
  std::vector<Queue*>& queues = uncached_.queues;
  std::ranges::sort(queues, {}, &Queue::first_log);
  queues.erase(std::ranges::unique(queues).begin(), queues.end());
}

bool Router::follow(const VirtualHost& host, Exchange* from, const RoutedMessage& message) {
  bool by_key = true;
  ++visit_;
  const auto visit = [&](Exchange* exchange) {
    if (std::exchange(exchange->visit, visit_) != visit_) pending_.push_back(exchange);
  };
  visit(from);
  while (!pending_.empty()) {
    Exchange* exchange = pending_.back();
    pending_.pop_back();
    by_key = by_key && exchange->routes_by_key();
    if (exchange->delays(message)) {
      delays_.push_back(exchange);
      continue;
    }
    targets_.clear();
    exchange->route(message, targets_);
    if (targets_.empty() && !exchange->alternate().empty()) {
      if (Exchange* alternate = host.exchange(exchange->alternate())) visit(alternate);
    }
    for (const Target& target : targets_) {
      if (target.queue != nullptr) {
        uncached_.queues.push_back(target.queue);
      } else {
        visit(target.exchange);
      }
    }
    work_ += targets_.size();
  }
  work_ += message.work();
  return by_key;
}

}  // namespace escrow::broker
