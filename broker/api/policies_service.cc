#include "broker/api/policies_service.h"

#include "broker/api/policies_codec.h"
#include "rpc/unary_method.h"

namespace escrow::broker::api {
namespace {

constexpr rpc::UnaryMethod kSetPolicy = rpc::kUnaryMethod<to_set_policy, to_set_policy_response>;
constexpr rpc::UnaryMethod kDeletePolicy = rpc::kUnaryMethod<to_delete_policy, to_delete_policy_response>;
constexpr rpc::UnaryMethod kListPolicies = rpc::kUnaryMethod<to_list_policies, to_list_policies_response>;

}  // namespace

PoliciesService::PoliciesService(const ServiceParts& parts)
    : unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {
  unary_endpoints_ = {unary_.endpoint([this](auto*... call) { service_.RequestSetPolicy(call...); }, kSetPolicy),
                      unary_.endpoint([this](auto*... call) { service_.RequestDeletePolicy(call...); }, kDeletePolicy),
                      unary_.endpoint([this](auto*... call) { service_.RequestListPolicies(call...); }, kListPolicies)};
}

}  // namespace escrow::broker::api
