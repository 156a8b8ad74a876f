#include "bench/synced_puts.h"

#include <filesystem>
#include <utility>

#include "bench/fail.h"

namespace escrow::bench {
namespace {

std::unique_ptr<RocksStore> open_store(const std::string& directory) {
  if (directory.empty()) fail("--directory", "is needed");
  std::filesystem::create_directories(directory);
  auto store = RocksStore::open(directory, {});
  if (!store) fail("the store cannot be opened", store.error().message);
  return std::move(*store);
}

}  // namespace

SyncedPuts::SyncedPuts(const std::string& directory, std::size_t value_bytes)
    : store_(open_store(directory)), value_(value_bytes, 'x') {}

SteadyClock::duration SyncedPuts::put() {
  WriteSet set;
  set.put(Table::kPages, std::to_string(next_key_++), value_);
  const auto start = SteadyClock::now();
  if (auto put = store_->commit(set, Store::Durability::kSync); !put) fail("put", put.error().message);
  return SteadyClock::now() - start;
}

}  // namespace escrow::bench
