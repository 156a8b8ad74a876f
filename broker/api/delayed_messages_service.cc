#include "broker/api/delayed_messages_service.h"

#include "broker/api/delayed_messages_codec.h"
#include "rpc/unary_method.h"

namespace escrow::broker::api {
namespace {

constexpr rpc::UnaryMethod kList = rpc::kUnaryMethod<to_list_waiting, to_list_response>;
constexpr rpc::UnaryMethod kCancel = rpc::kUnaryMethod<to_cancel_waiting, to_cancel_response>;
constexpr rpc::UnaryMethod kPurge = rpc::kUnaryMethod<to_purge_waiting, to_purge_response>;

}  // namespace

DelayedMessagesService::DelayedMessagesService(const ServiceParts& parts)
    : unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {
  unary_endpoints_ = {unary_.endpoint([this](auto*... call) { service_.RequestList(call...); }, kList),
                      unary_.endpoint([this](auto*... call) { service_.RequestCancel(call...); }, kCancel),
                      unary_.endpoint([this](auto*... call) { service_.RequestPurge(call...); }, kPurge)};
}

}  // namespace escrow::broker::api
