#include "broker/api/dead_letters_service.h"

#include "broker/api/dead_letters_codec.h"
#include "rpc/unary_method.h"

namespace escrow::broker::api {
namespace {

constexpr rpc::UnaryMethod kList = rpc::kUnaryMethod<to_list_dead_letters, to_list_dead_letters_response>;
constexpr rpc::UnaryMethod kGet = rpc::kUnaryMethod<to_get_dead_letter, to_dead_letter>;
constexpr rpc::UnaryMethod kRedrive = rpc::kUnaryMethod<to_redrive_dead_letters, to_redrive_dead_letters_response>;
constexpr rpc::UnaryMethod kDiscard = rpc::kUnaryMethod<to_discard_dead_letters, to_discard_dead_letters_response>;

}  // namespace

DeadLettersService::DeadLettersService(const ServiceParts& parts)
    : unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {
  unary_endpoints_ = {
      unary_.endpoint([this](auto*... call) { service_.RequestListDeadLetters(call...); }, kList),
      unary_.endpoint([this](auto*... call) { service_.RequestGetDeadLetter(call...); }, kGet),
      unary_.endpoint([this](auto*... call) { service_.RequestRedriveDeadLetters(call...); }, kRedrive),
      unary_.endpoint([this](auto*... call) { service_.RequestDiscardDeadLetters(call...); }, kDiscard)};
}

}  // namespace escrow::broker::api
