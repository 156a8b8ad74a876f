#include "client/cpp/policies.h"

#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"

namespace escrow::client {

using internal::Repeat;

Policies::Policies(const Client& client, std::string vhost, Kind kind)
    : connection_(client.connection()), vhost_(std::move(vhost)), kind_(kind) {}

Result<void> Policies::set(const Policy& policy) const {
  v1::SetPolicyRequest request;
  v1::Policy& to = *request.mutable_policy();
  to.set_vhost(vhost_);
  to.set_name(policy.name);
  to.set_pattern(policy.pattern);
  to.set_priority(policy.priority);
  to.set_apply_to(static_cast<v1::PolicyTarget>(policy.apply_to));
  internal::to_proto(policy.definition, *to.mutable_definition());
  to.set_operator_policy(kind_ == Kind::kOperators);
  v1::SetPolicyResponse response;
  return connection_->call(Repeat::kTransient, [&](grpc::ClientContext& context) {
    return connection_->policies().SetPolicy(&context, request, &response);
  });
}

Result<void> Policies::erase(const std::string& name) const {
  v1::DeletePolicyRequest request;
  request.set_vhost(vhost_);
  request.set_name(name);
  request.set_operator_policy(kind_ == Kind::kOperators);
  v1::DeletePolicyResponse response;
  return connection_->call(Repeat::kTransient, [&](grpc::ClientContext& context) {
    return connection_->policies().DeletePolicy(&context, request, &response);
  });
}

Result<PolicyPage> Policies::list(std::uint32_t page_size, const std::string& page_token) const {
  v1::ListPoliciesRequest request;
  request.set_vhost(vhost_);
  request.set_operator_policies(kind_ == Kind::kOperators);
  request.set_page_size(static_cast<std::int32_t>(page_size));
  request.set_page_token(page_token);
  v1::ListPoliciesResponse response;
  const auto called = connection_->call(Repeat::kTransient, [&](grpc::ClientContext& context) {
    response.Clear();
    return connection_->policies().ListPolicies(&context, request, &response);
  });
  if (!called) return called.error();
  PolicyPage page;
  for (const v1::Policy& policy : response.policies()) {
    page.policies.push_back({policy.name(), policy.pattern(), policy.priority(),
                             static_cast<PolicyTarget>(policy.apply_to()), internal::from_proto(policy.definition())});
  }
  page.next_page_token = response.next_page_token();
  return page;
}

}  // namespace escrow::client
