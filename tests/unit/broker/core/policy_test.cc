#include "broker/core/policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "broker/core/queue_arguments.h"

namespace escrow::broker {
namespace {

FieldTable table(std::initializer_list<std::pair<const char*, FieldValue>> fields) {
  FieldTable out;
  for (const auto& [name, value] : fields) out.set(name, value);
  return out;
}
FieldValue number(std::int64_t value) { return {value}; }
FieldValue text(std::string value) { return {std::move(value)}; }

Policy policy(FieldTable definition, bool operator_policy = false) {
  return {"/", "p", ".*", 0, PolicyTarget::kAll, std::move(definition), operator_policy};
}
Error refused(FieldTable definition, bool operator_policy = false) {
  return check_policy(policy(std::move(definition), operator_policy)).error();
}

TEST(PolicyTarget, says_what_a_policy_is_for) {
  using enum PolicySubject;
  for (const PolicySubject subject : {kClassicQueue, kQuorumQueue, kExchange}) {
    EXPECT_TRUE(includes(PolicyTarget::kAll, subject));
    EXPECT_EQ(includes(PolicyTarget::kQueues, subject), subject != kExchange);
    EXPECT_EQ(includes(PolicyTarget::kClassicQueues, subject), subject == kClassicQueue);
    EXPECT_EQ(includes(PolicyTarget::kQuorumQueues, subject), subject == kQuorumQueue);
    EXPECT_EQ(includes(PolicyTarget::kExchanges, subject), subject == kExchange);
  }
}

TEST(PolicyDefinition, has_the_keys_that_are_arguments_of_queues_and_alternate_exchange) {
  EXPECT_TRUE(check_policy(policy(table({{"message-ttl", number(1000)},
                                         {"expires", number(1000)},
                                         {"max-length", number(0)},
                                         {"max-length-bytes", number(0)},
                                         {"overflow", text("reject-publish-dlx")},
                                         {"dead-letter-exchange", text("")},
                                         {"dead-letter-routing-key", text("k")},
                                         {"delivery-limit", number(-1)},
                                         {"alternate-exchange", text("ae")}})))
                  .ok());
}

TEST(PolicyDefinition, has_no_other_keys) {
  for (const char* key :
       {"ha-mode", "queue-mode", "max-priority", "queue-type", "x-expires", "single-active-consumer"}) {
    const Error error = refused(table({{key, number(1)}}));
    EXPECT_EQ(error.reason, "DEFINITION_INVALID") << key;
    EXPECT_EQ(error.metadata.front().second, key);
  }
  EXPECT_EQ(refused(table({{"ha-mode", text("all")}})).message,
            "invalid definition of policy 'p' in vhost '/': no policy has a key 'ha-mode'");
  EXPECT_EQ(refused({}).message, "invalid definition of policy 'p' in vhost '/': it is empty");
}

TEST(PolicyDefinition, of_operators_has_only_keys_that_bound) {
  for (const char* key : {"message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit"}) {
    EXPECT_TRUE(check_policy(policy(table({{key, number(1)}}), true)).ok()) << key;
  }
  EXPECT_TRUE(check_policy(policy(table({{"overflow", text("reject-publish")}}), true)).ok());
  for (const char* key : {"dead-letter-exchange", "dead-letter-routing-key", "alternate-exchange"}) {
    EXPECT_EQ(refused(table({{key, text("x")}}), true).message,
              "invalid definition of operator policy 'p' in vhost '/': "
              "no operator policy has a key '" +
                  std::string(key) + "'");
  }
}

TEST(PolicyDefinition, has_values_that_the_arguments_take) {
  EXPECT_EQ(refused(table({{"expires", number(0)}})).message,
            "invalid definition of policy 'p' in vhost '/': 'expires': {value_zero,0}");
  EXPECT_EQ(refused(table({{"message-ttl", number(-1)}})).reason, "DEFINITION_INVALID");
  EXPECT_EQ(refused(table({{"max-length", text("10")}})).reason, "DEFINITION_INVALID");
  EXPECT_EQ(refused(table({{"overflow", text("drop-tail")}})).reason, "DEFINITION_INVALID");
  EXPECT_EQ(refused(table({{"alternate-exchange", number(1)}})).reason, "DEFINITION_INVALID");
  EXPECT_EQ(refused(table({{"alternate-exchange", text(std::string(256, 'x'))}})).reason, "DEFINITION_INVALID");
}

TEST(PolicyDefinition, may_have_a_dead_letter_routing_key_alone) {
  const FieldTable alone = table({{"dead-letter-routing-key", text("k")}});
  EXPECT_TRUE(check_policy(policy(alone)).ok());
  EXPECT_EQ(effective_arguments({}, alone), FieldTable());
  EXPECT_EQ(effective_arguments(table({{"x-dead-letter-exchange", text("dlx")}}), alone),
            table({{"x-dead-letter-exchange", text("dlx")}, {"x-dead-letter-routing-key", text("k")}}));
}

TEST(PolicyNames, are_those_of_other_things) {
  Policy unnamed = policy(table({{"expires", number(1)}}));
  unnamed.name.clear();
  EXPECT_EQ(check_policy(unnamed).error().message, "policy name is empty");
  unnamed.name = std::string(255, 'p');
  EXPECT_TRUE(check_policy(unnamed).ok());
  unnamed.name += 'p';
  EXPECT_EQ(check_policy(unnamed).error().reason, "LIMIT_EXCEEDED");
}

TEST(EffectiveArguments, are_the_smaller_number_of_argument_and_policy) {
  const FieldTable declared = table({{"x-message-ttl", number(100)}, {"x-max-length", number(5)}});
  const FieldTable definition =
      table({{"message-ttl", number(50)}, {"max-length", number(50)}, {"expires", number(1000)}});
  EXPECT_EQ(effective_arguments(declared, definition),
            table({{"x-message-ttl", number(50)}, {"x-max-length", number(5)}, {"x-expires", number(1000)}}));
}

TEST(EffectiveArguments, are_the_argument_where_there_is_no_smaller_one) {
  const FieldTable declared = table({{"x-overflow", text("drop-head")}, {"x-dead-letter-exchange", text("mine")}});
  const FieldTable definition = table({{"overflow", text("reject-publish")},
                                       {"dead-letter-exchange", text("theirs")},
                                       {"dead-letter-routing-key", text("key")},
                                       {"alternate-exchange", text("of exchanges")}});
  EXPECT_EQ(effective_arguments(declared, definition), table({{"x-overflow", text("drop-head")},
                                                              {"x-dead-letter-exchange", text("mine")},
                                                              {"x-dead-letter-routing-key", text("key")}}));
}

TEST(EffectiveArguments, about_retries_are_those_of_one_of_them) {
  const FieldTable definition = table({{"retry-base-delay", number(10)}, {"retry-factor", number(3)}});
  EXPECT_TRUE(check_policy(policy(definition)).ok());
  EXPECT_EQ(effective_arguments({}, definition),
            table({{"x-retry-base-delay", number(10)}, {"x-retry-factor", number(3)}}));
  const FieldTable declared = table({{"x-retry-delays", text("rocketmq")}});
  EXPECT_EQ(effective_arguments(declared, definition), declared);
}

TEST(PolicyDefinition, about_retries_must_make_sense_by_itself) {
  const Error error = refused(table({{"retry-factor", number(3)}}));
  EXPECT_EQ(error.message,
            "invalid definition of policy 'p' in vhost '/': 'retry-factor': no_x-retry-base-delay_defined");
  EXPECT_EQ(error.metadata.front().second, "retry-factor");
}

std::optional<std::int64_t> delivery_limit(FieldTable declared, const FieldTable& definition) {
  return parse_queue_arguments("/", "q", effective_arguments(declared, definition))->delivery_limit;
}

TEST(EffectiveArguments, put_any_delivery_limit_before_the_one_of_quorum_queues) {
  const FieldTable quorum = table({{"x-queue-type", text("quorum")}});
  EXPECT_EQ(delivery_limit(quorum, {}), 20);
  EXPECT_EQ(delivery_limit(quorum, table({{"delivery-limit", number(50)}})), 50);
  EXPECT_EQ(delivery_limit(quorum, table({{"delivery-limit", number(-1)}})), std::nullopt);
}

TEST(EffectiveArguments, take_any_delivery_limit_for_smaller_than_none) {
  EXPECT_EQ(delivery_limit(table({{"x-delivery-limit", number(-1)}}), table({{"delivery-limit", number(5)}})), 5);
  EXPECT_EQ(delivery_limit(table({{"x-delivery-limit", number(5)}}), table({{"delivery-limit", number(-1)}})), 5);
}

TEST(OperatorDefinitions, bound_the_numbers_of_others_and_override_their_overflow) {
  const FieldTable merged =
      merge_definitions(table({{"max-length", number(10)}, {"expires", number(10)}, {"overflow", text("drop-head")}}),
                        table({{"max-length", number(5)},
                               {"expires", number(50)},
                               {"message-ttl", number(7)},
                               {"overflow", text("reject-publish")}}));
  EXPECT_EQ(merged, table({{"max-length", number(5)},
                           {"expires", number(10)},
                           {"overflow", text("reject-publish")},
                           {"message-ttl", number(7)}}));
}

TEST(PolicyDefinition, is_limited_in_size) {
  const auto of_bytes = [](std::size_t bytes) {
    // Around the value: the table's length, the name with its length, the type, the value's length.
    return table({{"k", text(std::string(bytes - 4 - 2 - 1 - 4, 'x'))}});
  };
  EXPECT_EQ(refused(of_bytes(Policy::kMaxDefinitionBytes)).reason, "DEFINITION_INVALID");
  EXPECT_EQ(refused(of_bytes(Policy::kMaxDefinitionBytes + 1)).reason, "LIMIT_EXCEEDED");
}

/// Some of what a queue can be declared with, and of what a policy can say.
FieldTable some_of_all(const std::string& prefix) {
  const std::pair<const char*, FieldValue> all[] = {
      {"message-ttl", number(10)},        {"expires", number(10)},
      {"max-length", number(10)},         {"overflow", text("reject-publish")},
      {"dead-letter-exchange", text("")}, {"dead-letter-routing-key", text("k")},
      {"delivery-limit", number(-1)},     {"retry-delays", text("rocketmq")},
      {"retry-base-delay", number(10)},   {"retry-factor", number(3)}};
  FieldTable out;
  for (const auto& [name, value] : all) {
    if (*rc::gen::arbitrary<bool>()) out.set(prefix + name, value);
  }
  return out;
}

RC_GTEST_PROP(EffectiveArguments, are_valid_when_those_of_the_declaration_and_the_policy_are, ()) {
  const FieldTable declared = some_of_all("x-");
  const FieldTable definition = some_of_all("");
  RC_PRE(!check_queue_arguments(declared) && check_policy(policy(definition)).ok());
  RC_ASSERT(!check_queue_arguments(effective_arguments(declared, definition)));
}

RC_GTEST_PROP(EffectiveArguments, of_numbers_are_the_smallest_that_anyone_asks_for, ()) {
  std::optional<std::int64_t> smallest;
  const auto some = [&](const char* key) {
    FieldTable out;
    const auto value = *rc::gen::maybe(rc::gen::inRange<std::int64_t>(-3, 5));
    if (!value) return out;
    out.set(key, {*value});
    if (*value >= 0) smallest = std::min(smallest.value_or(*value), *value);
    return out;
  };
  const FieldTable declared = some("x-delivery-limit");
  const FieldTable of_policy = some("delivery-limit");
  const FieldTable of_operator = some("delivery-limit");
  RC_ASSERT(delivery_limit(declared, merge_definitions(of_policy, of_operator)) == smallest);
}

}  // namespace
}  // namespace escrow::broker
