// A topology with queues of its own making, and a store for what it changes.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/topology.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {

class TopologyTester {
 public:
  Result<void> exchange(const std::string& name, ExchangeType type = ExchangeType::kDirect, FieldTable arguments = {}) {
    return topology.declare_exchange({"/", name, type, std::move(arguments)});
  }
  Result<Queue*> queue(const std::string& name, FieldTable arguments = {}, const std::string& vhost = "/") {
    return topology.declare_queue({vhost, name, std::move(arguments)},
                                  [&](QueueSpec spec) { return make(spec, next_log++); });
  }
  Result<bool> bind(const std::string& source, const std::string& queue_name, const std::string& key,
                    FieldTable arguments = {}) {
    return topology.bind("/", source, queue_name, {key, std::move(arguments), nullptr});
  }
  Result<bool> unbind(const std::string& source, const std::string& queue_name, const std::string& key,
                      FieldTable arguments = {}) {
    return topology.unbind("/", source, queue_name, {key, std::move(arguments), nullptr});
  }
  /// Names of the queues in order, or the reason of the refusal.
  std::string route(const std::string& exchange_name, const std::string& key) {
    const auto queues = topology.route(view("", key, exchange_name));
    if (!queues) return queues.error().reason;
    std::vector<std::string> names;
    for (const Queue* q : **queues) names.push_back(q->spec().name);
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
};

inline FieldTable arguments(std::initializer_list<std::pair<const char*, FieldValue>> fields) {
  FieldTable table;
  for (const auto& [name, value] : fields) table.set(name, value);
  return table;
}

}  // namespace escrow::broker
