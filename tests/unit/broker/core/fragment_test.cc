#include "broker/core/fragment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"
#include "tests/unit/golden.h"

namespace escrow::broker {
namespace {

MessageView apart(std::uint64_t id, std::uint32_t size) {
  MessageView message = view("");
  message.apart = {id, size};
  return message;
}

std::shared_ptr<Fragment> sealed(Seq first, const std::vector<std::string>& records) {
  auto fragment = std::make_shared<Fragment>(first, at(5), 9);
  for (const std::string& record : records) fragment->append(record, at(5));
  fragment->seal();
  return fragment;
}

// size, flags, exchange, routing key, properties, body
constexpr std::string_view kRecord = "0e000000 00 02 6578 02 726b 02 0000 626f6479";
constexpr std::string_view kRecordApart = "16000000 01 02 6578 02 726b 02 0000 0900000000000000 88130000";

TEST(Record, has_golden_bytes) {
  EXPECT_EQ(hex(record_of("body")), golden(kRecord));
  EXPECT_EQ(hex(record_of(MessageView{})), golden("06000000 00 00 00 02 0000"));
}

TEST(Record, of_which_the_body_is_apart_has_golden_bytes) {
  EXPECT_EQ(hex(record_of(apart(9, 5000))), golden(kRecordApart));
}

TEST(Record, that_expires_by_itself_has_golden_bytes) {
  EXPECT_EQ(hex(record_of(view("body"), from_micros(0x1112131415161718))),
            golden("16000000 02 1817161514131211 02 6578 02 726b 02 0000 626f6479"));
  EXPECT_EQ(hex(record_of(apart(9, 5000), from_micros(1))),
            golden("1e000000 03 0100000000000000 02 6578 02 726b 02 0000 0900000000000000 88130000"));
}

TEST(Record, that_is_retried_or_was_cancelled_has_golden_bytes) {
  std::string out;
  encode_record({.retried = true, .message = view("body")}, out);
  EXPECT_EQ(hex(out), golden("0e000000 04 02 6578 02 726b 02 0000 626f6479"));
  out.clear();
  encode_record({.cancelled = true}, out);
  EXPECT_EQ(hex(out), golden("06000000 08 00 00 02 0000"));
}

TEST(Record, is_appended_to_what_is_there) {
  std::string out = record_of("a");
  encode_record({.message = view("b")}, out);
  EXPECT_EQ(out, record_of("a") + record_of("b"));
}

TEST(Fragment, has_golden_bytes) {
  const auto fragment = std::make_shared<Fragment>(0x0102030405060708, at(1), 9);
  fragment->append(record_of("body"), at(1));
  fragment->append(record_of(apart(9, 5000)), from_micros(0x1112131415161718));
  fragment->seal();
  EXPECT_EQ(hex(fragment->bytes()), golden(std::string("01"                // version
                                                       "0807060504030201"  // first sequence
                                                       "02000000"          // count
                                                       "1817161514131211"  // time
                                                       "2c000000")         // size of records
                                           + std::string(kRecord) + std::string(kRecordApart)));
}

TEST(Fragment, gives_its_messages_back) {
  const auto fragment = sealed(100, {record_of(view("one", "a.b", "x")), record_of(apart(7, 8)), record_of("")});
  EXPECT_EQ(fragment->first(), 100u);
  EXPECT_EQ(fragment->end(), 103u);
  EXPECT_EQ(fragment->count(), 3u);
  EXPECT_EQ(fragment->batch(), 9u);
  const Record one = fragment->record(0);
  EXPECT_EQ(one.expires_at, std::nullopt);
  EXPECT_EQ(one.message.exchange, "x");
  EXPECT_EQ(one.message.routing_key, "a.b");
  EXPECT_EQ(one.message.properties, kNoProperties);
  EXPECT_EQ(one.message.body, "one");
  EXPECT_FALSE(one.message.apart);
  EXPECT_EQ(fragment->record(1).message.apart, (BodyRef{7, 8}));
  EXPECT_EQ(fragment->record(1).message.body, "");
  EXPECT_EQ(fragment->record(2).message.body, "");
  EXPECT_EQ(fragment->encoded_record(2), record_of(""));
}

TEST(Fragment, can_be_read_while_it_grows) {
  Fragment fragment(1, at(5), 9);
  fragment.append(record_of("first"), at(5));
  EXPECT_EQ(fragment.record(0).message.body, "first");
  fragment.append(record_of("second"), at(6));
  EXPECT_EQ(fragment.time(), at(6)) << "of the last one: nothing that counts from it is early";
  EXPECT_EQ(fragment.record(1).message.body, "second");
}

TEST(Fragment, knows_whether_any_body_is_apart) {
  EXPECT_FALSE(sealed(1, {record_of("a")})->has_bodies_apart());
  EXPECT_TRUE(sealed(1, {record_of("a"), record_of(apart(7, 8)), record_of("b")})->has_bodies_apart());
}

TEST(Fragment, knows_which_of_its_messages_expire_by_themselves_before_and_after_it_was_stored) {
  EXPECT_FALSE(sealed(1, {record_of("a")})->has_expirations());
  const auto fragment = sealed(1, {record_of("a"), record_of(view("b"), at(8)), record_of(apart(7, 8), at(9))});
  std::string_view in = fragment->bytes();
  const std::shared_ptr<const Fragment> read = must(Fragment::decode(in));
  for (const Fragment* f : {static_cast<const Fragment*>(fragment.get()), read.get()}) {
    EXPECT_TRUE(f->has_expirations());
    EXPECT_EQ(f->record(0).expires_at, std::nullopt);
    EXPECT_EQ(f->record(1).expires_at, at(8));
    EXPECT_EQ(f->record(1).message.body, "b");
    EXPECT_EQ(f->record(2).expires_at, at(9));
    EXPECT_EQ(f->record(2).message.apart, (BodyRef{7, 8}));
  }
}

TEST(Fragment, reads_back_from_a_page_one_after_the_other) {
  const std::string page =
      sealed(1, {record_of("a"), record_of(apart(7, 8))})->bytes() + sealed(3, {record_of("c")})->bytes();
  std::string_view in = page;
  const auto first = Fragment::decode(in);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ((*first)->count(), 2u);
  EXPECT_EQ((*first)->batch(), 0u) << "it is durable";
  EXPECT_EQ((*first)->time(), at(5));
  EXPECT_TRUE((*first)->has_bodies_apart());
  EXPECT_EQ((*first)->record(1).message.apart, (BodyRef{7, 8}));
  const auto second = Fragment::decode(in);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->first(), 3u);
  EXPECT_EQ((*second)->record(0).message.body, "c");
  EXPECT_FALSE((*second)->has_bodies_apart());
  EXPECT_TRUE(in.empty());
}

void expect_damaged(std::string_view page) {
  std::string_view in = page;
  const auto fragment = Fragment::decode(in);
  ASSERT_FALSE(fragment.ok()) << hex(page);
  EXPECT_EQ(fragment.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(fragment.error().reason, "PAGE_DAMAGED");
  EXPECT_EQ(in, page);
}

TEST(Fragment, cut_off_anywhere_is_damaged) {
  const std::string page = sealed(1, {record_of("abc"), record_of(apart(7, 8))})->bytes();
  for (std::size_t size = 0; size < page.size(); ++size) expect_damaged(std::string_view(page).substr(0, size));
}

TEST(Fragment, of_a_later_version_is_not_read) {
  std::string page = sealed(1, {record_of("abc")})->bytes();
  page[0] = 2;
  expect_damaged(page);
}

TEST(Fragment, with_another_count_than_it_has_is_damaged) {
  for (const char count : {0, 1, 3, 127}) {
    std::string page = sealed(1, {record_of("abc"), record_of("def")})->bytes();
    page[9] = count;
    expect_damaged(page);
  }
}

TEST(Fragment, with_a_record_of_unknown_flags_is_damaged) {
  std::string page = sealed(1, {record_of("abc")})->bytes();
  page[25 + 4] = 2;
  expect_damaged(page);
}

TEST(Fragment, with_a_body_reference_of_another_size_is_damaged) {
  std::string shorter = record_of(view("short"));
  shorter[4] = 1;  // claims that its body is apart
  expect_damaged(sealed(1, {shorter})->bytes());
  std::string longer = record_of(view("long enough for a reference, and more"));
  longer[4] = 1;
  expect_damaged(sealed(1, {longer})->bytes());
}

TEST(Fragment, tells_what_memory_it_keeps) {
  Fragment fragment(1, at(5), 9);
  fragment.append(record_of(std::string(10'000, 'x')), at(5));
  EXPECT_GE(fragment.footprint(), 10'000u + sizeof(Fragment));
  EXPECT_LE(fragment.footprint(), 30'000u);
}

RC_GTEST_PROP(Fragment, reads_back_what_it_wrote, ()) {
  using Strings = std::tuple<std::string, std::string, std::string, std::string>;
  const auto messages = *rc::gen::container<std::vector<Strings>>(rc::gen::arbitrary<Strings>());
  const auto first = *rc::gen::inRange<Seq>(1, 1'000'000'000);
  Fragment fragment(first, at(7), 3);
  for (const auto& [exchange, key, properties, body] : messages) {
    fragment.append(record_of(MessageView{"/", exchange, key, properties, body, {}}), at(7));
  }
  fragment.seal();
  std::string_view in = fragment.bytes();
  const auto back = Fragment::decode(in);
  RC_ASSERT(back.ok());
  RC_ASSERT(in.empty());
  RC_ASSERT((*back)->first() == first);
  RC_ASSERT((*back)->end() == first + messages.size());
  for (std::uint32_t i = 0; i < messages.size(); ++i) {
    const MessageView message = (*back)->record(i).message;
    RC_ASSERT(Strings(message.exchange, message.routing_key, message.properties, message.body) == messages[i]);
  }
}

RC_GTEST_PROP(Fragment, survives_any_damage, ()) {
  std::string page = sealed(1, {record_of("abc"), record_of(apart(7, 8)), record_of("def")})->bytes();
  const int changes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < changes; ++i) {
    page[*rc::gen::inRange<std::size_t>(0, page.size())] = *rc::gen::arbitrary<char>();
  }
  std::string_view in = page;
  const auto fragment = Fragment::decode(in);
  if (!fragment) return;
  for (std::uint32_t i = 0; i < (*fragment)->count(); ++i) static_cast<void>((*fragment)->record(i));
}

}  // namespace
}  // namespace escrow::broker
