// The Store seam: an ordered key-value store with tables, atomic batches and durability on demand.
//
// Two implementations: RocksStore (production) and MemoryStore (simulation, with faults).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/keyspace.h"
#include "storage/write_set.h"

namespace escrow {

/// What a read that may not wait for the disk found.
enum class CachedRead : std::uint8_t { kFound, kAbsent, kWouldBlock };

/// A position in one table. Not thread-safe; sees the state at its creation.
class StoreIterator {
 public:
  virtual ~StoreIterator() = default;
  virtual bool valid() const = 0;
  /// Valid until next().
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual void next() = 0;
  /// The error that ended the scan early, if one did. To be asked when valid() has become false.
  virtual Result<void> status() const = 0;
};

/// Thread-safe: one thread commits, any number read.
///
/// What a failed commit left behind is unknown: the caller must stop the process and recover. Every other
/// error is an I/O or corruption error and carries kDataLoss with a message for the operator.
class Store {
 public:
  virtual ~Store() = default;

  /// Applies the whole set or nothing. With kSync, returns after it (and all before it) is on disk; readers
  /// see the set only then. With kNoSync the set may be lost by a crash, but never a set before a kept one.
  enum class Durability : std::uint8_t { kSync, kNoSync };
  virtual Result<void> commit(const WriteSet& set, Durability durability) = 0;

  /// Number of the last numbered set that was committed or, after opening, recovered; 0 if there was none.
  /// Numbers must be contiguous: a set that does not carry last_batch() + 1 (or no number at all) breaks an
  /// invariant.
  virtual std::uint64_t last_batch() const = 0;

  /// nullopt: no such key.
  virtual Result<std::optional<std::string>> get(Table table, std::string_view key) const = 0;

  /// As get, but answers only from memory. `value` is written when kFound is returned.
  virtual CachedRead get_cached(Table table, std::string_view key, std::string& value) const = 0;

  /// Keys in [from, to), in byte order. An empty `to` means the end of the table.
  virtual std::unique_ptr<StoreIterator> scan(Table table, std::string_view from, std::string_view to) const = 0;
};

}  // namespace escrow
