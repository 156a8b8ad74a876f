#include "tests/unit/storage/store_harness.h"

#include <gtest/gtest.h>

#include "storage/memory_store.h"
#include "storage/rocks_store.h"
#include "tests/unit/storage/scratch_directory.h"

namespace escrow {
namespace {

class MemoryHarness final : public StoreHarness {
 public:
  Store& store() override { return store_; }
  void reopen() override {}

 private:
  MemoryStore store_;
};

class RocksHarness final : public StoreHarness {
 public:
  RocksHarness() { reopen(); }
  Store& store() override { return *store_; }
  void reopen() override {
    store_.reset();
    auto opened = RocksStore::open(directory_.path(), RocksStoreOptions{});
    if (!opened.ok()) std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    store_ = std::move(opened).value();
  }

 private:
  ScratchDirectory directory_;
  std::unique_ptr<RocksStore> store_;
};

}  // namespace

std::unique_ptr<StoreHarness> make_rocks_harness() { return std::make_unique<RocksHarness>(); }

std::unique_ptr<StoreHarness> make_memory_harness() { return std::make_unique<MemoryHarness>(); }

Entries entries(const Store& store, Table table, std::string_view from, std::string_view to) {
  Entries found;
  auto it = store.scan(table, from, to);
  for (; it->valid(); it->next()) found.emplace_back(it->key(), it->value());
  EXPECT_TRUE(it->status().ok());
  return found;
}

std::string value_of(const Store& store, Table table, std::string_view key) {
  auto value = store.get(table, key);
  EXPECT_TRUE(value.ok());
  if (!value.ok() || !value->has_value()) return "(none)";
  return **value;
}

}  // namespace escrow
