#include "broker/core/equivalence.h"

#include <gtest/gtest.h>

#include "broker/core/queue_arguments.h"
#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

using Flags = std::initializer_list<std::pair<const char*, FieldValue>>;

std::string exchange_differs(ExchangeType type, Flags current, Flags received) {
  const auto result = check_equivalent(ExchangeSpec{"/", "x", type, arguments(current)},
                                       ExchangeSpec{"/", "x", type, arguments(received)});
  return result.ok() ? "" : result.error().message;
}

std::string queue_differs(Flags current, Flags received) {
  const auto result =
      check_equivalent(QueueSpec{"/", "q", arguments(current)}, QueueSpec{"/", "q", arguments(received)});
  return result.ok() ? "" : result.error().message;
}

FieldValue text(const char* value) { return {std::string(value)}; }

TEST(EquivalentExchanges, have_the_same_type_and_flags) {
  TopologyTester t;
  const auto declare = [&](ExchangeType type, auto edit) { return t.exchange_with("x", type, edit); };
  const auto plain = [](ExchangeSpec&) {};
  ASSERT_TRUE(declare(ExchangeType::kTopic, plain).ok());
  EXPECT_TRUE(declare(ExchangeType::kTopic, plain).ok());
  const auto type = declare(ExchangeType::kFanout, plain);
  EXPECT_EQ(type.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(type.error().reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(type.error().metadata, (decltype(Error::metadata){{"property", "type"}}));
  EXPECT_EQ(type.error().message,
            "inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'topic'");
  EXPECT_EQ(declare(ExchangeType::kTopic, [](ExchangeSpec& s) { s.durable = false; }).error().message,
            "inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'");
  EXPECT_EQ(declare(ExchangeType::kTopic, [](ExchangeSpec& s) { s.auto_delete = true; }).error().message,
            "inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'");
  EXPECT_EQ(declare(ExchangeType::kTopic, [](ExchangeSpec& s) { s.internal = true; }).error().message,
            "inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'");
}

TEST(EquivalentExchanges, have_the_same_alternate_exchange_and_otherwise_any_arguments) {
  const ExchangeType direct = ExchangeType::kDirect;
  EXPECT_EQ(exchange_differs(direct, {}, {{"anything", {true}}, {"hash-header", text("h")}}), "");
  EXPECT_EQ(exchange_differs(direct, {{"alternate-exchange", text("a")}}, {{"alternate-exchange", text("a")}}), "");
  EXPECT_EQ(exchange_differs(direct, {{"alternate-exchange", text("a")}}, {}),
            "inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received none but current is the "
            "value 'a' of type 'longstr'");
  EXPECT_EQ(exchange_differs(direct, {{"alternate-exchange", text("a")}}, {{"alternate-exchange", text("b")}}),
            "inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received 'b' but current is 'a'");
}

TEST(EquivalentExchanges, hash_the_same_part_of_a_message) {
  const ExchangeType hash = ExchangeType::kConsistentHash;
  EXPECT_EQ(exchange_differs(hash, {{"hash-header", text("h")}}, {{"hash-header", text("h")}}), "");
  EXPECT_NE(exchange_differs(hash, {{"hash-header", text("h")}}, {{"hash-header", text("i")}}), "");
  EXPECT_NE(exchange_differs(hash, {}, {{"hash-property", text("timestamp")}}), "");
}

TEST(EquivalentQueues, have_the_same_flags) {
  const QueueSpec current{"/", "q", {}};
  QueueSpec received = current;
  received.durable = false;
  EXPECT_EQ(check_equivalent(current, received).error().message,
            "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'");
  received = current;
  received.auto_delete = true;
  EXPECT_EQ(check_equivalent(current, received).error().message,
            "inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'");
}

TEST(EquivalentQueues, belong_to_the_same_connection_or_to_none) {
  QueueSpec mine{"/", "q", {}};
  mine.exclusive = 1;
  QueueSpec other = mine;
  other.exclusive = 2;
  EXPECT_TRUE(check_equivalent(mine, mine).ok());
  for (const auto& [current, received] : {std::pair(mine, other), {mine, QueueSpec{"/", "q", {}}}}) {
    const auto locked = check_equivalent(current, received);
    ASSERT_FALSE(locked.ok());
    EXPECT_EQ(locked.error().reason, "QUEUE_LOCKED");
    EXPECT_EQ(locked.error().message,
              "cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on "
              "another connection or the exclusive property value does not match that of the original declaration.");
  }
}

TEST(EquivalentQueues, have_the_same_arguments_of_those_that_the_server_knows) {
  EXPECT_EQ(queue_differs({}, {{"x-max-length", {std::int32_t{5}}}}),
            "inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '5' of type 'signedint' "
            "but current is none");
  EXPECT_EQ(queue_differs({{"x-max-length", {std::int32_t{5}}}}, {{"x-max-length", {std::int64_t{6}}}}),
            "inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received '6' but current is '5'");
  EXPECT_EQ(queue_differs({}, {{"x-note", text("mine")}}), "") << "others are nobody's business";
  for (const std::string_view name : compared_queue_arguments()) {
    EXPECT_NE(queue_differs({}, {{name.data(), text("some")}}), "") << name;
  }
}

TEST(EquivalentQueues, are_said_to_differ_in_another_argument_rather_than_in_their_type) {
  EXPECT_TRUE(queue_differs({{"x-single-active-consumer", {true}}}, {{"x-queue-type", text("quorum")}})
                  .starts_with("inequivalent arg 'x-single-active-consumer' "));
}

TEST(EquivalentQueues, tell_a_number_with_a_point_from_an_integer) {
  EXPECT_EQ(queue_differs({}, {{"x-max-length", {5.0}}}),
            "inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '5.0' of type 'double' but "
            "current is none");
}

TEST(EquivalentQueues, may_write_the_same_number_in_another_type) {
  EXPECT_EQ(queue_differs({{"x-expires", {std::int8_t{5}}}}, {{"x-expires", {std::int64_t{5}}}}), "");
  EXPECT_EQ(queue_differs({{"x-expires", {1.5f}}}, {{"x-expires", {1.5}}}), "");
  EXPECT_NE(queue_differs({{"x-expires", {std::int8_t{5}}}}, {{"x-expires", text("5")}}), "");
}

TEST(EquivalentQueues, are_classic_unless_they_say_otherwise) {
  EXPECT_EQ(queue_differs({}, {{"x-queue-type", text("classic")}}), "");
  EXPECT_EQ(queue_differs({{"x-queue-type", text("classic")}}, {}), "");
  EXPECT_EQ(queue_differs({}, {{"x-queue-type", text("quorum")}}),
            "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type "
            "'longstr' but current is none");
}

TEST(EquivalentQueues, are_what_a_second_declaration_asks_for) {
  TopologyTester t;
  ASSERT_TRUE(t.queue("q", arguments({{"x-max-length", {std::int32_t{10}}}})).ok());
  EXPECT_EQ(outcome(t.queue("q", arguments({{"x-max-length", {std::int64_t{10}}}}))), "ok");
  const auto other = t.queue("q");
  EXPECT_EQ(other.error().reason, "DECLARATION_DIFFERS");
  EXPECT_EQ(other.error().metadata, (decltype(Error::metadata){{"property", "x-max-length"}}));
  // What is wrong as well as different is told as different: the queue is there.
  EXPECT_EQ(outcome(t.queue("q", arguments({{"x-max-length", {std::int32_t{-1}}}}))), "DECLARATION_DIFFERS");
}

}  // namespace
}  // namespace escrow::broker
