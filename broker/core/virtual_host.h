// A virtual host: a world of exchanges and queues of its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/core/exchange.h"
#include "broker/core/queue.h"

namespace escrow::broker {

/// Which exchanges have bindings to a queue or an exchange, so that what goes is unbound without a look at all others.
class BindingSources {
 public:
  /// One binding more, and one less.
  void add(const Target& target, Exchange* source) { ++sources_[id(target)][source]; }
  void remove(const Target& target, Exchange* source);
  /// In order of name. Forgets them.
  std::vector<Exchange*> take(const Target& target);

 private:
  // Not by address: what happens must not depend on where things are.
  struct ByName {
    bool operator()(const Exchange* a, const Exchange* b) const { return a->spec().name < b->spec().name; }
  };
  static const void* id(const Target& target) {
    return target.queue != nullptr ? static_cast<const void*>(target.queue) : target.exchange;
  }
  std::unordered_map<const void*, std::map<Exchange*, std::size_t, ByName>> sources_;
};

struct VirtualHost {
  std::map<std::string, std::unique_ptr<Exchange>, std::less<>> exchanges;
  std::map<std::string, std::unique_ptr<Queue>, std::less<>> queues;
  BindingSources sources;

  /// nullptr: there is none.
  Exchange* exchange(std::string_view name) const;
  Queue* queue(std::string_view name) const;
};

using VirtualHosts = std::map<std::string, VirtualHost, std::less<>>;

}  // namespace escrow::broker
