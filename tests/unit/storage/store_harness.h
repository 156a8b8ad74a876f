// What the tests of all stores share: a store that can be closed and opened again, and short ways to write
// and read.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace escrow {

/// One store of some kind, on a directory of its own if it needs one. Reopening keeps what was committed.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Store& store() = 0;
  /// Ends the store in an orderly way and opens it again.
  virtual void reopen() = 0;
};

std::unique_ptr<StoreHarness> make_memory_harness();
std::unique_ptr<StoreHarness> make_rocks_harness();

using Entries = std::vector<std::pair<std::string, std::string>>;

/// Everything in [from, to); fails the test when the scan ends with an error.
Entries entries(const Store& store, Table table, std::string_view from = {}, std::string_view to = {});

/// The value of the key, or "(none)"; fails the test on an error.
std::string value_of(const Store& store, Table table, std::string_view key);

}  // namespace escrow
