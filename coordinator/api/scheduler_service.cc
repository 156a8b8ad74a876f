#include "coordinator/api/scheduler_service.h"

#include "coordinator/api/schedule_codec.h"
#include "coordinator/api/transaction_page.h"
#include "rpc/unary_method.h"

namespace escrow::coordinator::api {
namespace {

constexpr rpc::UnaryMethod kSchedule = rpc::kUnaryMethod<to_schedule, to_scheduled_message>;
constexpr rpc::UnaryMethod kCancel = rpc::kUnaryMethod<to_cancel, to_scheduled_message>;
constexpr rpc::UnaryMethod kReschedule = rpc::kUnaryMethod<to_reschedule, to_scheduled_message>;
constexpr rpc::UnaryMethod kGet = rpc::kUnaryMethod<to_get_schedule, to_scheduled_message>;

}  // namespace

SchedulerService::SchedulerService(const ServiceParts& parts)
    : unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {
  unary_endpoints_ = {unary_.endpoint([this](auto*... call) { service_.RequestSchedule(call...); }, kSchedule),
                      unary_.endpoint([this](auto*... call) { service_.RequestCancel(call...); }, kCancel),
                      unary_.endpoint([this](auto*... call) { service_.RequestReschedule(call...); }, kReschedule),
                      unary_.endpoint([this](auto*... call) { service_.RequestGet(call...); }, kGet),
                      parts.lists.endpoint([this](auto*... call) { service_.RequestList(call...); },
                                           [&store = parts.store](const grpc::ByteBuffer& request) {
                                             return list_schedules(store, request);
                                           })};
}

}  // namespace escrow::coordinator::api
