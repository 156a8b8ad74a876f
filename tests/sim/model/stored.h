// What is really on disk, read through the codecs that are public, and nothing else: the model compares with it after a
// crash and at the end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "broker/core/queue_log.h"
#include "coordinator/core/transaction.h"
#include "engine/head.h"
#include "storage/store.h"
#include "tests/sim/catalog.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

struct StoredMessage {
  Token token = 0;
  broker::Seq seq = 0;
  std::uint32_t delivery_count = 0;
};

/// Messages that are left, in order.
struct StoredQueue {
  std::string name;
  broker::LogId log = 0;
  std::vector<StoredMessage> messages;
};

struct StoredTransaction {
  coordinator::Transaction transaction;
  std::vector<Token> messages;
};

class Stored {
 public:
  /// Breaks a rule when something cannot be read, or refers to something that is not there.
  Stored(const Store& store, const Catalog& catalog, Verdict& verdict);

  engine::Head head;
  /// Keys of the topology table.
  std::set<std::string> topology;
  std::vector<StoredQueue> queues;
  /// By encoded key.
  std::map<std::string, StoredTransaction> open;
  std::map<std::string, coordinator::Transaction> decided;
  std::map<std::string, engine::LaneId> groups;
  /// Messages that exchanges keep back.
  std::size_t delayed = 0;

  /// A timer of the lane fires then for this epoch of the key.
  bool has_timer(engine::LaneId lane, Timestamp due, coordinator::Epoch epoch, const std::string& key) const;
  std::size_t bodies() const { return bodies_.size(); }

 private:
  void read_head(const Store& store);
  void read_topology(const Store& store);
  void read_queue(const Store& store, StoredQueue& queue);
  void read_page(StoredQueue& queue, broker::Seq first, std::string_view page, const broker::PageState& state);
  void read_bodies(const Store& store);
  void read_transactions(const Store& store);
  void read_timers(const Store& store);
  void read_delayed(const Store& store);
  /// Nothing is left of queues that are gone, and no body without a message.
  void check_leftovers(const Store& store);
  Token token_of(const MessageView& message, const std::string& where);
  std::optional<Token> find(std::string_view body) const;

  const Catalog& catalog_;
  Verdict& verdict_;
  std::map<std::uint64_t, std::optional<Token>> bodies_;  // nullopt: not whole, or not a body that was sent
  std::unordered_set<std::uint64_t> used_bodies_;
  std::unordered_set<std::string> timers_;
  std::unordered_set<broker::LogId> delay_logs_;
};

}  // namespace escrow::sim::model
