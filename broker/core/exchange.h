// Exchanges and their bindings: which queues a message goes to.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "broker/core/topic_trie.h"
#include "model/field_table.h"
#include "model/message.h"

namespace escrow::broker {

class Queue;

/// Frozen: on disk.
enum class ExchangeType : std::uint8_t { kDirect = 1, kFanout = 2, kTopic = 3, kHeaders = 4 };

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

struct Binding {
  std::string routing_key;
  FieldTable arguments;
  Queue* queue = nullptr;

  bool operator==(const Binding&) const = default;
};

/// Not thread-safe. Queues are not owned; whoever deletes one unbinds it first.
class Exchange {
 public:
  explicit Exchange(ExchangeSpec spec) : spec_(std::move(spec)) {}

  const ExchangeSpec& spec() const { return spec_; }
  bool unused() const { return bindings_.empty(); }
  const std::list<Binding>& bindings() const { return bindings_; }

  /// False: the same binding exists.
  bool bind(Binding binding);
  /// False: there is no such binding.
  bool unbind(const Binding& binding);
  /// Removes all bindings of the queue and returns them.
  std::vector<Binding> unbind_all(const Queue* queue);

  /// Appends the queues that the message goes to; a queue may be appended more than once. Malformed properties match
  /// no headers binding.
  void route(const MessageView& message, std::vector<Queue*>& queues);
  /// The route depends on the routing key alone, and may be remembered until a binding changes.
  bool routes_by_key() const { return spec_.type != ExchangeType::kHeaders; }

 private:
  struct KeyHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  void index(Binding* binding);
  void unindex(Binding* binding);

  ExchangeSpec spec_;
  std::list<Binding> bindings_;                                                    // in the order in which they came
  std::unordered_map<std::string, std::list<Binding>::iterator> by_value_;         // by all that tells two apart
  std::unordered_multimap<std::string, Queue*, KeyHash, std::equal_to<>> by_key_;  // direct
  TopicTrie<Binding> by_pattern_;                                                  // topic
};

}  // namespace escrow::broker
