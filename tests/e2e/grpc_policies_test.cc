// Policies through gRPC: against a real server, over its crash, and as everybody of AMQP and gRPC feels them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "escrow/v1/policies.grpc.pb.h"
#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;

class PoliciesOverGrpc : public ManyRuns {
 protected:
  void begin() {
    start();
    policies_ = v1::Policies::NewStub(server().channel());
  }
  static v1::Policy policy(const std::string& name, const std::string& pattern, const std::string& key,
                           std::int64_t value) {
    v1::Policy out;
    out.set_name(name);
    out.set_pattern(pattern);
    out.set_apply_to(v1::POLICY_TARGET_QUEUES);
    (*out.mutable_definition()->mutable_fields())[key].set_int64_value(value);
    return out;
  }
  grpc::Status set(const v1::Policy& policy) {
    v1::SetPolicyRequest request;
    v1::SetPolicyResponse response;
    *request.mutable_policy() = policy;
    return policies_->SetPolicy(make_context().get(), request, &response);
  }
  grpc::Status erase(const std::string& name) {
    v1::DeletePolicyRequest request;
    v1::DeletePolicyResponse response;
    request.set_name(name);
    return policies_->DeletePolicy(make_context().get(), request, &response);
  }
  std::vector<std::string> names(bool of_operators, int page_size = 2) {
    v1::ListPoliciesRequest request;
    v1::ListPoliciesResponse page;
    request.set_operator_policies(of_operators);
    request.set_page_size(page_size);
    std::vector<std::string> out;
    do {
      request.set_page_token(page.next_page_token());
      EXPECT_TRUE(policies_->ListPolicies(make_context().get(), request, &page).ok());
      for (const v1::Policy& found : page.policies()) out.push_back(found.name());
    } while (!page.next_page_token().empty());
    return out;
  }
  v1::Queue queue(const std::string& name) {
    v1::ListQueuesRequest request;
    v1::ListQueuesResponse page;
    EXPECT_TRUE(api().broker().ListQueues(make_context().get(), request, &page).ok());
    for (const v1::Queue& found : page.queues()) {
      if (found.queue() == name) return found;
    }
    return {};
  }
  grpc::Status publish(const std::string& to) {
    v1::Message message;
    message.set_routing_key(to);
    return api().publish(message);
  }

  std::unique_ptr<v1::Policies::Stub> policies_;
};

TEST_F(PoliciesOverGrpc, apply_from_their_answer_on_and_over_a_crash) {
  begin();
  ASSERT_TRUE(api().declare_queue("bounded").ok());
  v1::Policy bound = policy("bound", "^bounded$", "max-length", 1);
  (*bound.mutable_definition()->mutable_fields())["overflow"].set_string_value("reject-publish");
  ASSERT_TRUE(set(bound).ok());
  EXPECT_TRUE(publish("bounded").ok());
  expect(publish("bounded"), StatusCode::RESOURCE_EXHAUSTED, "QUEUE_FULL");
  crash();
  begin();
  expect(publish("bounded"), StatusCode::RESOURCE_EXHAUSTED, "QUEUE_FULL");
  const v1::Queue shown = queue("bounded");
  EXPECT_EQ(shown.policy(), "bound");
  EXPECT_EQ(shown.operator_policy(), "");
  EXPECT_EQ(shown.effective_policy_definition().fields().at("max-length").int64_value(), 1);
  EXPECT_EQ(shown.arguments().fields_size(), 0);
  ASSERT_TRUE(erase("bound").ok());
  ASSERT_TRUE(erase("bound").ok());
  EXPECT_TRUE(publish("bounded").ok());
  EXPECT_EQ(queue("bounded").policy(), "");
  stop();
}

TEST_F(PoliciesOverGrpc, are_listed_in_pages_with_all_they_say) {
  begin();
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(set(policy(name, "x", "expires", 1000)).ok());
  v1::Policy bound = policy("bound", "^x", "max-length", 5);
  bound.set_priority(-3);
  bound.set_operator_policy(true);
  bound.set_apply_to(v1::POLICY_TARGET_QUORUM_QUEUES);
  bound.set_vhost("/");
  ASSERT_TRUE(set(bound).ok());
  EXPECT_THAT(names(false), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names(true), ElementsAre("bound"));
  v1::ListPoliciesRequest request;
  v1::ListPoliciesResponse page;
  request.set_operator_policies(true);
  ASSERT_TRUE(policies_->ListPolicies(make_context().get(), request, &page).ok());
  EXPECT_EQ(page.policies(0).DebugString(), bound.DebugString());
  stop();
}

TEST_F(PoliciesOverGrpc, that_make_no_sense_are_refused) {
  begin();
  const auto refused = [&](const v1::Policy& wrong, StatusCode code, const std::string& reason) {
    expect(set(wrong), code, reason);
  };
  refused(policy("p", "(", "expires", 1), StatusCode::INVALID_ARGUMENT, "PATTERN_INVALID");
  refused(policy("p", "", "expires", 1), StatusCode::INVALID_ARGUMENT, "PATTERN_INVALID");
  refused(policy("p", "x", "queue-mode", 1), StatusCode::INVALID_ARGUMENT, "DEFINITION_INVALID");
  refused(policy("p", "x", "expires", 0), StatusCode::INVALID_ARGUMENT, "DEFINITION_INVALID");
  refused(policy("", "x", "expires", 1), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  refused(policy("p", std::string(1025, 'x'), "expires", 1), StatusCode::INVALID_ARGUMENT, "LIMIT_EXCEEDED");
  v1::Policy wrong = policy("p", "x", "expires", 1);
  wrong.set_vhost("nowhere");
  refused(wrong, StatusCode::NOT_FOUND, "VHOST_UNKNOWN");
  wrong = policy("p", "x", "expires", 1);
  wrong.set_apply_to(static_cast<v1::PolicyTarget>(99));
  refused(wrong, StatusCode::INVALID_ARGUMENT, "MALFORMED");
  v1::SetPolicyResponse response;
  expect(policies_->SetPolicy(make_context().get(), {}, &response), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  EXPECT_TRUE(names(false).empty());
  stop();
}

}  // namespace
}  // namespace escrow::e2e
