// A topology with queues of its own making, and a store for what it changes.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/core/topology.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {

class TopologyTester {
 public:
  Result<void> exchange(const std::string& name, ExchangeType type = ExchangeType::kDirect, FieldTable arguments = {}) {
    return declare({"/", name, type, std::move(arguments)});
  }
  Result<void> declare(ExchangeSpec spec) {
    if (auto declared = topology.declare_exchange(std::move(spec), next_delay_log++); !declared)
      return declared.error();
    return {};
  }
  Result<Queue*> queue(const std::string& name, FieldTable arguments = {}, const std::string& vhost = "/") {
    return topology.declare_queue({vhost, name, std::move(arguments)},
                                  [&](QueueSpec spec) { return make(spec, next_log++); });
  }
  Result<bool> bind(const std::string& source, const std::string& queue_name, const std::string& key,
                    FieldTable arguments = {}) {
    return topology.bind("/", source, {queue_name}, {key, std::move(arguments), nullptr});
  }
  Result<bool> unbind(const std::string& source, const std::string& queue_name, const std::string& key,
                      FieldTable arguments = {}) {
    return topology.unbind("/", source, {queue_name}, {key, std::move(arguments), nullptr});
  }
  Result<bool> bind_exchange(const std::string& source, const std::string& destination, const std::string& key = "",
                             FieldTable arguments = {}) {
    return topology.bind("/", source, {destination, DestinationKind::kExchange}, {key, std::move(arguments), nullptr});
  }
  Result<bool> unbind_exchange(const std::string& source, const std::string& destination, const std::string& key = "",
                               FieldTable arguments = {}) {
    return topology.unbind("/", source, {destination, DestinationKind::kExchange},
                           {key, std::move(arguments), nullptr});
  }
  /// With flags and arguments set by `edit`.
  template <class Edit>
  Result<void> exchange_with(const std::string& name, ExchangeType type, Edit&& edit) {
    ExchangeSpec spec{"/", name, type, {}};
    edit(spec);
    return declare(std::move(spec));
  }
  template <class Edit>
  Result<Queue*> queue_with(const std::string& name, Edit&& edit) {
    QueueSpec spec{"/", name, {}};
    edit(spec);
    return topology.declare_queue(std::move(spec), [&](QueueSpec s) { return make(s, next_log++); });
  }
  /// Names of the queues in order, or the reason of the refusal.
  std::string route(const std::string& exchange_name, const std::string& key,
                    std::span<const std::string_view> more_keys = {}) {
    return route(view("", key, exchange_name), more_keys);
  }
  std::string route(const MessageView& message, std::span<const std::string_view> more_keys = {}) {
    const auto found = topology.route(message, more_keys);
    if (!found) return found.error().reason;
    std::vector<std::string> names;
    for (const Queue* q : *found->queues) names.push_back(q->spec().name);
    for (const Exchange* exchange : found->delays) names.push_back("later:" + exchange->spec().name);
    std::ranges::sort(names);
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
  }

  std::map<std::string, std::string> stored;
  void store() {
    for (const TopologyChange& change : topology.take_changes()) {
      if (change.value) {
        stored[change.key] = *change.value;
      } else {
        stored.erase(change.key);
      }
    }
  }
  Result<void> recover(const std::string& key, const std::string& value) {
    return topology.recover(key, value, [&](QueueSpec spec, LogId log) { return make(spec, log); });
  }

  std::unique_ptr<Queue> make(const QueueSpec& spec, LogId log) {
    return std::make_unique<Queue>(spec, QueueArguments{}, log, pages, bodies);
  }

  PageCache pages{0};
  BodyCache bodies{0};
  Topology topology;
  LogId next_log = 1;
  LogId next_delay_log = 1'000'000;
};

/// "ok", or the reason of the refusal.
template <class T>
std::string outcome(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().reason;
}

inline FieldTable arguments(std::initializer_list<std::pair<const char*, FieldValue>> fields) {
  FieldTable table;
  for (const auto& [name, value] : fields) table.set(name, value);
  return table;
}

}  // namespace escrow::broker
