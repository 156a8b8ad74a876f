#include "broker/core/policy_codec.h"

#include <gtest/gtest.h>

#include "broker/core/broker.h"
#include "tests/unit/golden.h"

namespace escrow::broker {
namespace {

Policy sample(bool operator_policy = false) {
  FieldTable definition;
  definition.set("max-length", {std::int64_t{10}});
  return {"/", "p", "^q", -2, PolicyTarget::kQuorumQueues, std::move(definition), operator_policy};
}

TEST(StoredPolicies, have_golden_bytes) {
  EXPECT_EQ(hex(encode_policy_key("/", "p", false)), golden("09 01 2f 01 70"));
  EXPECT_EQ(hex(encode_policy_key("/", "p", true)), golden("0a 01 2f 01 70"));
  EXPECT_EQ(hex(encode_policy_value(sample())),
            golden("01 02 5e71 feffffff 03 00000014 0a 6d61782d6c656e677468 6c 000000000000000a"));
}

TEST(StoredPolicies, have_numbers_that_are_frozen) {
  EXPECT_EQ(static_cast<int>(PolicyTarget::kAll), 0);
  EXPECT_EQ(static_cast<int>(PolicyTarget::kQueues), 1);
  EXPECT_EQ(static_cast<int>(PolicyTarget::kClassicQueues), 2);
  EXPECT_EQ(static_cast<int>(PolicyTarget::kQuorumQueues), 3);
  EXPECT_EQ(static_cast<int>(PolicyTarget::kExchanges), 4);
}

TEST(StoredPolicies, are_read_as_they_were_written) {
  for (const bool operator_policy : {false, true}) {
    const Policy policy = sample(operator_policy);
    EXPECT_EQ(decode_policy(encode_policy_key("/", "p", operator_policy), encode_policy_value(policy)), policy);
  }
}

TEST(StoredPolicies, that_are_damaged_are_not_read) {
  const std::string key = encode_policy_key("/", "p", false);
  const std::string value = encode_policy_value(sample());
  for (std::size_t i = 0; i < value.size(); ++i) EXPECT_FALSE(decode_policy(key, value.substr(0, i))) << i;
  for (std::size_t i = 0; i < key.size(); ++i) EXPECT_FALSE(decode_policy(key.substr(0, i), value)) << i;
  EXPECT_FALSE(decode_policy(key, value + "x"));
  EXPECT_FALSE(decode_policy(key + "x", value));
  std::string unknown = value;
  unknown[8] = 5;  // apply-to
  EXPECT_FALSE(decode_policy(key, unknown));
  unknown = value;
  unknown[0] = 2;
  EXPECT_FALSE(decode_policy(key, unknown));
}

TEST(StoredPolicies, that_could_not_have_been_set_are_damage) {
  const auto recover = [](const Policy& policy) {
    Broker broker(1 << 20);
    return broker.recover_topology(encode_policy_key(policy.vhost, policy.name, policy.operator_policy),
                                   encode_policy_value(policy));
  };
  EXPECT_TRUE(recover(sample()).ok());
  Policy wrong = sample();
  wrong.vhost = "nowhere";
  EXPECT_EQ(recover(wrong).error().reason, "TOPOLOGY_DAMAGED");
  wrong = sample();
  wrong.pattern = "(";
  EXPECT_EQ(recover(wrong).error().reason, "TOPOLOGY_DAMAGED");
  wrong = sample();
  wrong.definition.set("ha-mode", {std::string("all")});
  EXPECT_EQ(recover(wrong).error().reason, "TOPOLOGY_DAMAGED");
}

}  // namespace
}  // namespace escrow::broker
