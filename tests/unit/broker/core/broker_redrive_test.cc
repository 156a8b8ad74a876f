// What operators do with dead letters: they see them, send them on again, and drop them.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

/// Messages of one step.
constexpr std::uint64_t kStep = 250;
constexpr std::string_view kParked = kParkedQueue;

struct Operator : BrokerTester {
  using BrokerTester::BrokerTester;

  void declare_with(const std::string& name, std::vector<std::pair<std::string, FieldValue>> arguments) {
    FieldTable table;
    for (auto& [argument, value] : arguments) table.set(argument, std::move(value));
    must(broker->declare_queue({{"/", name, std::move(table)}}, moment()));
  }
  /// Its dead letters go to the queue `dead`.
  void declare_dying(const std::string& name, const std::string& dead) {
    declare_with(name, {{"x-dead-letter-exchange", {std::string()}}, {"x-dead-letter-routing-key", {dead}}});
  }
  void park(const std::string& body, const std::string& key = "nobody") { commit(persistent(view(body, key, ""))); }
  /// Whatever is ready there.
  void reject_all(const std::string& queue) {
    const std::uint64_t count = ready(queue);
    consume("rejects", queue, static_cast<std::uint32_t>(count));
    work();
    must_ok(settle("rejects", 1, count, Settlement::kReject));
    cancel("rejects");
    work();
  }
  /// "dead" has messages of these bodies, which were rejected in "work".
  void make_dead(const std::vector<std::string>& bodies) {
    declare_dying("work", "dead");
    declare("dead");
    for (const std::string& body : bodies) post("work", body);
    reject_all("work");
  }

  template <class Answer>
  Answer answer(std::uint64_t job) {
    return std::get<Answer>(must(dead_letters_done.at(job)));
  }
  DeadLetterCounts redrive(DeadLetterSelection which, RedriveTo to = {}) {
    must_ok(broker->redrive({std::move(which), std::move(to), ""}, ++jobs));
    work();
    return answer<DeadLetterCounts>(jobs);
  }
  DeadLetterCounts discard(DeadLetterSelection which) {
    must_ok(broker->discard({std::move(which), "test"}, ++jobs));
    work();
    return answer<DeadLetterCounts>(jobs);
  }
  DeadLetterList list(ListDeadLetters command) {
    must_ok(broker->list(command, ++jobs));
    work();
    return answer<DeadLetterList>(jobs);
  }
  DeadLetterList list(const std::string& queue) { return list(ListDeadLetters{"/", queue}); }
  Result<DeadLetterAnswer> get(const std::string& queue, const MessagePlace& place) {
    must_ok(broker->get({"/", queue, place}, ++jobs));
    work();
    return dead_letters_done.at(jobs);
  }
  /// What a filter finds in "dead".
  std::size_t found(const DeadLetterFilter& filter) { return list(ListDeadLetters{"/", "dead", filter}).items.size(); }
  /// Takes all that is ready.
  std::string take(const std::string& queue) {
    consume("takes", queue, 100);
    std::string got = work();
    cancel("takes");
    work();
    return got;
  }

  std::uint64_t jobs = 0;
};

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

TEST(BrokerRedrive, finds_messages_by_how_they_died_by_their_way_and_by_their_age) {
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

TEST(BrokerRedrive, looks_at_messages_of_high_priority_first) {
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

TEST(BrokerRedrive, a_list_goes_on_where_it_ended_and_changes_nothing) {
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

TEST(BrokerRedrive, a_list_ends_early_when_it_has_looked_at_many_or_has_much) {
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

TEST(BrokerRedrive, knows_a_message_by_its_place_only_while_it_is_there) {
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

TEST(BrokerRedrive, nothing_is_parked_before_the_first_message_is) {
  Operator b;
  EXPECT_TRUE(b.list(std::string(kParked)).items.empty());
  EXPECT_EQ(b.redrive({"/", std::string(kParked)}).moved, 0u);
  EXPECT_EQ(b.broker->list({"nowhere", std::string(kParked)}, 99).error().reason, "VHOST_UNKNOWN");
}

TEST(BrokerRedrive, refuses_more_jobs_than_it_may_have) {
  Operator b;
  b.declare("dead");
  for (std::size_t i = 1; i <= Broker::kMaxDeadLetterJobs; ++i) must_ok(b.broker->list({"/", "dead"}, i));
  EXPECT_EQ(b.broker->list({"/", "dead"}, 99).error().reason, "LIMIT_EXCEEDED");
  b.work();
  EXPECT_TRUE(b.broker->list({"/", "dead"}, 100).ok());
}

}  // namespace
}  // namespace escrow::broker
