// Keys and records that the engine itself makes; the others are tested where they are made.
#include "engine/batch.h"

#include <gtest/gtest.h>

#include "storage/memory_store.h"
#include "tests/unit/golden.h"

namespace escrow::engine {
namespace {

TEST(Batch, has_keys_of_golden_bytes_that_sort_as_their_numbers_do) {
  EXPECT_EQ(hex(page_key(0x0102030405060708, 0x1112131415161718)), golden("0102030405060708 1112131415161718"));
  EXPECT_EQ(hex(log_key(0x0102030405060708)), golden("0102030405060708"));
  EXPECT_EQ(hex(body_key(0x0102030405060708, 0x11121314)), golden("0102030405060708 11121314"));
  EXPECT_LT(page_key(1, 0xff), page_key(1, 0x100));
  EXPECT_LT(page_key(1, 0x100), page_key(2, 0));
}

TEST(Batch, stores_a_group_as_golden_bytes) {
  Batch batch;
  batch.put_group("orders", 0x01020304);
  Head head;
  head.batch = 1;
  batch.seal(head, 0);
  MemoryStore store;
  ASSERT_TRUE(store.commit(batch.writes(), Store::Durability::kSync).ok());
  const auto stored = store.get(Table::kGroups, "orders");
  ASSERT_TRUE(stored.ok() && *stored);
  EXPECT_EQ(hex(**stored), golden("01"           // version
                                  "04030201"));  // lane
}

}  // namespace
}  // namespace escrow::engine
