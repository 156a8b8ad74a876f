// Requests about policies as commands, replies as responses.
#pragma once

#include "base/result.h"
#include "engine/command.h"
#include "escrow/v1/policies.pb.h"
#include "rpc/message_codec.h"

namespace escrow::broker::api {

// Each can reject with MALFORMED or LIMIT_EXCEEDED; what a policy may say is the broker's business.
Result<engine::CommandBody> to_set_policy(v1::SetPolicyRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_delete_policy(v1::DeletePolicyRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_list_policies(v1::ListPoliciesRequest& request, const rpc::Caller& caller);

v1::SetPolicyResponse to_set_policy_response(const engine::Done& done);
v1::DeletePolicyResponse to_delete_policy_response(const engine::Done& done);
v1::ListPoliciesResponse to_list_policies_response(const engine::PolicyList& list);

}  // namespace escrow::broker::api
