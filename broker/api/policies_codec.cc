#include "broker/api/policies_codec.h"

#include <utility>

#include "base/bytes.h"
#include "broker/api/broker_codec.h"
#include "rpc/field_table_codec.h"
#include "rpc/page_token.h"
#include "rpc/status.h"
#include "rpc/utf8.h"

namespace escrow::broker::api {
namespace {

Result<PolicyTarget> to_model(v1::PolicyTarget target) {
  switch (target) {
    case v1::POLICY_TARGET_UNSPECIFIED:
    case v1::POLICY_TARGET_ALL:
      return PolicyTarget::kAll;
    case v1::POLICY_TARGET_QUEUES:
      return PolicyTarget::kQueues;
    case v1::POLICY_TARGET_CLASSIC_QUEUES:
      return PolicyTarget::kClassicQueues;
    case v1::POLICY_TARGET_QUORUM_QUEUES:
      return PolicyTarget::kQuorumQueues;
    case v1::POLICY_TARGET_EXCHANGES:
      return PolicyTarget::kExchanges;
    default:
      return rpc::malformed("apply_to is not one that this server knows");
  }
}

v1::PolicyTarget to_proto(PolicyTarget target) {
  switch (target) {
    case PolicyTarget::kAll:
      return v1::POLICY_TARGET_ALL;
    case PolicyTarget::kQueues:
      return v1::POLICY_TARGET_QUEUES;
    case PolicyTarget::kClassicQueues:
      return v1::POLICY_TARGET_CLASSIC_QUEUES;
    case PolicyTarget::kQuorumQueues:
      return v1::POLICY_TARGET_QUORUM_QUEUES;
    case PolicyTarget::kExchanges:
      return v1::POLICY_TARGET_EXCHANGES;
  }
  return v1::POLICY_TARGET_UNSPECIFIED;
}

/// What a page token of ListPolicies is good for.
std::string list_name(std::string_view vhost, bool operator_policies) {
  std::string name;
  ByteWriter(name).string(operator_policies ? "operator policies" : "policies").string(vhost);
  return name;
}

}  // namespace

Result<engine::CommandBody> to_set_policy(v1::SetPolicyRequest& request, const rpc::Caller&) {
  if (!request.has_policy()) return rpc::malformed("the policy is missing");
  v1::Policy& in = *request.mutable_policy();
  const Result<PolicyTarget> target = to_model(in.apply_to());
  if (!target) return target.error();
  Result<FieldTable> definition = rpc::to_model(in.definition(), rpc::kMaxArgumentsBytes);
  if (!definition) return std::move(definition).error();
  return engine::CommandBody(engine::SetPolicy{{.vhost = vhost_or_default(std::move(*in.mutable_vhost())),
                                                .name = std::move(*in.mutable_name()),
                                                .pattern = std::move(*in.mutable_pattern()),
                                                .priority = in.priority(),
                                                .apply_to = *target,
                                                .definition = *std::move(definition),
                                                .operator_policy = in.operator_policy()}});
}

Result<engine::CommandBody> to_delete_policy(v1::DeletePolicyRequest& request, const rpc::Caller&) {
  return engine::CommandBody(engine::DeletePolicy{vhost_or_default(std::move(*request.mutable_vhost())),
                                                  std::move(*request.mutable_name()), request.operator_policy()});
}

Result<engine::CommandBody> to_list_policies(v1::ListPoliciesRequest& request, const rpc::Caller&) {
  const Result<std::size_t> size = rpc::check_page_size(request.page_size());
  if (!size) return size.error();
  engine::ListPolicies list{
      vhost_or_default(std::move(*request.mutable_vhost())), request.operator_policies(), {}, *size};
  if (!request.page_token().empty()) {
    Result<std::string> after =
        rpc::decode_page_token(list_name(list.vhost, list.operator_policy), request.page_token());
    if (!after) return std::move(after).error();
    list.after = *std::move(after);
  }
  return engine::CommandBody(std::move(list));
}

v1::SetPolicyResponse to_set_policy_response(const engine::Done&) { return {}; }

v1::DeletePolicyResponse to_delete_policy_response(const engine::Done&) { return {}; }

v1::ListPoliciesResponse to_list_policies_response(const engine::PolicyList& list) {
  v1::ListPoliciesResponse out;
  for (const Policy& policy : list.policies) {
    v1::Policy& to = *out.add_policies();
    to.set_vhost(rpc::to_utf8(policy.vhost));
    to.set_name(rpc::to_utf8(policy.name));
    to.set_pattern(rpc::to_utf8(policy.pattern));
    to.set_priority(policy.priority);
    to.set_apply_to(to_proto(policy.apply_to));
    rpc::to_proto(policy.definition, *to.mutable_definition());
    to.set_operator_policy(policy.operator_policy);
  }
  if (list.more && !list.policies.empty()) {
    const Policy& last = list.policies.back();
    out.set_next_page_token(rpc::encode_page_token(list_name(last.vhost, last.operator_policy), last.name));
  }
  return out;
}

}  // namespace escrow::broker::api
