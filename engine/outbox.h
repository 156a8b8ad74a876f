// The outbox holds effects back until the batch that caused them is durable, then hands them to their ports, in order.
#pragma once

#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "engine/port.h"

namespace escrow::engine {

/// One thread: the engine's.
class Outbox {
 public:
  struct ReplyTo {
    std::uint64_t request = 0;
    Result<Reply> reply;
  };
  struct Cancelled {
    broker::ConsumerId consumer = 0;
  };
  struct Closed {};
  using Effect = std::variant<ReplyTo, broker::Delivery, Cancelled, Check, Closed>;

  /// `durable`: the last batch that is.
  explicit Outbox(broker::BatchNumber durable) : durable_(durable) {}

  /// Leaves when batch `after` is durable, and not before what was put for the port earlier.
  void put(Port* port, Effect effect, broker::BatchNumber after);
  void durable(broker::BatchNumber batch);

  /// Hands out what may leave. True: something did.
  bool dispatch();
  bool empty() const { return ready_.empty() && waiting_.empty(); }
  broker::BatchNumber durable() const { return durable_; }

 private:
  struct Entry {
    Port* port;
    Effect effect;
  };
  using Entries = std::vector<Entry>;
  void hand_out(Entry& entry);

  broker::BatchNumber durable_;
  Entries ready_;
  std::deque<Entries> waiting_;  // of batches durable_ + 1, + 2, …
  std::vector<Port*> to_flush_;
};

}  // namespace escrow::engine
