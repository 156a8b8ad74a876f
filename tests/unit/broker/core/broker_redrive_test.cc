// Dead letters that operators send on again or drop.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "tests/unit/broker/core/operator_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

/// Messages of one step.
constexpr std::uint64_t kStep = 250;
constexpr std::string_view kParked = kParkedQueue;

TEST(BrokerRedrive, a_dead_letter_goes_back_to_where_it_died_as_it_had_come_there) {
  Operator b;
  b.declare_dying("work", "dead");
  b.declare("dead");
  b.bind("amq.direct", "work", "orders");
  must(b.publish("amq.direct", "orders", "a"));
  b.reject_all("work");
  ASSERT_EQ(b.ready("dead"), 1u);
  EXPECT_EQ(b.redrive({"/", "dead"}).moved, 1u);
  b.seal();
  b.crash();
  EXPECT_EQ(b.ready("dead"), 0u);
  EXPECT_EQ(b.take("work"), "takes:a");
  const MessageView message = b.deliveries.back().message(0);
  EXPECT_EQ(message.exchange, "amq.direct");
  EXPECT_EQ(message.routing_key, "orders");
  const DeathHistory history = death_history(message.properties);
  ASSERT_TRUE(history.last && history.last->entry);
  EXPECT_EQ(history.last->queue, "work");
  EXPECT_EQ(history.last->reason, "rejected");
  EXPECT_EQ(history.last->entry->count, 1u);
}

TEST(BrokerRedrive, until_its_batch_is_stored_a_redriven_message_is_where_it_was) {
  Operator b;
  b.make_dead({"a"});
  b.seal();
  b.redrive({"/", "dead"});
  EXPECT_EQ(b.ready("work"), 1u);
  b.crash();
  EXPECT_EQ(b.ready("work"), 0u);
  EXPECT_EQ(b.ready("dead"), 1u);
}

TEST(BrokerRedrive, a_message_that_was_parked_without_dying_is_published_again) {
  Operator b;
  b.park("a", "later");
  EXPECT_EQ(b.redrive({"/", std::string(kParked)}).not_routable, 1u);
  EXPECT_EQ(b.ready(std::string(kParked)), 1u) << "it stays while nobody wants it";
  b.declare("later");
  const DeadLetterCounts counts = b.redrive({"/", std::string(kParked)});
  EXPECT_EQ(counts.moved, 1u);
  EXPECT_EQ(counts.not_routable, 0u);
  EXPECT_EQ(b.dead_letters_gone.back().to, "exchange '' with routing key 'later'");
  EXPECT_EQ(b.take("later"), "takes:a");
}

TEST(BrokerRedrive, without_the_queue_it_died_in_a_dead_letter_takes_the_way_it_had_come_there) {
  Operator b;
  b.declare_dying("work", "dead");
  b.declare("dead");
  b.declare("other");
  b.bind("amq.direct", "work", "orders");
  must(b.publish("amq.direct", "orders", "a"));
  b.reject_all("work");
  must(b.broker->delete_queue({"/", "work", false, false}, b.moment()));
  EXPECT_EQ(b.redrive({"/", "dead"}).not_routable, 1u);
  b.bind("amq.direct", "other", "orders");
  EXPECT_EQ(b.redrive({"/", "dead"}).moved, 1u);
  EXPECT_EQ(b.take("other"), "takes:a");
}

TEST(BrokerRedrive, goes_where_the_operator_wants_it) {
  Operator b;
  b.make_dead({"a", "b", "c"});
  b.declare("x");
  b.bind("amq.topic", "x", "again.#");
  b.bind("amq.fanout", "x", "");
  EXPECT_EQ(b.redrive({.vhost = "/", .queue = "dead", .limit = 1}, {.queue = "x"}).moved, 1u);
  EXPECT_EQ(b.redrive({.vhost = "/", .queue = "dead", .limit = 1}, {.exchange = "amq.topic"}).not_routable, 2u)
      << "with its own routing key";
  EXPECT_EQ(
      b.redrive({.vhost = "/", .queue = "dead", .limit = 1}, {.exchange = "amq.topic", .routing_key = "again.one"})
          .moved,
      1u);
  EXPECT_EQ(b.redrive({"/", "dead"}, {.exchange = "amq.fanout"}).moved, 1u);
  EXPECT_EQ(b.take("x"), "takes:a takes:b takes:c");
  EXPECT_EQ(b.broker->redrive({{"/", "dead"}, {.queue = "nowhere"}, ""}, 99).error().reason, "QUEUE_UNKNOWN");
  EXPECT_EQ(b.broker->redrive({{"/", "dead"}, {.exchange = "nowhere"}, ""}, 99).error().reason, "EXCHANGE_UNKNOWN");
  EXPECT_EQ(b.broker->redrive({{"/", "none"}, {}, ""}, 99).error().reason, "QUEUE_UNKNOWN");
}

TEST(BrokerRedrive, takes_no_more_than_it_may) {
  Operator b;
  b.make_dead({"a", "b", "c"});
  EXPECT_EQ(b.redrive({.vhost = "/", .queue = "dead", .limit = 2}).moved, 2u);
  EXPECT_EQ(b.discard({.vhost = "/", .queue = "dead", .limit = 2}).moved, 1u);
  EXPECT_EQ(b.take("work"), "takes:a takes:b");
}

TEST(BrokerRedrive, passes_over_what_consumers_hold) {
  Operator b;
  b.make_dead({"a", "b", "c"});
  b.consume("holds", "dead", 1);
  EXPECT_EQ(b.work(), "holds:a");
  const DeadLetterList seen = b.list("dead");
  ASSERT_EQ(seen.items.size(), 3u);
  EXPECT_TRUE(seen.items[0].held);
  EXPECT_FALSE(seen.items[1].held);
  const DeadLetterCounts by_id =
      b.discard({"/", "dead", {seen.items[0].place, seen.items[1].place, seen.items[1].place, {77, 1}}});
  EXPECT_EQ(by_id.moved, 1u);
  EXPECT_EQ(by_id.unavailable, 2u);
  EXPECT_EQ(b.redrive({"/", "dead"}).moved, 1u);
  EXPECT_EQ(b.unacked("dead"), 1u);
  must_ok(b.settle("holds", 1, 1, Settlement::kRequeue));
  b.cancel("holds");
  b.work();
  EXPECT_EQ(b.redrive({"/", "dead", {seen.items[0].place}}).moved, 1u) << "it came back";
  EXPECT_EQ(b.take("work"), "takes:c takes:a");
}

TEST(BrokerRedrive, reads_what_is_not_in_memory_and_goes_on) {
  Operator b(200'000);
  b.declare("dead");
  b.declare("x");
  const std::string body(1000, 'b');
  for (int i = 0; i < 2000; ++i) {
    b.post("dead", body);
    if (i % 100 == 0) b.seal();
  }
  b.seal();
  ASSERT_LT(b.broker->memory(), 400'000u);
  EXPECT_EQ(b.list({.vhost = "/", .queue = "dead", .limit = 1000}).items.size(), 1000u);
  EXPECT_EQ(b.redrive({.vhost = "/", .queue = "dead", .limit = 1500}, {.queue = "x"}).moved, 1500u);
  EXPECT_EQ(b.discard({"/", "dead"}).moved, 500u);
  b.seal();
  b.crash();
  EXPECT_EQ(b.ready("dead"), 0u);
  EXPECT_EQ(b.ready("x"), 1500u);
  EXPECT_TRUE(b.store.logs.begin()->second.pages.empty());
}

TEST(BrokerRedrive, does_no_more_in_a_step_than_it_may) {
  Operator b;
  b.declare("dead");
  b.declare("x");
  b.post("dead", 600);
  must_ok(b.broker->redrive({{"/", "dead"}, {.queue = "x"}, ""}, 1));
  b.broker->work(b.moment());
  EXPECT_EQ(b.ready("x"), kStep);
  EXPECT_EQ(b.ready("dead"), 600 - kStep);
  b.work();
  EXPECT_EQ(b.answer<DeadLetterCounts>(1).moved, 600u);
}

TEST(BrokerRedrive, ends_with_its_queue_and_says_what_it_did) {
  Operator b;
  b.declare("dead");
  b.declare("x");
  b.post("dead", 600);
  must_ok(b.broker->redrive({{"/", "dead"}, {.queue = "x"}, ""}, 1));
  b.broker->work(b.moment());
  must(b.broker->delete_queue({"/", "dead", false, false}, b.moment()));
  b.work();
  EXPECT_EQ(b.answer<DeadLetterCounts>(1).moved, kStep);
  EXPECT_EQ(b.ready("x"), kStep);
}

TEST(BrokerRedrive, what_has_not_moved_stays_when_its_target_is_deleted) {
  Operator b;
  b.declare("dead");
  b.declare("x");
  b.post("dead", 600);
  must_ok(b.broker->redrive({{"/", "dead"}, {.queue = "x"}, ""}, 1));
  b.broker->work(b.moment());
  must(b.broker->delete_queue({"/", "x", false, false}, b.moment()));
  b.work();
  EXPECT_EQ(b.answer<DeadLetterCounts>(1).not_routable, 600 - kStep);
  EXPECT_EQ(b.ready("dead"), 600 - kStep);
}

TEST(BrokerRedrive, into_the_same_queue_every_message_goes_once) {
  Operator b;
  b.declare("dead");
  b.post("dead", 600);
  EXPECT_EQ(b.redrive({"/", "dead"}, {.queue = "dead"}).moved, 600u);
  EXPECT_EQ(b.ready("dead"), 600u);
  b.seal();
  b.crash();
  EXPECT_EQ(b.ready("dead"), 600u);
  EXPECT_EQ(b.take("dead").substr(0, 15), "takes:0 takes:1");
}

TEST(BrokerRedrive, a_large_body_goes_along_and_is_gone_when_it_is_discarded) {
  Operator b;
  const std::string large(kMaxInlineBody + 1, 'l');
  b.make_dead({large});
  b.seal();
  ASSERT_EQ(b.store.bodies.size(), 1u);
  EXPECT_EQ(b.redrive({"/", "dead"}).moved, 1u);
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u) << "it is stored once";
  b.crash();
  const DeadLetterList seen = b.list("work");
  ASSERT_EQ(seen.items.size(), 1u);
  EXPECT_EQ(seen.items[0].body_bytes, large.size());
  EXPECT_TRUE(seen.items[0].message.body.empty());
  const auto shown = must(b.get("work", seen.items[0].place));
  EXPECT_EQ(std::get<DeadLetterShown>(shown).item->message.body, large);
  EXPECT_EQ(b.discard({"/", "work"}).moved, 1u);
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerRedrive, a_large_body_that_other_queues_have_stays_theirs) {
  Operator b;
  const std::string large(kMaxInlineBody + 1, 'l');
  for (const char* name : {"dead", "other", "x"}) b.declare(name);
  for (const char* name : {"dead", "other"}) b.bind("amq.fanout", name, "");
  must(b.publish("amq.fanout", "", large));
  b.seal();
  EXPECT_EQ(b.redrive({"/", "dead"}, {.queue = "x"}).moved, 1u);
  b.seal();
  b.crash();
  EXPECT_EQ(b.discard({"/", "other"}).moved, 1u);
  b.seal();
  EXPECT_EQ(b.take("x"), "takes:" + large);
}

TEST(BrokerRedrive, a_large_body_that_is_kept_back_outlives_the_other_queues_that_had_it) {
  Operator b;
  FieldTable type;
  type.set("x-delayed-type", {std::string("direct")});
  must_ok(b.broker->declare_exchange({"/", "later", ExchangeType::kDelayed, type}));
  for (const char* name : {"dead", "other", "x"}) b.declare(name);
  for (const char* name : {"dead", "other"}) b.bind("amq.fanout", name, "");
  b.bind("later", "x", "k");
  Properties properties;
  properties.delivery_mode = 2;
  properties.headers.emplace().set("x-delay", {std::int32_t{1000}});
  const std::string encoded = must(encode_properties(properties));
  const std::string large(kMaxInlineBody + 1, 'l');
  MessageView message = view(large, "", "amq.fanout");
  message.properties = encoded;
  must(b.broker->publish(message, b.moment()));
  b.seal();
  EXPECT_EQ(b.redrive({"/", "dead"}, {.exchange = "later", .routing_key = "k"}).moved, 1u);
  b.seal();
  b.crash();
  EXPECT_EQ(b.discard({"/", "other"}).moved, 1u);
  b.seal();
  b.later += 1s;
  b.work();
  EXPECT_EQ(b.take("x"), "takes:" + large);
}

TEST(BrokerRedrive, what_expires_in_a_cycle_again_goes_round_once_more_and_is_parked) {
  Operator b;
  const auto expiring = [&](const std::string& name, const std::string& dead) {
    b.declare_with(name, {{"x-dead-letter-exchange", {std::string()}},
                          {"x-dead-letter-routing-key", {dead}},
                          {"x-message-ttl", {std::int64_t{1000}}}});
  };
  expiring("a", "b");
  expiring("b", "a");
  b.post("a", "round");
  const auto pass = [&] {
    b.work();
    b.later += 1s;
    b.work();
    b.seal();
  };
  pass(), pass();
  ASSERT_EQ(b.ready(std::string(kParked)), 1u) << "a cycle without anybody's doing";
  for (const auto& [last, other] : {std::pair("b", "a"), std::pair("a", "b")}) {
    ASSERT_EQ(b.redrive({"/", std::string(kParked)}).moved, 1u);
    EXPECT_EQ(b.ready(last), 1u) << "it last died there";
    pass();
    EXPECT_EQ(b.ready(other), 1u) << "it dies as if it were for the first time";
    pass();
    EXPECT_EQ(b.ready(std::string(kParked)), 1u);
  }
  const DeathHistory deaths = b.list(std::string(kParked)).items.at(0).deaths;
  EXPECT_EQ(deaths.first->queue, "a");
  EXPECT_EQ(deaths.first->entry->count, 3u) << "the history goes on";
}

TEST(BrokerRedrive, stays_when_the_queue_for_it_is_full_and_refuses) {
  Operator b;
  b.make_dead({"a", "b"});
  b.declare_with("x", {{"x-max-length", {std::int64_t{1}}}, {"x-overflow", {std::string("reject-publish")}}});
  const DeadLetterCounts counts = b.redrive({"/", "dead"}, {.queue = "x"});
  EXPECT_EQ(counts.moved, 1u);
  EXPECT_EQ(counts.refused, 1u);
  EXPECT_EQ(b.ready("dead"), 1u);
}

}  // namespace
}  // namespace escrow::broker
