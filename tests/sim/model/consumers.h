// Who consumes what, with which credit, and what each of them holds.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/command.h"
#include "tests/sim/model/copies.h"
#include "tests/sim/trace.h"

namespace escrow::sim::model {

/// Number of a port, never reused.
using PortNumber = std::uint32_t;

struct Consumer {
  PortNumber port = 0;
  Queue* queue = nullptr;
  bool auto_credit = false;
  /// Its port was closed, or its queue deleted: nothing new is given to it, but what is on its way still arrives.
  bool ended = false;
  bool cancelled = false;      ///< and it was told so
  std::uint64_t credit = 0;    ///< not used yet
  std::vector<CopyId> held;    ///< by tag - 1; kNone: settled
  broker::Seq last_first = 0;  ///< place of the last one that came for the first time
};

class Consumers {
 public:
  Consumers(Verdict& verdict, Trace& trace, const Catalog& catalog, const Present& present, Copies& copies)
      : verdict_(verdict), trace_(trace), catalog_(catalog), present_(present), copies_(copies) {}

  /// Returns the model's number of the consumer; nullopt: there is no such queue.
  std::optional<std::uint32_t> asked(PortNumber port, const engine::Consume& body, Queue* queue);
  void answered(std::uint32_t number, broker::ConsumerId id);
  void refused(std::uint32_t number) { consumers_[number].ended = true; }

  /// What must be answered, if anything.
  std::optional<ErrorCode> asked(const engine::GrantCredit& body);
  std::optional<ErrorCode> asked(const engine::Settle& body);

  void delivered(PortNumber port, const broker::Delivery& delivery);
  void cancelled(PortNumber port, broker::ConsumerId id);

  void port_closed(PortNumber port);
  void queue_deleted(const Queue* queue);
  void crashed();

 private:
  Consumer* find(broker::ConsumerId id);
  void settle(Consumer& consumer, const engine::Settle& body);
  void deliver_one(std::uint32_t number, const broker::Delivery& delivery, std::uint32_t index);
  void return_one(Queue& queue, CopyId id, BatchNumber batch);
  void check_time(const Consumer& consumer, const broker::Delivery& delivery, std::uint32_t index);
  void check_order(Consumer& consumer, const Copy& copy);

  Verdict& verdict_;
  Trace& trace_;
  const Catalog& catalog_;
  const Present& present_;
  Copies& copies_;
  std::vector<Consumer> consumers_;
  std::unordered_map<broker::ConsumerId, std::uint32_t> by_id_;  // of this life of the server
  std::size_t first_of_life_ = 0;                                // consumers before it died with the server
  bool settling_lags_ = false;  // a settlement was so large that its work goes on later
};

}  // namespace escrow::sim::model
