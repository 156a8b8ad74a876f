// The idempotency keys that an exchange or a queue has seen lately. All of them are in memory, at 24 to 32 bytes a key, so
// that no publish has to wait for a read; the window bounds them. What a batch adds is one row of the store:
//
//   key    log u64 │ row u64     (big-endian)
//   value  u8 version = 1 │ i64 time µs │ { u64 │ u64 }*
//
// The time is the one of the last key of the batch. A row goes when all its keys have left the window. Keys of messages
// that a crash loses are not stored: they may come again.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/core/deduplication.h"
#include "broker/core/queue_log.h"

namespace escrow::broker {

/// Not thread-safe.
class SeenKeys {
 public:
  /// Keys that one add() forgets at most: more than it adds, so that it catches up when a window shrinks.
  static constexpr std::size_t kForgetPerAdd = 100;

  /// Not `stored`: a restart forgets them all.
  SeenKeys(LogId id, bool stored) : id_(id), stored_(stored) {}
  SeenKeys(const SeenKeys&) = delete;
  SeenKeys& operator=(const SeenKeys&) = delete;

  LogId id() const { return id_; }
  /// Those that are out of the window and not forgotten yet included.
  std::size_t size() const { return keys_.size(); }

  bool contains(const SeenKey& key, const DeduplicationWindow& window, Timestamp now) const;
  /// One that is not in the window. `stored`: with a message that the batch stores.
  void add(const SeenKey& key, bool stored, const DeduplicationWindow& window, Timestamp now);

  bool changed() const { return building_ > 0 || !erased_.empty(); }
  /// Sink: put_keys(log, row, bytes), erase_keys(log, row).
  template <class Sink>
  void take_changes(Sink& sink);
  /// In order of row. kDataLoss when it is damaged.
  Result<void> recover(std::uint64_t row, std::string_view bytes);

  // Whether it is in its owner's list.
  bool listed_changed = false;

 private:
  /// Consecutive keys of one time.
  struct Run {
    std::uint64_t first = 0;
    Timestamp time;
    bool stored = false;
    std::uint64_t row = 0;  // if it is stored, from the end of its batch on
  };
  /// Where the keys are that fall into one part: open addressing, with linear probing.
  struct Part {
    std::vector<std::uint32_t> slots;  // kUsed, and the position's low bits; 0: free
    std::size_t used = 0;
  };
  static constexpr std::size_t kParts = 256;  // each grows by itself, so that none takes long
  static constexpr std::size_t kFirstSlots = 8;
  static constexpr std::uint32_t kUsed = 1U << 31;

  std::uint64_t end() const { return first_ + keys_.size(); }
  const SeenKey& key_at(std::uint32_t slot) const {
    return keys_[(slot - static_cast<std::uint32_t>(first_)) & (kUsed - 1)];
  }
  static std::uint32_t slot_of(std::uint64_t position) { return static_cast<std::uint32_t>(position) | kUsed; }
  const Part& part_of(const SeenKey& key) const { return parts_[key[1] % kParts]; }
  Part& part_of(const SeenKey& key) { return parts_[key[1] % kParts]; }
  /// Its slot, or the free one where it belongs. There are slots.
  std::size_t find(const Part& part, const SeenKey& key) const;
  void insert(const SeenKey& key, std::uint64_t position);
  void grow(Part& part);
  void erase(Part& part, std::size_t slot);
  bool in_window(std::uint64_t position, const DeduplicationWindow& window, Timestamp now) const;
  void forget(const DeduplicationWindow& window, Timestamp now);
  void forget_first();
  std::string encode(const Run& run, std::uint64_t end) const;

  LogId id_;
  bool stored_;
  std::uint64_t first_ = 0;  // position of keys_.front()
  std::deque<SeenKey> keys_;
  std::deque<Run> runs_;
  std::size_t building_ = 0;  // the last of the runs, of the batch that is being built
  std::uint64_t next_row_ = 1;
  std::vector<std::uint64_t> erased_;
  std::array<Part, kParts> parts_;
};

template <class Sink>
void SeenKeys::take_changes(Sink& sink) {
  for (std::size_t i = runs_.size() - building_; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    if (!run.stored) continue;
    run.row = next_row_++;
    sink.put_keys(id_, run.row, encode(run, i + 1 < runs_.size() ? runs_[i + 1].first : end()));
  }
  building_ = 0;
  for (const std::uint64_t row : std::exchange(erased_, {})) sink.erase_keys(id_, row);
}

}  // namespace escrow::broker
