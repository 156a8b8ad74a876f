// The batch that is being built: what the commands since the last one change, ready for the store.
//
// Also the sink of the cores' changes: it knows their keys.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/record.h"
#include "base/bytes.h"
#include "broker/core/broker.h"
#include "coordinator/core/transaction.h"
#include "engine/head.h"
#include "storage/write_set.h"

namespace escrow::engine {

std::string page_key(broker::LogId log, broker::Seq first);
std::string log_key(broker::LogId log);
std::string delay_key(broker::LogId log, const broker::DelayKey& entry);
std::optional<broker::DelayKey> decode_delay_key(std::string_view key);
std::string keys_key(broker::LogId log, std::uint64_t row);
std::string body_key(std::uint64_t body, std::uint32_t chunk);
/// Of a stored body; the last chunk is shorter.
inline constexpr std::size_t kBodyChunk = 1 << 20;

class Batch {
 public:
  // Transactions.
  void put_open(std::string_view key, const coordinator::Transaction& t) {
    writes_.put(Table::kOpenTransactions, key, coordinator::encode_open(t));
  }
  void put_check(std::string_view key, const coordinator::Transaction& t) {
    writes_.put(Table::kChecks, key, coordinator::encode_check(t));
  }
  void erase_open(std::string_view key) { writes_.erase(Table::kOpenTransactions, key); }
  void put_decided(std::string_view key, const coordinator::Transaction& t, bool was_checked);
  void erase_decided(std::string_view key) { writes_.erase(Table::kDecidedTransactions, key); }
  void put_group(std::string_view name, LaneId lane);
  void erase_group(std::string_view name) { writes_.erase(Table::kGroups, name); }
  void audit(audit::Record record, audit::Tip& tip);

  // Sink of the broker and of timers.
  void topology(const broker::TopologyChange& change);
  void erase_log(broker::LogId log);
  void start_page(broker::LogId log, broker::Seq page, std::shared_ptr<const broker::Fragment> fragment);
  void append_page(broker::LogId log, broker::Seq page, std::shared_ptr<const broker::Fragment> fragment);
  void put_page(broker::LogId log, broker::Seq page, std::string bytes);
  void erase_page(broker::LogId log, broker::Seq page, bool indexed, bool has_state);
  void put_extent(broker::LogId log, const broker::PageExtent& extent);
  void put_page_state(broker::LogId log, broker::Seq page, const broker::PageState& state);
  void put_log_state(broker::LogId log, const broker::LogState& state);
  void put_delayed(broker::LogId log, const broker::DelayKey& entry, std::shared_ptr<const broker::Fragment> messages);
  void erase_delayed(broker::LogId log, const broker::DelayKey& entry) {
    writes_.erase(Table::kDelayed, delay_key(log, entry));
  }
  void put_delay_count(broker::LogId log, const broker::DelayCount& count);
  void erase_delays(broker::LogId log) { writes_.erase_range(Table::kDelayed, log_key(log), log_key(log + 1)); }
  void put_keys(broker::LogId log, std::uint64_t row, std::string_view bytes) {
    writes_.put(Table::kKeys, keys_key(log, row), bytes);
  }
  void erase_keys(broker::LogId log, std::uint64_t row) { writes_.erase(Table::kKeys, keys_key(log, row)); }
  void erase_keys(broker::LogId log) { writes_.erase_range(Table::kKeys, log_key(log), log_key(log + 1)); }
  void put_body(BodyRef body, std::shared_ptr<const std::string> bytes);
  void erase_body(BodyRef body);
  void put_timers(std::string_view key, std::string_view value) { writes_.put(Table::kTimers, key, value); }
  void erase_timers(std::string_view from, std::string_view to) { writes_.erase_range(Table::kTimers, from, to); }
  void erase_timers(std::string_view key) { writes_.erase(Table::kTimers, key); }

  /// Writes the head and what was gathered on the side. The last call before the commit.
  void seal(const Head& head, broker::BatchNumber durable);
  const WriteSet& writes() const { return writes_; }
  /// Large bodies, to be written before the batch itself.
  std::vector<std::shared_ptr<const WriteSet>> take_bodies() { return std::exchange(bodies_, {}); }
  /// Bodies [from, to), which a crash left without a record.
  void erase_orphaned_bodies(std::uint64_t from, std::uint64_t to) {
    writes_.erase_range(Table::kBodies, body_key(from, 0), body_key(to, 0));
  }
  /// What it has gathered, without what queues still hold.
  std::size_t bytes() const { return writes_.bytes() + audit_.size(); }
  void clear();

 private:
  WriteSet writes_;
  std::vector<std::shared_ptr<const WriteSet>> bodies_;
  std::string audit_;
  std::uint64_t first_audit_ = 0;
  std::string scratch_;
};

}  // namespace escrow::engine
