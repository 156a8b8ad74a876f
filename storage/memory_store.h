// The Store of the simulation and of unit tests: ordered maps in memory, with crashes and cache misses on
// demand.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "storage/store.h"

namespace escrow {

/// Keeps the contract of Store, threads included (one mutex). Deterministic as long as one thread uses it.
///
/// Memory: the tables, and what undoes the sets that are not synced; synced sets cost nothing extra.
/// No commit fails. Iterators must not outlive the store.
class MemoryStore final : public Store {
 public:
  MemoryStore() = default;
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  Result<void> commit(const WriteSet& set, Durability durability) override;
  std::uint64_t last_batch() const override;
  Result<std::optional<std::string>> get(Table table, std::string_view key) const override;
  CachedRead get_cached(Table table, std::string_view key, std::string& value) const override;
  std::unique_ptr<StoreIterator> scan(Table table, std::string_view from, std::string_view to) const override;

  /// Makes durable what was committed with kNoSync: for a simulation that lets time pass between the write of
  /// a set and the end of its sync.
  void sync();

  /// Power fails, and the process starts again on what the disk kept. The disk may have lost any of the sets
  /// that were not synced, torn ones included; recovery ends before the first lost one, so a prefix of them
  /// survives, and all lengths are equally likely. Returns how many sets were lost.
  std::size_t crash(Random& random);

  /// Sets that a crash could lose now.
  std::size_t unsynced_sets() const;

  /// From now on get_cached answers kWouldBlock with this probability, as if the key were on disk only.
  void set_would_block(double probability, Random random);

 private:
  using Map = std::map<std::string, std::string, std::less<>>;
  class Iterator;

  /// What takes back one change of one key.
  struct Undo {
    enum class Kind : std::uint8_t { kRemove, kRestore, kTruncate };
    Kind kind;
    Table table;
    std::string key;
    std::string value;     ///< kRestore
    std::size_t size = 0;  ///< kTruncate: bytes that were there before an append
  };
  struct UnsyncedSet {
    std::size_t first_undo;
    std::uint64_t batch_before;
  };

  void apply(WriteSet::Op op, Table table, std::string_view key, std::string_view value, bool undoable);
  void erase(Map& map, Map::iterator position, Table table, bool undoable);
  void take_back(Undo& undo);
  void detach_iterators();
  void forget_undo();
  Map& map(Table table) { return maps_[static_cast<std::size_t>(table)]; }
  const Map& map(Table table) const { return maps_[static_cast<std::size_t>(table)]; }

  mutable std::mutex mutex_;  ///< guards everything below
  std::array<Map, kTableCount> maps_;
  std::uint64_t last_batch_ = 0;
  std::vector<Undo> undo_;
  std::vector<UnsyncedSet> unsynced_;
  mutable std::vector<Iterator*> iterators_;  ///< those that still read the live map
  double would_block_probability_ = 0;
  mutable Random would_block_random_{0};
};

}  // namespace escrow
