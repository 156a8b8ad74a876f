#include "broker/core/policies.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker/core/log_store.h"

namespace escrow::broker {
namespace {

struct PoliciesTester {
  Result<bool> set(const std::string& name, const std::string& pattern, std::int32_t priority = 0,
                   PolicyTarget target = PolicyTarget::kAll, bool operator_policy = false) {
    FieldTable definition;
    definition.set(operator_policy ? "max-length" : "message-ttl", {std::int64_t{7}});
    return policies.set({"/", name, pattern, priority, target, definition, operator_policy});
  }
  /// The names of what applies, as "policy/operator policy".
  std::string match(const std::string& name, PolicySubject subject = PolicySubject::kClassicQueue) {
    const auto applied = policies.match("/", name, subject);
    return applied == nullptr ? "none" : applied->policy + "/" + applied->operator_policy;
  }
  Policies policies;
};

TEST(Policies, apply_to_names_that_match) {
  PoliciesTester t;
  ASSERT_TRUE(*t.set("orders", "^order"));
  EXPECT_EQ(t.match("orders"), "orders/");
  EXPECT_EQ(t.match("my-orders"), "none");
  EXPECT_EQ(t.policies.match("other", "orders", PolicySubject::kClassicQueue), nullptr);
}

TEST(Policies, of_the_highest_priority_apply_and_of_several_the_first_by_name) {
  PoliciesTester t;
  must(t.set("b", ".*", 1));
  must(t.set("a", ".*", 1));
  must(t.set("low", ".*", -1));
  EXPECT_EQ(t.match("q"), "a/");
  must(t.set("z", "^q", 2));
  EXPECT_EQ(t.match("q"), "z/");
  EXPECT_EQ(t.match("r"), "a/");
  EXPECT_TRUE(t.policies.erase("/", "z", false));
  EXPECT_TRUE(t.policies.erase("/", "a", false));
  EXPECT_EQ(t.match("q"), "b/");
}

TEST(Policies, apply_to_what_they_are_for) {
  PoliciesTester t;
  must(t.set("queues", ".*", 1, PolicyTarget::kQuorumQueues));
  must(t.set("exchanges", ".*", 0, PolicyTarget::kExchanges));
  EXPECT_EQ(t.match("q"), "none");
  EXPECT_EQ(t.match("q", PolicySubject::kQuorumQueue), "queues/");
  EXPECT_EQ(t.match("q", PolicySubject::kExchange), "exchanges/");
}

TEST(Policies, apply_along_with_one_of_the_operators) {
  PoliciesTester t;
  must(t.set("bound", ".*", 0, PolicyTarget::kAll, true));
  EXPECT_EQ(t.match("q"), "/bound");
  must(t.set("bound", "^q", 5));
  EXPECT_EQ(t.match("q"), "bound/bound");
  const auto applied = t.policies.match("/", "q", PolicySubject::kClassicQueue);
  EXPECT_EQ(applied->definition.find("message-ttl")->as_integer(), 7);
  EXPECT_EQ(applied->definition.find("max-length")->as_integer(), 7);
  EXPECT_TRUE(t.policies.erase("/", "bound", false));
  EXPECT_EQ(t.match("q"), "/bound");
}

TEST(Policies, do_not_apply_to_what_is_the_servers) {
  PoliciesTester t;
  must(t.set("all", ".*"));
  EXPECT_EQ(t.match("escrow.parked"), "none");
  EXPECT_EQ(t.match("amq.topic", PolicySubject::kExchange), "all/");
}

TEST(Policies, replace_those_of_the_same_name) {
  PoliciesTester t;
  EXPECT_TRUE(*t.set("p", "^a"));
  EXPECT_FALSE(*t.set("p", "^a")) << "nothing changed";
  EXPECT_TRUE(*t.set("p", "^b"));
  EXPECT_EQ(t.match("a"), "none");
  EXPECT_EQ(t.match("b"), "p/");
  EXPECT_EQ(t.policies.count("/"), 1u);
  EXPECT_FALSE(t.set("p", "(").ok());
  EXPECT_EQ(t.match("b"), "p/") << "the one that was stays";
}

TEST(Policies, are_forgotten_when_they_are_deleted) {
  PoliciesTester t;
  EXPECT_FALSE(t.policies.erase("/", "p", false));
  must(t.set("p", ".*"));
  EXPECT_FALSE(t.policies.erase("/", "p", true)) << "it is none of the operators'";
  EXPECT_TRUE(t.policies.erase("/", "p", false));
  EXPECT_EQ(t.match("q"), "none");
}

TEST(Policies, are_the_same_object_for_all_they_apply_to) {
  PoliciesTester t;
  must(t.set("p", ".*"));
  const auto applied = t.policies.match("/", "a", PolicySubject::kClassicQueue);
  EXPECT_EQ(applied, t.policies.match("/", "b", PolicySubject::kExchange));
  must(t.set("p", "."));
  EXPECT_NE(applied, t.policies.match("/", "a", PolicySubject::kClassicQueue));
}

TEST(Policies, are_limited_in_number) {
  PoliciesTester t;
  for (std::size_t i = 0; i < Policies::kMaxPerVhost; ++i) must(t.set("p" + std::to_string(i), "x"));
  const auto more = t.set("more", "x");
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(more.error().reason, "LIMIT_EXCEEDED");
  EXPECT_TRUE(t.set("p0", "y").ok()) << "replacing one takes no place";
  EXPECT_TRUE(t.set("more", "x", 0, PolicyTarget::kAll, true).ok()) << "operators' are counted by themselves";
}

TEST(Policies, are_listed_by_name_in_pages) {
  PoliciesTester t;
  for (const char* name : {"c", "a", "b"}) must(t.set(name, "x"));
  must(t.set("of-an-operator", "x", 0, PolicyTarget::kAll, true));
  const PolicyList first = t.policies.list("/", false, "", 2);
  ASSERT_EQ(first.policies.size(), 2u);
  EXPECT_EQ(first.policies[0].name, "a");
  EXPECT_EQ(first.policies[1].name, "b");
  EXPECT_TRUE(first.more);
  const PolicyList second = t.policies.list("/", false, "b", 2);
  ASSERT_EQ(second.policies.size(), 1u);
  EXPECT_EQ(second.policies[0].name, "c");
  EXPECT_FALSE(second.more);
  EXPECT_EQ(t.policies.list("/", true, "", 2).policies.size(), 1u);
  EXPECT_TRUE(t.policies.list("other", false, "", 2).policies.empty());
}

}  // namespace
}  // namespace escrow::broker
