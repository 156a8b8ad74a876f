#include "engine/transaction_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

namespace escrow::engine {
namespace {

using coordinator::State;
using coordinator::Transaction;

Transaction transaction(std::size_t body_bytes) {
  Transaction t;
  t.state = State::kPrepared;
  t.messages.emplace_back();
  t.messages[0].message.body.assign(body_bytes, 'x');
  return t;
}

constexpr std::size_t kBody = 10'000;
/// Room for two transactions of kBody and what surrounds them, not for three.
constexpr std::size_t kTwo = 25'000;

TEST(TransactionTable, finds_what_was_inserted) {
  TransactionTable table(kTwo);
  EXPECT_EQ(table.find("a"), nullptr);
  table.insert("a", transaction(1));
  TransactionTable::Entry* entry = table.find("a");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->transaction, transaction(1));
  EXPECT_EQ(entry->batch, 0u);
}

TEST(TransactionTable, remembers_that_there_is_no_such_transaction) {
  TransactionTable table(kTwo);
  table.insert("a", std::nullopt);
  ASSERT_NE(table.find("a"), nullptr);
  EXPECT_FALSE(table.find("a")->transaction.has_value());
}

TEST(TransactionTable, keeps_what_it_has_when_a_read_comes_late) {
  TransactionTable table(kTwo);
  TransactionTable::Entry& entry = table.insert("a", std::nullopt);
  entry.transaction = transaction(1);
  table.changed(entry, 1);
  TransactionTable::Entry& again = table.insert("a", std::nullopt);
  EXPECT_EQ(&again, &entry);
  EXPECT_TRUE(again.transaction.has_value());
}

TEST(TransactionTable, forgets_the_longest_unused_beyond_its_bound) {
  TransactionTable table(kTwo);
  for (const char* key : {"a", "b", "c"}) table.insert(key, transaction(kBody));
  table.find("a");
  table.enforce(0);
  EXPECT_NE(table.find("a"), nullptr);
  EXPECT_EQ(table.find("b"), nullptr);
  EXPECT_NE(table.find("c"), nullptr);
}

TEST(TransactionTable, keeps_what_a_batch_on_its_way_has_changed) {
  TransactionTable table(kTwo);
  for (int i = 0; i < 5; ++i) {
    TransactionTable::Entry& entry = table.insert(std::to_string(i), transaction(kBody));
    if (i < 4) table.changed(entry, 7);
  }
  table.enforce(6);
  for (int i = 0; i < 4; ++i) EXPECT_NE(table.find(std::to_string(i)), nullptr) << i;
  EXPECT_EQ(table.find("4"), nullptr) << "the only one that may go goes";
  table.enforce(7);
  EXPECT_EQ(table.find("0"), nullptr);
  EXPECT_EQ(table.find("1"), nullptr);
  EXPECT_NE(table.find("2"), nullptr);
  EXPECT_NE(table.find("3"), nullptr);
}

TEST(TransactionTable, counts_what_an_entry_grew_to) {
  TransactionTable table(kTwo);
  for (const char* key : {"a", "b", "c"}) table.insert(key, std::nullopt);
  table.enforce(0);
  EXPECT_NE(table.find("a"), nullptr) << "nothing is beyond the bound yet";
  for (const char* key : {"a", "b", "c"}) {
    TransactionTable::Entry* entry = table.find(key);
    entry->transaction = transaction(kBody);
    table.changed(*entry, 1);
  }
  table.enforce(1);
  EXPECT_EQ(table.find("a"), nullptr);
  EXPECT_NE(table.find("b"), nullptr);
  EXPECT_NE(table.find("c"), nullptr);
}

TEST(TransactionTable, counts_what_an_entry_shrank_to) {
  TransactionTable table(kTwo);
  for (int i = 0; i < 20; ++i) {
    TransactionTable::Entry& entry = table.insert(std::to_string(i), transaction(kBody));
    entry.transaction->messages.clear();  // decided
    table.changed(entry, 1);
  }
  table.enforce(1);
  for (int i = 0; i < 20; ++i) EXPECT_NE(table.find(std::to_string(i)), nullptr) << i;
}

TEST(TransactionTable, with_no_room_keeps_only_what_is_not_durable) {
  TransactionTable table(0);
  table.changed(table.insert("new", transaction(1)), 2);
  table.insert("old", transaction(1));
  table.enforce(1);
  EXPECT_NE(table.find("new"), nullptr);
  EXPECT_EQ(table.find("old"), nullptr);
  table.enforce(2);
  EXPECT_EQ(table.find("new"), nullptr);
}

RC_GTEST_PROP(TransactionTable, never_forgets_what_is_not_durable, (const std::vector<std::uint16_t>& steps)) {
  TransactionTable table(kTwo);
  std::map<std::string, broker::BatchNumber> changed;
  broker::BatchNumber batch = 1;
  broker::BatchNumber durable = 0;
  for (const std::uint16_t step : steps) {
    const std::string key = std::to_string(step / 8 % 12);
    switch (step % 4) {
      case 0:
      case 1: {
        TransactionTable::Entry* entry = table.find(key);
        if (entry == nullptr) entry = &table.insert(key, std::nullopt);
        entry->transaction = transaction(step % 4 * kBody + step);
        table.changed(*entry, batch);
        changed[key] = batch;
        break;
      }
      case 2:
        ++batch;
        break;
      case 3:
        durable = batch - 1;
        table.enforce(durable);
        break;
    }
    for (const auto& [name, last] : changed) {
      if (last > durable) RC_ASSERT((table.find(name) != nullptr && table.find(name)->batch == last));
    }
  }
}

}  // namespace
}  // namespace escrow::engine
