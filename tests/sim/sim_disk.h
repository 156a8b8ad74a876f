// The disk under the server. Two implementations: MemoryDisk, and the real store on a disk that loses power
// (tests/fault/rocks_disk.h).
#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/result.h"
#include "storage/store.h"

namespace escrow::sim {

class SimDisk {
 public:
  virtual ~SimDisk() = default;

  /// Opens the store on what the disk holds: at first, and after every cut_power. An error: it refuses.
  virtual Result<void> start() = 0;
  /// The one that was opened last.
  virtual Store& store() = 0;
  /// As Store::commit, but only a loss of power makes it fail.
  virtual bool commit(const WriteSet& set, Store::Durability durability) = 0;
  /// Time passes.
  virtual void step() {}

  /// False: it was lost in the middle of an operation, and nothing works any more until cut_power and start.
  virtual bool has_power() const { return true; }
  /// Power may be lost during one of the next operations.
  virtual bool power_may_fail() const { return false; }
  virtual void stop_faults() {}
  /// Asks for a loss of power during one of the next commits, the one with this number from 1. A disk may have its own mind.
  virtual void fail_during(std::uint64_t) {}
  /// Power fails, if it has not yet.
  virtual void cut_power(Random& random) = 0;
};

}  // namespace escrow::sim
