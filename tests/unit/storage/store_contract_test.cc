// What every Store promises, asked of each of them.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "tests/unit/storage/store_harness.h"

namespace escrow {
namespace {

using Durability = Store::Durability;

struct StoreKind {
  const char* name;
  std::unique_ptr<StoreHarness> (*make)();
};
void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  Store& store() { return harness_->store(); }
  void commit(const WriteSet& set, Durability durability = Durability::kSync) {
    const auto result = store().commit(set, durability);
    ASSERT_TRUE(result.ok()) << result.error().message;
  }
  void put(Table table, std::string_view key, std::string_view value) {
    WriteSet set;
    set.put(table, key, value);
    commit(set);
  }
  std::unique_ptr<StoreHarness> harness_ = GetParam().make();
};

TEST_P(StoreContract, an_empty_store_holds_nothing) {
  EXPECT_EQ(value_of(store(), Table::kHead, "head"), "(none)");
  EXPECT_EQ(entries(store(), Table::kPages), Entries{});
  EXPECT_EQ(store().last_batch(), 0u);
}

TEST_P(StoreContract, a_set_is_visible_after_its_commit) {
  WriteSet set;
  set.put(Table::kHead, "head", "1");
  set.put(Table::kGroups, "ann", std::make_shared<const std::string>("shared"));
  commit(set);
  EXPECT_EQ(value_of(store(), Table::kHead, "head"), "1");
  EXPECT_EQ(value_of(store(), Table::kGroups, "ann"), "shared");
}

TEST_P(StoreContract, operations_of_a_set_apply_in_order) {
  WriteSet set;
  set.put(Table::kGroups, "a", "1");
  set.erase(Table::kGroups, "a");
  set.append(Table::kGroups, "a", "2");
  set.append(Table::kGroups, "a", "3");
  set.put(Table::kGroups, "b", "1");
  set.put(Table::kGroups, "c", "1");
  set.erase_range(Table::kGroups, "b", "c");
  set.append(Table::kGroups, "b", "4");
  set.put(Table::kGroups, "d", "1");
  set.erase_range(Table::kGroups, "d", "e");
  commit(set);
  EXPECT_EQ(entries(store(), Table::kGroups), (Entries{{"a", "23"}, {"b", "4"}, {"c", "1"}}));
}

TEST_P(StoreContract, append_starts_absent_keys_and_extends_others) {
  for (const Table table : {Table::kPages, Table::kTimers, Table::kGroups}) {
    for (const char* part : {"one", "", "two"}) {
      WriteSet set;
      set.append(table, "page", part);
      commit(set);
    }
    EXPECT_EQ(value_of(store(), table, "page"), "onetwo");
    WriteSet set;
    set.put(table, "page", "new");
    set.append(table, "page", std::make_shared<const std::string>("er"));
    commit(set);
    EXPECT_EQ(entries(store(), table), (Entries{{"page", "newer"}}));
  }
}

TEST_P(StoreContract, erasing_an_absent_key_is_no_error) {
  WriteSet set;
  set.erase(Table::kGroups, "nobody");
  set.erase_range(Table::kGroups, "x", "y");
  commit(set);
  EXPECT_EQ(entries(store(), Table::kGroups), Entries{});
}

TEST_P(StoreContract, a_range_is_erased_from_its_start_up_to_its_end) {
  for (const char* key : {"a", "b", "bb", "c", "d"}) put(Table::kGroups, key, key);
  put(Table::kChecks, "b", "other table");
  WriteSet set;
  set.erase_range(Table::kGroups, "b", "c");
  set.erase_range(Table::kGroups, "d", "d");
  set.erase_range(Table::kGroups, "d", "a");
  commit(set);
  EXPECT_EQ(entries(store(), Table::kGroups), (Entries{{"a", "a"}, {"c", "c"}, {"d", "d"}}));
  EXPECT_EQ(value_of(store(), Table::kChecks, "b"), "other table");
}

// Where the keys of a table have their full size, RocksStore has to go a longer way.
TEST_P(StoreContract, ranges_start_and_end_at_keys_of_every_size) {
  for (const Table table : {Table::kPages, Table::kTimers, Table::kGroups}) {
    Random random(3);
    std::map<std::string, std::string> model;
    for (int i = 0; i < 2'000; ++i) {
      const auto key = [&] {
        constexpr std::size_t kSizes[] = {0, 1, 8, 15, 16, 17, 19, 20, 21};
        std::string bytes(kSizes[random.below(9)], '\0');
        for (std::string::size_type at = 0; at < bytes.size(); at += 3) bytes[at] = static_cast<char>(random.below(3));
        return bytes;
      };
      WriteSet set;
      const std::string from = key();
      if (random.chance(0.7)) {
        set.put(table, from, "v");
        model[from] = "v";
      } else {
        const std::string to = random.chance(0.2) ? from + '\0' : key();
        set.erase_range(table, from, to);
        if (from < to) model.erase(model.lower_bound(from), model.lower_bound(to));
      }
      commit(set, Durability::kNoSync);
    }
    EXPECT_EQ(entries(store(), table), Entries(model.begin(), model.end()));
  }
}

TEST_P(StoreContract, a_scan_stays_within_its_bounds) {
  for (const char* key : {"a", "b", "c", "d"}) put(Table::kAudit, key, key);
  EXPECT_EQ(entries(store(), Table::kAudit, "b", "d"), (Entries{{"b", "b"}, {"c", "c"}}));
  EXPECT_EQ(entries(store(), Table::kAudit, "aa", "bb"), (Entries{{"b", "b"}}));
  EXPECT_EQ(entries(store(), Table::kAudit, "c"), (Entries{{"c", "c"}, {"d", "d"}}));
  EXPECT_EQ(entries(store(), Table::kAudit, "", "b"), (Entries{{"a", "a"}}));
  EXPECT_EQ(entries(store(), Table::kAudit, "b", "b"), Entries{});
  EXPECT_EQ(entries(store(), Table::kAudit, "d", "a"), Entries{});
  EXPECT_EQ(entries(store(), Table::kAudit, "e"), Entries{});
}

TEST_P(StoreContract, keys_are_ordered_by_unsigned_bytes_and_may_hold_any) {
  const std::string zero("\0", 1), high("\xff", 1);
  put(Table::kLogState, high, "2");
  put(Table::kLogState, "m", "1");
  put(Table::kLogState, zero, std::string("\0v", 2));
  EXPECT_EQ(entries(store(), Table::kLogState), (Entries{{zero, std::string("\0v", 2)}, {"m", "1"}, {high, "2"}}));
}

TEST_P(StoreContract, a_scan_sees_the_state_at_its_creation) {
  for (const char* key : {"a", "b", "c"}) put(Table::kPages, key, "old");
  auto it = store().scan(Table::kPages, "", "");
  it->next();
  WriteSet set;
  set.erase(Table::kPages, "a");
  set.append(Table::kPages, "b", "new");
  set.put(Table::kPages, "bb", "new");
  set.erase(Table::kPages, "c");
  commit(set);
  Entries seen;
  for (; it->valid(); it->next()) seen.emplace_back(it->key(), it->value());
  EXPECT_EQ(seen, (Entries{{"b", "old"}, {"c", "old"}}));
  EXPECT_EQ(entries(store(), Table::kPages), (Entries{{"b", "oldnew"}, {"bb", "new"}}));
}

TEST_P(StoreContract, a_cached_read_answers_what_was_just_written) {
  put(Table::kChecks, "k", "v");
  std::string value;
  EXPECT_EQ(store().get_cached(Table::kChecks, "k", value), CachedRead::kFound);
  EXPECT_EQ(value, "v");
  EXPECT_EQ(store().get_cached(Table::kChecks, "other", value), CachedRead::kAbsent);
}

TEST_P(StoreContract, a_cached_read_of_a_file_that_is_not_open_claims_nothing) {
  put(Table::kChecks, "k", "v");
  for (int i = 0; i < 2; ++i) harness_->reopen();  // the first brings it from the log into a file
  std::string value;
  EXPECT_NE(store().get_cached(Table::kChecks, "other", value), CachedRead::kFound);
  if (store().get_cached(Table::kChecks, "k", value) == CachedRead::kFound) {
    EXPECT_EQ(value, "v");
  }
  EXPECT_EQ(value_of(store(), Table::kChecks, "k"), "v");
}

TEST_P(StoreContract, batch_numbers_are_remembered) {
  WriteSet set;
  set.set_batch(1, 0);
  commit(set);  // even an empty one counts
  EXPECT_EQ(store().last_batch(), 1u);
  set.set_batch(2, 1);
  set.put(Table::kHead, "head", "2");
  commit(set, Durability::kNoSync);
  EXPECT_EQ(store().last_batch(), 2u);
  put(Table::kGroups, "no", "number");
  EXPECT_EQ(store().last_batch(), 2u);
  harness_->reopen();
  EXPECT_EQ(store().last_batch(), 2u);
}

TEST_P(StoreContract, a_gap_in_batch_numbers_stops_the_process) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";  // RocksDB has threads
  WriteSet set;
  set.set_batch(2, 0);
  EXPECT_DEATH((void)store().commit(set, Durability::kSync), "contiguous");
}

TEST_P(StoreContract, what_was_committed_is_there_after_reopening) {
  Random random(1);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 50; ++i) {
      WriteSet set;
      const std::string key(1, static_cast<char>('a' + random.below(26)));
      const std::string value = std::to_string(random.next());
      switch (random.below(4)) {
        case 0:
          set.put(Table::kPages, key, value);
          model[key] = value;
          break;
        case 1:
          set.erase(Table::kPages, key);
          model.erase(key);
          break;
        case 2:
          set.erase_range(Table::kPages, key, "m");
          if (key < "m") model.erase(model.lower_bound(key), model.lower_bound("m"));
          break;
        default:
          set.append(Table::kPages, key, value);
          model[key] += value;
      }
      commit(set, random.chance(0.5) ? Durability::kSync : Durability::kNoSync);
    }
    harness_->reopen();
    EXPECT_EQ(entries(store(), Table::kPages), Entries(model.begin(), model.end()));
  }
}

INSTANTIATE_TEST_SUITE_P(AllStores, StoreContract,
                         testing::Values(StoreKind{"Memory", &make_memory_harness},
                                         StoreKind{"Rocks", &make_rocks_harness}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace escrow
