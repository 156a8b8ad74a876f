#include "coordinator/core/transaction.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "tests/unit/coordinator/core/transactions.h"
#include "tests/unit/golden.h"

namespace escrow::coordinator {
namespace {

const Key kKey{"shop", "tx-1"};

Digest digest() {
  Digest d;
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = static_cast<std::uint8_t>(i);
  return d;
}
constexpr std::string_view kDigestHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

Transaction open_transaction() {
  Transaction t;
  t.key = kKey;
  t.epoch = 7;
  t.state = State::kPrepared;
  t.content = digest();
  t.prepared_at = from_micros(0x0102030405060708);
  t.prepared_by = "shop";
  t.check.next_due = from_micros(0x1112131415161718);
  t.message_count = 1;
  t.messages = {message("half")};
  return t;
}

/// The stored form of message("half") without its flags.
constexpr std::string_view kMessage =
    "01 2f"            // vhost
    "06 6f7264657273"  // exchange
    "02 726b"          // routing key
    "02 0000"          // properties
    "04 68616c66";     // body

std::string golden_open(std::string_view messages) {
  return golden(std::string("01"                 // version
                            "01"                 // state
                            "0700000000000000")  // epoch
                + std::string(kDigestHex)        // content
                +
                "0807060504030201"  // prepared
                "04 73686f70"       // prepared by
                "1817161514131211"  // first check
                + std::string(messages));
}

void expect_golden_open(const Transaction& t, const std::string& bytes) {
  EXPECT_EQ(hex(encode_open(t)), bytes);
  const Result<Transaction> back = decode_open(t.key, bytes_of(bytes), std::nullopt);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, t);
}

TEST(OpenTransaction, has_golden_bytes) {
  expect_golden_open(open_transaction(), golden_open("01 00" + std::string(kMessage)));
}

TEST(OpenTransaction, has_golden_bytes_for_everything_that_a_message_may_have) {
  Transaction t = open_transaction();
  t.message_count = 2;
  TransactionMessage full = message("half");
  full.delay = Duration(300);
  full.due = from_micros(5);
  full.sink = "kafka";
  full.compensation = Message{"v", "e", "k", std::string(kNoProperties), "undo", {}};
  full.message.apart = {9, 5000};
  full.schedule_key = "order";
  t.messages.push_back(full);
  expect_golden_open(t, golden_open("02 00" + std::string(kMessage) +  //
                                    "3f" + std::string(kMessage) +
                                    "ac02"                                   // delay
                                    "0500000000000000"                       // due
                                    "05 6b61666b61"                          // sink
                                    "01 76 01 65 01 6b 02 0000 04 756e646f"  // compensation
                                    "0900000000000000 88130000"              // body apart
                                    "05 6f72646572"));                       // schedule key
}

TEST(OpenTransaction, marks_each_field_with_a_flag_of_its_own) {
  const auto flags_of = [](const std::function<void(TransactionMessage&)>& set) {
    Transaction t = open_transaction();
    set(t.messages[0]);
    const std::string bytes = encode_open(t);
    const Result<Transaction> back = decode_open(kKey, bytes, std::nullopt);
    EXPECT_TRUE(back.ok() && *back == t);
    return static_cast<int>(bytes[1 + 1 + 8 + 32 + 8 + 5 + 8 + 1]);
  };
  EXPECT_EQ(flags_of([](TransactionMessage& m) { m.delay = Duration(0); }), 1);
  EXPECT_EQ(flags_of([](TransactionMessage& m) { m.due = from_micros(-1); }), 2);
  EXPECT_EQ(flags_of([](TransactionMessage& m) { m.sink = "s"; }), 4);
  EXPECT_EQ(flags_of([](TransactionMessage& m) { m.compensation = Message{}; }), 8);
  EXPECT_EQ(flags_of([](TransactionMessage& m) { m.message.apart = {1, 1}; }), 16);
  EXPECT_EQ(flags_of([](TransactionMessage& m) { m.schedule_key = "k"; }), 32);
}

TEST(CheckStateForm, has_golden_bytes_and_overrides_what_open_implies) {
  Transaction t = open_transaction();
  t.check = {300, from_micros(0x2122232425262728)};
  EXPECT_EQ(hex(encode_check(t)), golden("01 00 ac02 2827262524232221"));
  t.state = State::kInDoubt;
  const std::string bytes = encode_check(t);
  EXPECT_EQ(hex(bytes), golden("01 01 ac02 2827262524232221"));
  const Result<Transaction> back = decode_open(kKey, encode_open(open_transaction()), bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, t);
}

Transaction decided_transaction() {
  Transaction t = open_transaction();
  t.messages.clear();
  t.message_count = 300;
  t.state = State::kCommitted;
  t.check = {2, {}};
  t.decided_at = from_micros(0x3132333435363738);
  t.decided_by = "boss";
  t.reason = "paid";
  return t;
}

TEST(DecidedTransaction, has_golden_bytes) {
  const std::string bytes = golden(std::string("01"                // version
                                               "02"                // state
                                               "0700000000000000"  // epoch
                                               ) +
                                   std::string(kDigestHex) +  // content
                                   "0807060504030201"         // prepared
                                   "04 73686f70"              // prepared by
                                   "ac02"                     // messages
                                   "02"                       // attempts
                                   "3837363534333231"         // decided
                                   "04 626f7373"              // decided by
                                   "04 70616964");            // reason
  EXPECT_EQ(hex(encode_decided(decided_transaction())), bytes);
  const Result<Transaction> back = decode_decided(kKey, bytes_of(bytes));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, decided_transaction());
}

TEST(DecidedTransaction, is_committed_or_rolled_back_and_nothing_else) {
  for (int state = 0; state < 256; ++state) {
    std::string bytes = encode_decided(decided_transaction());
    bytes[1] = static_cast<char>(state);
    EXPECT_EQ(decode_decided(kKey, bytes).ok(), state == 2 || state == 3) << state;
  }
}

TEST(TransactionKey, has_golden_bytes) {
  EXPECT_EQ(hex(kKey.encode()), golden("04 73686f70 04 74782d31"));
  EXPECT_EQ(*Key::decode(kKey.encode()), kKey);
}

TEST(TransactionKey, keeps_keys_apart_that_look_alike) {
  EXPECT_NE((Key{"a", "bc"}).encode(), (Key{"ab", "c"}).encode());
}

TEST(TransactionKey, cut_off_or_followed_by_anything_is_damaged) {
  const std::string bytes = kKey.encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Key::decode(bytes.substr(0, size)).ok()) << size;
  EXPECT_FALSE(Key::decode(bytes + "x").ok());
}

void expect_damaged(const Result<Transaction>& result, std::size_t size) {
  ASSERT_FALSE(result.ok()) << size;
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(result.error().reason, "TRANSACTION_DAMAGED");
}

TEST(StoredTransaction, cut_off_anywhere_is_damaged) {
  Transaction t = open_transaction();
  t.messages[0].delay = Duration(300);
  t.messages[0].due = from_micros(5);
  t.messages[0].sink = "kafka";
  t.messages[0].compensation = Message{};
  t.messages[0].message.apart = {9, 5000};
  const std::string open = encode_open(t);
  for (std::size_t size = 0; size < open.size(); ++size) {
    expect_damaged(decode_open(kKey, std::string_view(open).substr(0, size), std::nullopt), size);
  }
  const std::string check = encode_check(t);
  for (std::size_t size = 0; size < check.size(); ++size) {
    expect_damaged(decode_open(kKey, open, std::string_view(check).substr(0, size)), size);
  }
  const std::string decided = encode_decided(decided_transaction());
  for (std::size_t size = 0; size < decided.size(); ++size) {
    expect_damaged(decode_decided(kKey, std::string_view(decided).substr(0, size)), size);
  }
}

TEST(StoredTransaction, followed_by_anything_is_damaged) {
  const std::string open = encode_open(open_transaction());
  expect_damaged(decode_open(kKey, open + "x", std::nullopt), 0);
  expect_damaged(decode_open(kKey, open, encode_check(open_transaction()) + "x"), 0);
  expect_damaged(decode_decided(kKey, encode_decided(decided_transaction()) + "x"), 0);
}

TEST(StoredTransaction, of_a_later_version_is_not_read) {
  std::string open = encode_open(open_transaction());
  open[0] = 2;
  expect_damaged(decode_open(kKey, open, std::nullopt), 0);
  std::string check = encode_check(open_transaction());
  check[0] = 2;
  expect_damaged(decode_open(kKey, encode_open(open_transaction()), check), 0);
  std::string decided = encode_decided(decided_transaction());
  decided[0] = 2;
  expect_damaged(decode_decided(kKey, decided), 0);
}

TEST(StoredTransaction, that_claims_more_messages_than_it_has_fails_at_once) {
  const std::string bytes = bytes_of(golden_open("ffffffff0f"));
  expect_damaged(decode_open(kKey, bytes, std::nullopt), 0);
}

RC_GTEST_PROP(StoredTransaction, survives_any_damage, (const std::string& random)) {
  static_cast<void>(decode_open(kKey, random, std::nullopt).ok());
  static_cast<void>(decode_decided(kKey, random).ok());
  std::string bytes = encode_open(open_transaction());
  bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  static_cast<void>(decode_open(kKey, bytes, random).ok());
  static_cast<void>(decode_open(kKey, bytes, std::nullopt).ok());
}

TEST(TransactionState, numbers_and_names_are_frozen) {
  const std::vector<std::pair<State, std::string_view>> expected = {{State::kNone, "NONE"},
                                                                    {State::kPrepared, "PREPARED"},
                                                                    {State::kCommitted, "COMMITTED"},
                                                                    {State::kRolledBack, "ROLLED_BACK"},
                                                                    {State::kInDoubt, "IN_DOUBT"}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(expected[i].first), i);
    EXPECT_EQ(name(expected[i].first), expected[i].second);
  }
  EXPECT_EQ(name(static_cast<State>(99)), "UNKNOWN");
}

TEST(TransactionState, is_open_until_decided) {
  EXPECT_TRUE(is_open(State::kPrepared));
  EXPECT_TRUE(is_open(State::kInDoubt));
  EXPECT_FALSE(is_open(State::kNone));
  EXPECT_FALSE(is_open(State::kCommitted));
  EXPECT_FALSE(is_open(State::kRolledBack));
}

TEST(ContentDigest, has_a_golden_value) {
  // Stored with every transaction: if it moved, no Prepare could be repeated across an upgrade.
  EXPECT_EQ(hex(as_bytes(content_digest({message("half")}))),
            hex(as_bytes(blake2b(bytes_of("00" + std::string(kMessage))))));
}

TEST(ContentDigest, depends_on_everything_that_a_message_has) {
  using Change = std::function<void(TransactionMessage&)>;
  const std::vector<Change> changes = {[](TransactionMessage& m) { m.message.vhost = "v"; },
                                       [](TransactionMessage& m) { m.message.exchange = "e"; },
                                       [](TransactionMessage& m) { m.message.routing_key = "k"; },
                                       [](TransactionMessage& m) { m.message.properties = "p"; },
                                       [](TransactionMessage& m) { m.message.body = "b"; },
                                       [](TransactionMessage& m) { m.delay = Duration(1); },
                                       [](TransactionMessage& m) { m.due = from_micros(1); },
                                       [](TransactionMessage& m) { m.schedule_key = "k"; },
                                       [](TransactionMessage& m) { m.sink = "s"; },
                                       [](TransactionMessage& m) { m.compensation = Message{}; }};
  std::vector<Digest> digests = {content_digest({message("half")}), content_digest({}),
                                 content_digest({message("half"), message("half")})};
  for (const Change& change : changes) {
    TransactionMessage m = message("half");
    change(m);
    digests.push_back(content_digest({m}));
  }
  std::ranges::sort(digests);
  EXPECT_EQ(std::ranges::adjacent_find(digests), digests.end());
}

TEST(ContentDigest, depends_on_the_order_and_on_where_one_message_ends) {
  EXPECT_NE(content_digest({message("a"), message("b")}), content_digest({message("b"), message("a")}));
  EXPECT_NE(content_digest({message("ab", "c")}), content_digest({message("a", "bc")}));
}

TEST(TransactionFootprint, grows_with_what_it_keeps) {
  Transaction t = open_transaction();
  const std::size_t before = t.footprint();
  t.messages.push_back(message(std::string(1000, 'x')));
  EXPECT_GE(t.footprint(), before + 1000);
}

}  // namespace
}  // namespace escrow::coordinator
