#include "broker/core/queue_arguments.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/core/topology_tester.h"

namespace escrow::broker {
namespace {

using Fields = std::initializer_list<std::pair<const char*, FieldValue>>;

QueueArguments parsed(Fields fields) {
  Result<QueueArguments> result = parse_queue_arguments("/", "q", arguments(fields));
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? *result : QueueArguments{};
}

/// What is said of the argument after its name, or "ok".
std::string complaint(const char* name, FieldValue value) {
  const auto result = parse_queue_arguments("/", "q", arguments({{name, std::move(value)}}));
  if (result.ok()) return "ok";
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().reason, "ARGUMENT_INVALID");
  EXPECT_EQ(result.error().metadata, (decltype(Error::metadata){{"argument", name}}));
  const std::string start = "invalid arg '" + std::string(name) + "' for queue 'q' in vhost '/': ";
  EXPECT_TRUE(result.error().message.starts_with(start)) << result.error().message;
  return result.error().message.substr(start.size());
}

FieldValue text(const char* value) { return {std::string(value)}; }
FieldValue number(std::int64_t value) { return {value}; }

TEST(QueueArguments, of_a_queue_that_sets_none_limit_nothing) {
  const QueueArguments none = parsed({});
  EXPECT_EQ(none, QueueArguments{});
  EXPECT_EQ(none.type, QueueType::kClassic);
  EXPECT_EQ(none.overflow, Overflow::kDropHead);
  EXPECT_FALSE(none.delivery_limit.has_value());
}

TEST(QueueArguments, that_messages_will_carry_are_at_most_a_short_string) {
  const FieldValue longest{std::string(255, 'a')};
  const FieldValue longer{std::string(256, 'a')};
  EXPECT_EQ(complaint("x-dead-letter-exchange", longest), "ok");
  EXPECT_EQ(complaint("x-dead-letter-exchange", longer), "longer than 255 bytes");
  const auto with_exchange = arguments({{"x-dead-letter-exchange", text("")}, {"x-dead-letter-routing-key", longer}});
  EXPECT_FALSE(parse_queue_arguments("/", "q", with_exchange).ok());
}

TEST(QueueArguments, are_read) {
  const QueueArguments all = parsed({{"x-expires", number(1)},
                                     {"x-message-ttl", number(0)},
                                     {"x-dead-letter-exchange", text("")},
                                     {"x-dead-letter-routing-key", text("k")},
                                     {"x-max-length", number(10)},
                                     {"x-max-length-bytes", number(std::int64_t{1} << 40)},
                                     {"x-max-priority", number(255)},
                                     {"x-overflow", text("reject-publish")},
                                     {"x-single-active-consumer", {true}},
                                     {"x-delivery-limit", number(3)}});
  EXPECT_EQ(all.expires_ms, 1);
  EXPECT_EQ(all.message_ttl_ms, 0);
  EXPECT_EQ(all.dead_letter_exchange, "");
  EXPECT_EQ(all.dead_letter_routing_key, "k");
  EXPECT_EQ(all.max_length, 10u);
  EXPECT_EQ(all.max_length_bytes, std::uint64_t{1} << 40);
  EXPECT_EQ(all.max_priority, 255);
  EXPECT_EQ(all.overflow, Overflow::kRejectPublish);
  EXPECT_TRUE(all.single_active_consumer);
  EXPECT_EQ(all.delivery_limit, 3);
  EXPECT_EQ(parsed({{"x-overflow", text("reject-publish-dlx")}}).overflow, Overflow::kRejectPublishDlx);
  EXPECT_EQ(parsed({{"x-overflow", text("drop-head")}}).overflow, Overflow::kDropHead);
}

TEST(QueueArguments, may_be_integers_of_any_type) {
  const FieldValue fives[] = {{std::int8_t{5}},  {std::uint8_t{5}},  {std::int16_t{5}}, {std::uint16_t{5}},
                              {std::int32_t{5}}, {std::uint32_t{5}}, {std::int64_t{5}}};
  for (const FieldValue& five : fives) EXPECT_EQ(parsed({{"x-max-length", five}}).max_length, 5u);
  EXPECT_EQ(complaint("x-max-length", text("5")), "\"expected integer, got longstr\"");
  EXPECT_EQ(complaint("x-max-length", {5.0}), "\"expected integer, got double\"");
  EXPECT_EQ(complaint("x-max-length", {true}), "\"expected integer, got bool\"");
}

TEST(QueueArguments, are_refused_out_of_range_in_the_words_of_rabbitmq) {
  EXPECT_EQ(complaint("x-expires", number(0)), "{value_zero,0}");
  EXPECT_EQ(complaint("x-expires", number(-1)), "{value_negative,-1}");
  EXPECT_EQ(complaint("x-expires", number(QueueArguments::kMaxDurationMs)), "ok");
  EXPECT_EQ(complaint("x-expires", number(QueueArguments::kMaxDurationMs + 1)), "{value_too_big,3153600000001}");
  EXPECT_EQ(complaint("x-message-ttl", number(0)), "ok");
  EXPECT_EQ(complaint("x-message-ttl", number(-1)), "{value_negative,-1}");
  EXPECT_EQ(complaint("x-message-ttl", number(QueueArguments::kMaxDurationMs + 1)), "{value_too_big,3153600000001}");
  EXPECT_EQ(complaint("x-max-length", number(-1)), "{value_negative,-1}");
  EXPECT_EQ(complaint("x-max-length-bytes", number(-1)), "{value_negative,-1}");
  EXPECT_EQ(complaint("x-max-priority", number(0)), "ok");
  EXPECT_EQ(complaint("x-max-priority", number(256)), "{max_value_exceeded,256}");
  EXPECT_EQ(complaint("x-max-priority", number(-1)), "{value_negative,-1}");
}

TEST(QueueArguments, are_refused_when_they_are_none_of_the_words) {
  EXPECT_EQ(complaint("x-overflow", text("drop-tail")), "invalid_overflow");
  EXPECT_EQ(complaint("x-overflow", number(1)), "{unacceptable_type,long}");
  EXPECT_EQ(complaint("x-queue-mode", text("lazy")), "ok");
  EXPECT_EQ(complaint("x-queue-mode", text("eager")), "\"unsupported queue mode 'eager'\"");
  EXPECT_EQ(complaint("x-queue-version", number(2)), "ok");
  EXPECT_EQ(complaint("x-queue-version", number(3)), "\"unsupported queue version '3'\"");
  EXPECT_EQ(complaint("x-dead-letter-strategy", text("at-least-once")), "ok");
  EXPECT_EQ(complaint("x-dead-letter-strategy", text("never")), "invalid_dlx_strategy");
  EXPECT_EQ(complaint("x-single-active-consumer", text("true")), "{unacceptable_type,longstr}");
  EXPECT_EQ(complaint("x-quorum-initial-group-size", number(0)), "{value_zero,0}");
}

TEST(QueueArguments, name_a_type_that_there_is) {
  EXPECT_EQ(parsed({{"x-queue-type", text("classic")}}).type, QueueType::kClassic);
  EXPECT_EQ(parsed({{"x-queue-type", text("quorum")}}).type, QueueType::kQuorum);
  EXPECT_EQ(complaint("x-queue-type", text("stream")), "\"unsupported queue type 'stream'\"");
  EXPECT_EQ(complaint("x-queue-type", {true}), "{unacceptable_type,bool}");
}

TEST(QueueArguments, of_a_dead_letter_routing_key_need_an_exchange) {
  EXPECT_EQ(complaint("x-dead-letter-routing-key", text("k")), "routing_key_but_no_dlx_defined");
  EXPECT_EQ(complaint("x-dead-letter-routing-key", number(1)), "{unacceptable_type,long}");
  EXPECT_EQ(complaint("x-dead-letter-exchange", number(1)), "{unacceptable_type,long}");
}

TEST(QueueArguments, of_a_quorum_queue_have_a_delivery_limit_unless_it_asks_for_none) {
  EXPECT_EQ(parsed({{"x-queue-type", text("quorum")}}).delivery_limit, 20);
  EXPECT_EQ(parsed({{"x-queue-type", text("quorum")}, {"x-delivery-limit", number(5)}}).delivery_limit, 5);
  EXPECT_EQ(parsed({{"x-queue-type", text("quorum")}, {"x-delivery-limit", number(-1)}}).delivery_limit, std::nullopt);
  EXPECT_EQ(parsed({{"x-delivery-limit", number(0)}}).delivery_limit, 0);
  EXPECT_EQ(complaint("x-delivery-limit", text("5")), "\"expected integer, got longstr\"");
}

TEST(QueueArguments, that_are_wrong_keep_a_queue_from_being_made) {
  TopologyTester t;
  EXPECT_EQ(outcome(t.queue("q", arguments({{"x-expires", number(0)}}))), "ARGUMENT_INVALID");
  EXPECT_FALSE(t.topology.has_changes());
  EXPECT_EQ(t.next_log, 1u);
}

TEST(QuorumQueues, are_durable_shared_and_kept) {
  TopologyTester t;
  const auto declare = [&](auto edit) {
    return t.queue_with("q", [&](QueueSpec& spec) {
      spec.arguments = arguments({{"x-queue-type", text("quorum")}});
      edit(spec);
    });
  };
  EXPECT_EQ(declare([](QueueSpec& spec) { spec.durable = false; }).error().message,
            "invalid property 'non-durable' for queue 'q' in vhost '/'");
  EXPECT_EQ(declare([](QueueSpec& spec) { spec.exclusive = 1; }).error().message,
            "invalid property 'exclusive-owner' for queue 'q' in vhost '/'");
  EXPECT_EQ(declare([](QueueSpec& spec) { spec.auto_delete = true; }).error().message,
            "invalid property 'auto-delete' for queue 'q' in vhost '/'");
  EXPECT_EQ(outcome(declare([](QueueSpec&) {})), "ok");
}

}  // namespace
}  // namespace escrow::broker
