// What operators see of dead letters, and how they name them.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/broker/core/operator_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kParked = kParkedQueue;

TEST(BrokerDeadLetters, finds_messages_by_how_they_died_by_their_way_and_by_their_age) {
  Operator b;
  b.make_dead({"a", "b"});
  b.later += 10s;
  b.seal();
  b.declare_dying("short", "dead");
  b.post("short", "c");
  b.reject_all("short");
  b.post("dead", "d");
  EXPECT_EQ(b.found({}), 4u);
  EXPECT_EQ(b.found({.reason = DeathReason::kRejected}), 3u);
  EXPECT_EQ(b.found({.reason = DeathReason::kExpired}), 0u);
  EXPECT_EQ(b.found({.died_in = "short"}), 1u);
  EXPECT_EQ(b.found({.exchange = ""}), 4u);
  EXPECT_EQ(b.found({.exchange = "amq.direct"}), 0u);
  EXPECT_EQ(b.found({.routing_key = "dead"}), 4u);
  EXPECT_EQ(b.found({.before = b.moment().now}), 2u);
  EXPECT_EQ(b.found({.reason = DeathReason::kRejected, .died_in = "work", .before = b.moment().now}), 2u);
  EXPECT_EQ(b.discard({.vhost = "/", .queue = "dead", .filter = {.died_in = "short"}}).moved, 1u);
  EXPECT_EQ(b.take("dead"), "takes:a takes:b takes:d");
}

TEST(BrokerDeadLetters, looks_at_messages_of_high_priority_first) {
  Operator b;
  b.declare_with("dead", {{"x-max-priority", {std::int64_t{5}}}});
  const auto of_priority = [](int priority) {
    Properties properties;
    properties.priority = static_cast<std::uint8_t>(priority);
    return must(encode_properties(properties));
  };
  for (const int priority : {1, 5, 3}) {
    const std::string encoded = of_priority(priority);
    MessageView message = view(std::to_string(priority), "dead", "");
    message.properties = encoded;
    must(b.broker->publish(message, b.moment()));
  }
  b.declare("x");
  const DeadLetterList page = b.list({.vhost = "/", .queue = "dead", .limit = 2});
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].message.properties, of_priority(5));
  ASSERT_TRUE(page.next.has_value());
  const DeadLetterList rest = b.list({.vhost = "/", .queue = "dead", .from = page.next});
  EXPECT_EQ(rest.items.size(), 1u);
  EXPECT_FALSE(rest.next.has_value());
  EXPECT_EQ(b.redrive({.vhost = "/", .queue = "dead", .limit = 2}, {.queue = "x"}).moved, 2u);
  EXPECT_EQ(b.take("x"), "takes:5 takes:3");
}

TEST(BrokerDeadLetters, a_list_goes_on_where_it_ended_and_changes_nothing) {
  Operator b;
  b.make_dead({"a", "b", "c"});
  b.seal();
  const std::uint64_t digest = b.broker->digest();
  const DeadLetterList first = b.list({.vhost = "/", .queue = "dead", .limit = 2});
  ASSERT_EQ(first.items.size(), 2u);
  ASSERT_TRUE(first.next.has_value());
  const DeadLetterList second = b.list({.vhost = "/", .queue = "dead", .from = first.next, .limit = 2});
  ASSERT_EQ(second.items.size(), 1u);
  EXPECT_FALSE(second.next.has_value());
  EXPECT_EQ(second.items[0].time, b.list("dead").items[2].time);
  EXPECT_FALSE(b.broker->has_changes());
  EXPECT_EQ(b.broker->digest(), digest);
  EXPECT_EQ(b.broker->list({.vhost = "/", .queue = "dead", .from = MessagePlace{77, 1}}, 99).error().reason,
            "MALFORMED");
}

TEST(BrokerDeadLetters, a_list_ends_early_when_it_has_looked_at_many_or_has_much) {
  Operator b;
  b.declare("dead");
  b.post("dead", 10'001);
  const DeadLetterList none = b.list({.vhost = "/", .queue = "dead", .filter = {.exchange = "nobody"}});
  EXPECT_TRUE(none.items.empty());
  ASSERT_TRUE(none.next.has_value());
  EXPECT_EQ(none.next->seq, 10'001u);
  b.declare("large");
  for (int i = 0; i < 300; ++i) b.post("large", std::string(kMaxInlineBody, 'l'));
  const DeadLetterList large = b.list({.vhost = "/", .queue = "large", .limit = 1000});
  EXPECT_LT(large.items.size(), 300u);
  EXPECT_TRUE(large.next.has_value());
}

TEST(BrokerDeadLetters, knows_a_message_by_its_place_only_while_it_is_there) {
  Operator b;
  b.make_dead({"a"});
  const MessagePlace place = b.list("dead").items.at(0).place;
  EXPECT_EQ(parse_place(text_of(place)), place);
  EXPECT_EQ(std::get<DeadLetterShown>(must(b.get("dead", place))).item->message.body, "a");
  for (const MessagePlace& wrong :
       {MessagePlace{place.log, place.seq + 1}, MessagePlace{place.log + 9, 1}, MessagePlace{place.log - 1, 1}}) {
    EXPECT_EQ(b.get("dead", wrong).error().reason, "DEAD_LETTER_UNKNOWN");
    EXPECT_EQ(b.discard({"/", "dead", {wrong}}).unavailable, 1u);
  }
  EXPECT_EQ(b.redrive({"/", "dead", {place}}).moved, 1u);
  EXPECT_EQ(b.get("dead", place).error().reason, "DEAD_LETTER_UNKNOWN");
}

TEST(BrokerDeadLetters, nothing_is_parked_before_the_first_message_is) {
  Operator b;
  EXPECT_TRUE(b.list(std::string(kParked)).items.empty());
  EXPECT_EQ(b.redrive({"/", std::string(kParked)}).moved, 0u);
  EXPECT_EQ(b.broker->list({"nowhere", std::string(kParked)}, 99).error().reason, "VHOST_UNKNOWN");
}

TEST(BrokerDeadLetters, refuses_more_jobs_than_it_may_have) {
  Operator b;
  b.declare("dead");
  for (std::size_t i = 1; i <= Broker::kMaxDeadLetterJobs; ++i) must_ok(b.broker->list({"/", "dead"}, i));
  EXPECT_EQ(b.broker->list({"/", "dead"}, 99).error().reason, "LIMIT_EXCEEDED");
  b.work();
  EXPECT_TRUE(b.broker->list({"/", "dead"}, 100).ok());
}

}  // namespace
}  // namespace escrow::broker
