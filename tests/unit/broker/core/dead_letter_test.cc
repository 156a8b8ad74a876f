#include "broker/core/dead_letter.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "model/properties.h"
#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {
namespace {

struct Dying {
  Properties properties;
  std::string routing_key = "key";
  std::string exchange = "source";

  DeadLetter die(const Death& death, bool rerouted = false) {
    const std::string encoded = must(encode_properties(properties));
    MessageView message = view("body", routing_key, exchange);
    message.properties = encoded;
    DeadLetter letter = make_dead_letter(message, death, rerouted);
    properties = must(decode_properties(letter.properties));
    return letter;
  }
  const FieldValue* header(std::string_view name) const { return properties.headers->find(name); }
  std::string text(std::string_view name) const { return *header(name)->as_string(); }
  FieldTable death(std::size_t i) const {
    return std::get<FieldTable>(std::get<FieldArray>(header("x-death")->kind).at(i).kind);
  }
  std::size_t deaths() const { return std::get<FieldArray>(header("x-death")->kind).size(); }
};

std::string text(const FieldTable& table, std::string_view name) { return *table.find(name)->as_string(); }

TEST(DeadLetter, tells_of_its_death_as_rabbitmq_does) {
  Dying message;
  message.properties.expiration.emplace("500");
  message.properties.message_id = "m-1";
  message.die({DeathReason::kExpired, "orders", at(77)});

  FieldTable expected;
  expected.set("count", {std::int64_t{1}});
  expected.set("reason", {std::string("expired")});
  expected.set("queue", {std::string("orders")});
  expected.set("time", {FieldTimestamp{77}});
  expected.set("exchange", {std::string("source")});
  expected.set("routing-keys", {FieldArray{{std::string("key")}}});
  expected.set("original-expiration", {std::string("500")});
  ASSERT_EQ(message.deaths(), 1u);
  EXPECT_EQ(message.death(0), expected);
  EXPECT_EQ(message.properties.expiration, std::nullopt) << "it would expire again at once";
  EXPECT_EQ(message.properties.message_id, "m-1");
}

TEST(DeadLetter, names_every_reason_as_rabbitmq_does) {
  EXPECT_EQ(name_of(DeathReason::kRejected), "rejected");
  EXPECT_EQ(name_of(DeathReason::kExpired), "expired");
  EXPECT_EQ(name_of(DeathReason::kMaxLength), "maxlen");
  EXPECT_EQ(name_of(DeathReason::kDeliveryLimit), "delivery_limit");
}

TEST(DeadLetter, that_dies_again_in_the_same_way_is_counted_and_moves_to_the_front) {
  Dying message;
  message.die({DeathReason::kRejected, "work", at(1)});
  message.exchange = "dlx";
  message.die({DeathReason::kExpired, "wait", at(2)});
  message.exchange = "back";
  message.routing_key = "other";
  message.die({DeathReason::kRejected, "work", at(3)});
  ASSERT_EQ(message.deaths(), 2u);
  EXPECT_EQ(message.death(0).find("count")->as_integer(), 2);
  EXPECT_EQ(text(message.death(0), "queue"), "work");
  EXPECT_EQ(text(message.death(0), "exchange"), "source") << "of the first death of this kind";
  EXPECT_EQ(std::get<FieldTimestamp>(message.death(0).find("time")->kind).seconds, 1u);
  EXPECT_EQ(text(message.death(1), "queue"), "wait");
}

TEST(DeadLetter, that_dies_in_the_same_queue_of_something_else_has_an_entry_for_each) {
  Dying message;
  message.die({DeathReason::kRejected, "work", at(1)});
  message.die({DeathReason::kExpired, "work", at(2)});
  EXPECT_EQ(message.deaths(), 2u);
}

TEST(DeadLetter, keeps_its_first_death_and_renews_its_last) {
  Dying message;
  message.die({DeathReason::kRejected, "work", at(1)});
  message.exchange = "dlx";
  message.die({DeathReason::kExpired, "wait", at(2)});
  EXPECT_EQ(message.text("x-first-death-queue"), "work");
  EXPECT_EQ(message.text("x-first-death-reason"), "rejected");
  EXPECT_EQ(message.text("x-first-death-exchange"), "source");
  EXPECT_EQ(message.text("x-last-death-queue"), "wait");
  EXPECT_EQ(message.text("x-last-death-reason"), "expired");
  EXPECT_EQ(message.text("x-last-death-exchange"), "dlx");
}

TEST(DeadLetter, goes_to_its_carbon_copies_again_unless_the_queue_has_a_key_for_it) {
  Dying message;
  message.properties.headers.emplace().set("CC", {FieldArray{{std::string("copy")}}});
  EXPECT_EQ(message.die({DeathReason::kRejected, "q", at(1)}).more_keys, std::vector<std::string>{"copy"});
  EXPECT_EQ(std::get<FieldArray>(message.death(0).find("routing-keys")->kind).size(), 2u);
  EXPECT_EQ(message.die({DeathReason::kRejected, "q", at(1)}, true).more_keys, std::vector<std::string>{});
  EXPECT_EQ(message.header("CC"), nullptr);
}

TEST(DeadLetter, came_by_itself_to_where_it_died_since_it_was_last_rejected) {
  Dying message;
  using Names = std::vector<std::string>;
  EXPECT_EQ(message.die({DeathReason::kExpired, "a", at(1)}).automatic, (Names{"a"}));
  EXPECT_EQ(message.die({DeathReason::kMaxLength, "b", at(1)}).automatic, (Names{"b", "a"}));
  EXPECT_EQ(message.die({DeathReason::kRejected, "c", at(1)}).automatic, Names{}) << "somebody has done this";
  EXPECT_EQ(message.die({DeathReason::kExpired, "d", at(1)}).automatic, (Names{"d"}));
  EXPECT_EQ(message.die({DeathReason::kDeliveryLimit, "a", at(1)}).automatic, (Names{"a", "d"}));
}

TEST(DeadLetter, makes_a_list_of_its_own_where_a_client_has_put_something_else) {
  Dying message;
  message.properties.headers.emplace().set("x-death", {std::string("nonsense")});
  message.die({DeathReason::kRejected, "q", at(1)});
  EXPECT_EQ(message.deaths(), 1u);
}

TEST(DeadLetter, keeps_what_a_client_has_put_into_the_list) {
  Dying message;
  message.properties.headers.emplace().set("x-death", {FieldArray{{std::int32_t{7}}, {FieldTable()}}});
  EXPECT_EQ(message.die({DeathReason::kExpired, "q", at(1)}).automatic, std::vector<std::string>{"q"});
  EXPECT_EQ(message.deaths(), 3u);
}

TEST(DeadLetter, loses_a_blind_copy_header) {
  Dying message;
  message.properties.headers.emplace().set("BCC", {FieldArray{{std::string("blind")}}});
  EXPECT_EQ(message.die({DeathReason::kRejected, "q", at(1)}).more_keys, std::vector<std::string>{});
  EXPECT_EQ(message.header("BCC"), nullptr);
  EXPECT_EQ(std::get<FieldArray>(message.death(0).find("routing-keys")->kind).size(), 1u);
}

TEST(DeadLetter, counts_from_one_where_a_client_has_written_what_is_no_count) {
  for (const std::int64_t forged : {std::int64_t{-5}, std::numeric_limits<std::int64_t>::max()}) {
    Dying message;
    message.die({DeathReason::kRejected, "q", at(1)});
    FieldTable entry = message.death(0);
    entry.set("count", {forged});
    message.properties.headers->set("x-death", {FieldArray{{entry}}});
    message.die({DeathReason::kRejected, "q", at(1)});
    EXPECT_EQ(message.death(0).find("count")->as_integer(), forged < 0 ? 1 : forged);
  }
}

TEST(DeadLetter, keeps_the_latest_of_more_deaths_than_a_client_could_be_sent) {
  Dying message;
  message.properties.message_id.emplace("m-1");
  for (int i = 0; i < 500; ++i) message.die({DeathReason::kRejected, std::string(200, 'q') + std::to_string(i), at(1)});
  EXPECT_LT(must(encode_properties(message.properties)).size(), 20u << 10);
  EXPECT_GT(message.deaths(), 30u);
  EXPECT_TRUE(text(message.death(0), "queue").ends_with("499"));
  EXPECT_EQ(message.properties.message_id, "m-1");
}

TEST(DeadLetter, keeps_only_its_own_key_of_more_copies_than_a_client_could_be_sent) {
  Dying message;
  FieldArray copies;
  for (int i = 0; i < 200; ++i) copies.push_back({std::string(200, 'k')});
  message.properties.headers.emplace().set("CC", {copies});
  EXPECT_EQ(message.die({DeathReason::kRejected, "q", at(1)}).more_keys.size(), 200u);
  EXPECT_EQ(std::get<FieldArray>(message.death(0).find("routing-keys")->kind).size(), 1u);
}

TEST(DeadLetter, of_as_many_headers_as_there_may_be_keeps_them) {
  Dying message;
  FieldTable& headers = message.properties.headers.emplace();
  for (std::size_t i = 0; i < kMaxTableEntries - 10; ++i) headers.append_unchecked("h" + std::to_string(i), {true});
  const auto letter = message.die({DeathReason::kRejected, "q", at(1)});
  EXPECT_NE(message.header("h0"), nullptr);
  EXPECT_TRUE(scan_properties(letter.properties).ok());
  EXPECT_EQ(message.text("x-last-death-queue"), "q");
}

std::string expiring(const std::string& text) {
  Properties properties;
  properties.expiration = text;
  return must(encode_properties(properties));
}

TEST(Expiration, counts_milliseconds_from_now) {
  EXPECT_EQ(expiration_of(expiring("1500"), at(10)), at(10) + std::chrono::milliseconds(1500));
  EXPECT_EQ(expiration_of(expiring("0"), at(10)), at(10));
}

TEST(Expiration, is_none_without_one_and_where_it_is_no_number) {
  EXPECT_EQ(expiration_of(kNoProperties, at(1)), std::nullopt);
  EXPECT_EQ(expiration_of("", at(1)), std::nullopt);
  for (const char* text : {"", "x", "1x", "-1", "1.5", " 1"}) {
    EXPECT_EQ(expiration_of(expiring(text), at(1)), std::nullopt) << text;
  }
}

TEST(Expiration, of_a_time_beyond_all_bounds_is_a_hundred_years) {
  const auto century = at(1) + std::chrono::hours(24 * 365 * 100);
  EXPECT_EQ(expiration_of(expiring("99999999999999999999999"), at(1)), century);
  EXPECT_EQ(expiration_of(expiring("9223372036854775807"), at(1)), century);
}

}  // namespace
}  // namespace escrow::broker
