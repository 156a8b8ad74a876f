// What no durable message can do without: its bytes written into RocksDB and synced, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bench/latencies.h"
#include "storage/rocks_store.h"

namespace escrow::bench {

/// Used by one thread.
class SyncedPuts {
 public:
  /// Opens a store in `directory`, which is to be new; ends the process with a message when that fails.
  SyncedPuts(const std::string& directory, std::size_t value_bytes);
  /// The time that the sync was in.
  SteadyClock::duration put();

 private:
  const std::unique_ptr<RocksStore> store_;
  const std::string value_;
  std::uint64_t next_key_ = 0;
};

}  // namespace escrow::bench
