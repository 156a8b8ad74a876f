// What only the in-memory store does: crashes, and reads that would have to wait.
#include "storage/memory_store.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/storage/store_harness.h"

namespace escrow {
namespace {

using Durability = Store::Durability;

void commit_number(MemoryStore& store, std::uint64_t number, Durability durability) {
  WriteSet set;
  set.set_batch(number, 0);
  set.put(Table::kHead, "head", std::to_string(number));
  set.append(Table::kPages, "page", std::string(1, static_cast<char>('0' + number % 10)));
  ASSERT_TRUE(store.commit(set, durability).ok());
}

TEST(MemoryStoreCrash, never_loses_what_was_synced) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemoryStore store;
    commit_number(store, 1, Durability::kNoSync);
    commit_number(store, 2, Durability::kSync);
    Random random(seed);
    EXPECT_EQ(store.crash(random), 0u);
    EXPECT_EQ(store.last_batch(), 2u);
    EXPECT_EQ(value_of(store, Table::kPages, "page"), "12");
  }
}

TEST(MemoryStoreCrash, keeps_a_prefix_of_what_was_not_synced_and_every_length_happens) {
  std::set<std::uint64_t> lengths;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    MemoryStore store;
    commit_number(store, 1, Durability::kSync);
    for (std::uint64_t number = 2; number <= 5; ++number) commit_number(store, number, Durability::kNoSync);
    EXPECT_EQ(store.unsynced_sets(), 4u);
    Random random(seed);
    const std::size_t lost = store.crash(random);
    const std::uint64_t last = store.last_batch();
    EXPECT_EQ(last, 5 - lost);
    EXPECT_EQ(value_of(store, Table::kHead, "head"), std::to_string(last));
    EXPECT_EQ(value_of(store, Table::kPages, "page"), std::string("12345").substr(0, last));
    EXPECT_EQ(store.unsynced_sets(), 0u);
    lengths.insert(last);
  }
  EXPECT_EQ(lengths, (std::set<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST(MemoryStoreCrash, sync_makes_durable_what_was_written_before) {
  MemoryStore store;
  for (std::uint64_t number = 1; number <= 3; ++number) commit_number(store, number, Durability::kNoSync);
  store.sync();
  Random random(1);
  EXPECT_EQ(store.crash(random), 0u);
  EXPECT_EQ(store.last_batch(), 3u);
}

TEST(MemoryStoreCrash, takes_back_every_kind_of_change) {
  MemoryStore store;
  WriteSet before;
  for (const char* key : {"put", "append", "erase", "range1", "range2"}) before.put(Table::kGroups, key, "old");
  ASSERT_TRUE(store.commit(before, Durability::kSync).ok());
  const Entries old = entries(store, Table::kGroups);

  WriteSet change;
  change.put(Table::kGroups, "put", "new");
  change.append(Table::kGroups, "put", "er");
  change.append(Table::kGroups, "append", "new");
  change.erase(Table::kGroups, "erase");
  change.put(Table::kGroups, "erase", "again");
  change.put(Table::kGroups, "range3", "new");
  change.erase_range(Table::kGroups, "range", "s");
  change.put(Table::kGroups, "fresh", "new");
  change.append(Table::kGroups, "fresh2", "new");
  bool lost = false;
  for (std::uint64_t seed = 0; !lost; ++seed) {
    ASSERT_TRUE(store.commit(change, Durability::kNoSync).ok());
    EXPECT_NE(entries(store, Table::kGroups), old);
    Random random(seed);
    lost = store.crash(random) != 0;
    if (lost) {
      EXPECT_EQ(entries(store, Table::kGroups), old);
    } else {
      ASSERT_TRUE(store.commit(before, Durability::kSync).ok());
      WriteSet reset;
      reset.erase(Table::kGroups, "fresh");
      reset.erase(Table::kGroups, "fresh2");
      ASSERT_TRUE(store.commit(reset, Durability::kSync).ok());
    }
  }
}

TEST(MemoryStoreCache, answers_would_block_as_often_as_it_is_told) {
  MemoryStore store;
  commit_number(store, 1, Durability::kSync);
  std::string value;
  store.set_would_block(0.25, Random(7));
  int blocked = 0;
  for (int i = 0; i < 10'000; ++i) {
    blocked += store.get_cached(Table::kHead, "head", value) == CachedRead::kWouldBlock;
  }
  EXPECT_NEAR(blocked, 2'500, 200);
  store.set_would_block(0, Random(7));
  EXPECT_EQ(store.get_cached(Table::kHead, "head", value), CachedRead::kFound);
}

}  // namespace
}  // namespace escrow
