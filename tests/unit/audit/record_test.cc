#include "audit/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "tests/unit/golden.h"

namespace escrow::audit {
namespace {

Record decision() {
  Record record;
  record.time = from_micros(0x0102030405060708);
  record.subject = Subject::kTransaction;
  record.before = 1;
  record.after = 2;
  record.actor = "orders";
  record.reason = "paid";
  record.key1 = "shop";
  record.key2 = "tx-1";
  record.epoch = 7;
  return record;
}

/// A chain in pieces, one string per record.
struct Chain {
  std::vector<std::string> records;
  Tip tip;

  void add(Record record) {
    std::string bytes;
    append(std::move(record), tip, bytes);
    records.push_back(std::move(bytes));
  }
  std::string joined() const {
    std::string all;
    for (const std::string& record : records) all += record;
    return all;
  }
};

Chain chain_of(int records) {
  Chain chain;
  for (int i = 0; i < records; ++i) {
    Record record = decision();
    record.key2 = "tx-" + std::to_string(i + 1);
    chain.add(std::move(record));
  }
  return chain;
}

/// Walks the chain; the sequence that it breaks at, 0 if it holds.
std::uint64_t broken_at(std::string_view in, Tip& tip, std::string* message = nullptr) {
  while (!in.empty()) {
    const Result<Record> record = verify(in, tip);
    if (record) continue;
    EXPECT_EQ(record.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(record.error().reason, "AUDIT_CHAIN_BROKEN");
    EXPECT_EQ(record.error().metadata.size(), 1u);
    if (message != nullptr) *message = record.error().message;
    return std::stoull(record.error().metadata.at(0).second);
  }
  return 0;
}

struct Break {
  std::uint64_t sequence = 0;
  std::string message;
  bool operator==(const Break&) const = default;
};

Break break_of(const Chain& chain) {
  Tip tip;
  Break found;
  found.sequence = broken_at(chain.joined(), tip, &found.message);
  return found;
}

TEST(AuditRecord, has_golden_bytes) {
  Chain chain;
  chain.add(decision());
  const std::string_view content =
      "52000000"           // size of the rest
      "01"                 // version
      "0100000000000000"   // sequence
      "0807060504030201"   // time
      "01 01 02"           // subject, before, after
      "06 6f7264657273"    // actor
      "04 70616964"        // reason
      "04 73686f70"        // key 1
      "04 74782d31"        // key 2
      "0700000000000000";  // epoch
  const std::string bytes = bytes_of(content);
  const Digest hash = sha256({std::string(32, '\0'), bytes});
  EXPECT_EQ(hex(chain.records[0]), golden(content) + hex(as_bytes(hash)));
  EXPECT_EQ(hex(as_bytes(hash)), "5812ef8ba8703e5f6be8f236a3d7964b567bf7fbf7b5cee0511800bd6c9e3963");
}

TEST(AuditRecord, seals_the_second_with_the_hash_of_the_first) {
  const Chain chain = chain_of(2);
  const std::string_view first = chain.records[0];
  const std::string_view second = chain.records[1];
  const std::string_view first_hash = first.substr(first.size() - 32);
  const Digest hash = sha256({first_hash, second.substr(0, second.size() - 32)});
  EXPECT_EQ(second.substr(second.size() - 32), as_bytes(hash));
  EXPECT_EQ(chain.tip, (Tip{2, hash}));
}

TEST(AuditRecord, numbers_of_subjects_and_existence_are_frozen) {
  EXPECT_EQ(static_cast<int>(Subject::kTransaction), 1);
  EXPECT_EQ(static_cast<int>(Subject::kExchange), 2);
  EXPECT_EQ(static_cast<int>(Subject::kQueue), 3);
  EXPECT_EQ(static_cast<int>(Subject::kBinding), 4);
  EXPECT_EQ(static_cast<int>(Subject::kVhost), 5);
  EXPECT_EQ(static_cast<int>(Subject::kSchedule), 6);
  EXPECT_EQ(static_cast<int>(Subject::kPolicy), 7);
  EXPECT_EQ(static_cast<int>(Subject::kOperatorPolicy), 8);
  EXPECT_EQ(static_cast<int>(Subject::kDeadLetter), 9);
  EXPECT_EQ(static_cast<int>(Subject::kWaiting), 10);
  EXPECT_EQ(static_cast<int>(Existence::kAbsent), 0);
  EXPECT_EQ(static_cast<int>(Existence::kPresent), 1);
  EXPECT_EQ(static_cast<int>(Existence::kPurged), 2);
  EXPECT_EQ(static_cast<int>(Existence::kRedriven), 3);
}

TEST(AuditRecord, is_numbered_from_one_without_gaps) {
  const std::string all = chain_of(3).joined();
  std::string_view in = all;
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    const Result<Record> record = decode(in);
    ASSERT_TRUE(record.ok());
    EXPECT_EQ(record->sequence, sequence);
  }
  EXPECT_TRUE(in.empty());
}

TEST(AuditRecord, goes_on_from_any_tip) {
  Tip tip{99, sha256({"earlier"})};
  const Tip before = tip;
  std::string bytes = "kept";
  append(decision(), tip, bytes);
  EXPECT_EQ(tip.sequence, 100u);
  std::string_view in = std::string_view(bytes).substr(4);
  Tip checked = before;
  ASSERT_TRUE(verify(in, checked).ok());
  EXPECT_EQ(checked, tip);
}

RC_GTEST_PROP(AuditRecord, reads_back_as_it_was_written,
              (std::int64_t time, std::uint8_t before, std::uint8_t after, const std::string& actor,
               const std::string& reason, const std::string& key1, const std::string& key2, std::uint64_t epoch)) {
  Record written{0, from_micros(time), Subject::kQueue, before, after, actor, reason, key1, key2, epoch, {}};
  Tip tip;
  std::string bytes;
  append(written, tip, bytes);
  std::string_view in = bytes;
  Tip checked;
  const Result<Record> read = verify(in, checked);
  RC_ASSERT(read.ok());
  RC_ASSERT(in.empty());
  RC_ASSERT(checked == tip);
  written.sequence = 1;
  written.hash = tip.hash;
  RC_ASSERT(*read == written);
}

TEST(AuditChain, holds_when_nothing_was_touched) {
  const Chain chain = chain_of(10);
  Tip tip;
  EXPECT_EQ(broken_at(chain.joined(), tip), 0u);
  EXPECT_EQ(tip, chain.tip);
}

TEST(AuditChain, names_the_record_of_which_any_byte_was_changed) {
  const Chain chain = chain_of(3);
  const std::size_t start = chain.records[0].size();
  const std::string all = chain.joined();
  for (std::size_t at = start; at < start + chain.records[1].size(); ++at) {
    std::string changed = all;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    Tip tip;
    EXPECT_EQ(broken_at(changed, tip), 2u) << "byte " << at - start;
    EXPECT_EQ(tip.sequence, 1u) << "the tip stays at what was proved";
  }
}

TEST(AuditChain, names_the_record_that_was_rewritten_with_a_hash_of_its_own) {
  Chain chain = chain_of(3);
  Record forged = decision();
  forged.after = 3;
  Tip before;
  std::string bytes;
  append(forged, before, bytes);  // a first record of its own: its hash differs from the chain's
  bytes.clear();
  append(forged, before, bytes);
  chain.records[1] = bytes;
  EXPECT_EQ(break_of(chain), (Break{2, "audit record 2 was changed"}));
}

TEST(AuditChain, names_what_follows_a_record_that_was_forged_well) {
  // Whoever recomputes a hash has to recompute all that follow.
  Chain chain = chain_of(3);
  std::string_view first = chain.records[0];
  Tip tip;
  ASSERT_TRUE(verify(first, tip).ok());
  Record forged = decision();
  forged.after = 3;
  std::string bytes;
  append(forged, tip, bytes);
  chain.records[1] = bytes;
  EXPECT_EQ(break_of(chain), (Break{3, "audit record 3 was changed"}));
}

TEST(AuditChain, names_a_record_that_is_missing) {
  Chain chain = chain_of(5);
  chain.records.erase(chain.records.begin() + 2);
  EXPECT_EQ(break_of(chain), (Break{3, "audit record 3 is missing"}));
}

TEST(AuditChain, names_the_first_record_when_it_is_missing) {
  Chain chain = chain_of(3);
  chain.records.erase(chain.records.begin());
  EXPECT_EQ(break_of(chain), (Break{1, "audit record 1 is missing"}));
}

TEST(AuditChain, names_the_place_where_a_record_was_inserted) {
  Chain chain = chain_of(3);
  Tip tip{2, {}};
  std::string foreign;
  append(decision(), tip, foreign);
  chain.records.insert(chain.records.begin() + 2, foreign);
  EXPECT_EQ(break_of(chain), (Break{3, "audit record 3 was changed"}));
}

TEST(AuditChain, names_the_place_after_a_record_that_was_inserted_well) {
  Chain chain = chain_of(3);
  Tip tip;
  std::string_view in = chain.records[0];
  ASSERT_TRUE(verify(in, tip).ok());
  std::string foreign;
  append(decision(), tip, foreign);
  chain.records.insert(chain.records.begin() + 1, foreign);
  EXPECT_EQ(break_of(chain), (Break{3, "audit record 3 is missing"}));  // the old 2 stands where 3 has to
}

TEST(AuditChain, names_the_first_of_records_that_were_reordered) {
  Chain chain = chain_of(5);
  std::swap(chain.records[1], chain.records[3]);
  EXPECT_EQ(break_of(chain), (Break{2, "audit record 2 is missing"}));
}

TEST(AuditChain, names_a_record_that_was_repeated) {
  Chain chain = chain_of(3);
  chain.records.insert(chain.records.begin() + 1, chain.records[0]);
  EXPECT_EQ(break_of(chain), (Break{2, "audit record 2 is missing"}));
}

TEST(AuditChain, that_lost_its_end_shows_in_the_tip) {
  Chain chain = chain_of(5);
  chain.records.pop_back();
  Tip tip;
  EXPECT_EQ(broken_at(chain.joined(), tip), 0u);
  EXPECT_NE(tip, chain.tip);
}

TEST(AuditChain, names_a_record_that_is_cut_off_anywhere) {
  const Chain chain = chain_of(2);
  const std::string all = chain.joined();
  for (std::size_t size = chain.records[0].size() + 1; size < all.size(); ++size) {
    Tip tip;
    std::string message;
    EXPECT_EQ(broken_at(all.substr(0, size), tip, &message), 2u) << size;
    EXPECT_EQ(message, "audit record 2 cannot be read");
  }
}

TEST(AuditChain, does_not_move_past_what_it_cannot_read) {
  const std::string all = chain_of(1).joined();
  const std::string cut = all.substr(0, all.size() - 1);
  std::string_view in = cut;
  EXPECT_FALSE(decode(in).ok());
  EXPECT_EQ(in, cut);
}

TEST(AuditChain, with_a_record_of_a_later_version_cannot_be_read) {
  std::string all = chain_of(1).joined();
  all[4] = 2;
  Tip tip;
  std::string message;
  EXPECT_EQ(broken_at(all, tip, &message), 1u);
  EXPECT_EQ(message, "audit record 1 cannot be read");
}

RC_GTEST_PROP(AuditChain, survives_any_bytes, (const std::string& bytes)) {
  Tip tip;
  std::string_view in = bytes;
  RC_ASSERT((in.empty() || !verify(in, tip).ok()));
}

}  // namespace
}  // namespace escrow::audit
