#include "client/cpp/schedules.h"

#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {
namespace {

using internal::Repeat;

ScheduleState from_proto(v1::ScheduleState state) {
  switch (state) {
    case v1::SCHEDULE_STATE_DELIVERED:
      return ScheduleState::kDelivered;
    case v1::SCHEDULE_STATE_CANCELLED:
      return ScheduleState::kCancelled;
    case v1::SCHEDULE_STATE_HELD:
      return ScheduleState::kHeld;
    default:
      return ScheduleState::kScheduled;
  }
}

ScheduledMessage from_proto(v1::ScheduledMessage&& in) {
  ScheduledMessage out;
  out.vhost = in.vhost();
  out.key = in.key();
  out.state = from_proto(in.state());
  if (in.has_due_time()) out.due_time = internal::from_proto(in.due_time());
  out.create_time = internal::from_proto(in.create_time());
  out.created_by = in.created_by();
  if (in.has_end_time()) out.end_time = internal::from_proto(in.end_time());
  out.ended_by = in.ended_by();
  out.reason = in.reason();
  if (in.has_message()) out.message = internal::from_proto(std::move(*in.mutable_message()));
  out.body_bytes = in.body_bytes();
  return out;
}

template <class Request>
void set_when(const When& when, Request& request) {
  if (const auto* due = std::get_if<Timestamp>(&when)) return internal::to_proto(*due, *request.mutable_due_time());
  internal::to_proto(std::get<std::chrono::milliseconds>(when), *request.mutable_delay());
}

/// All methods but List: each answers with the schedule, and may be repeated.
template <class Request>
Result<ScheduledMessage> call(internal::Connection& connection, const Request& request,
                              grpc::Status (v1::Scheduler::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                          v1::ScheduledMessage*)) {
  v1::ScheduledMessage response;
  const auto called = connection.call(Repeat::kTransient, [&](grpc::ClientContext& context) {
    return (connection.scheduler().*method)(&context, request, &response);
  });
  if (!called) return called.error();
  return from_proto(std::move(response));
}

}  // namespace

Schedules::Schedules(const Client& client) : connection_(client.connection()) {}

Result<ScheduledMessage> Schedules::schedule(const std::string& key, Message message, const When& when) const {
  v1::ScheduleRequest request;
  request.set_key(key);
  internal::to_proto(std::move(message), *request.mutable_message());
  set_when(when, request);
  return call(*connection_, request, &v1::Scheduler::Stub::Schedule);
}

Result<ScheduledMessage> Schedules::cancel(const std::string& key, const std::string& reason,
                                           const std::string& vhost) const {
  v1::CancelScheduleRequest request;
  request.set_vhost(vhost);
  request.set_key(key);
  request.set_reason(internal::audit_reason(reason));
  return call(*connection_, request, &v1::Scheduler::Stub::Cancel);
}

Result<ScheduledMessage> Schedules::reschedule(const std::string& key, const When& when,
                                               const std::string& vhost) const {
  v1::RescheduleRequest request;
  request.set_vhost(vhost);
  request.set_key(key);
  set_when(when, request);
  return call(*connection_, request, &v1::Scheduler::Stub::Reschedule);
}

Result<ScheduledMessage> Schedules::get(const std::string& key, const std::string& vhost) const {
  v1::GetScheduleRequest request;
  request.set_vhost(vhost);
  request.set_key(key);
  return call(*connection_, request, &v1::Scheduler::Stub::Get);
}

Result<SchedulePage> Schedules::list(std::optional<ScheduleState> state, const std::string& vhost,
                                     std::uint32_t page_size, const std::string& page_token) const {
  v1::ListSchedulesRequest request;
  request.set_vhost(vhost);
  request.set_page_size(static_cast<std::int32_t>(page_size));
  request.set_page_token(page_token);
  if (state) request.set_state(static_cast<v1::ScheduleState>(*state));
  v1::ListSchedulesResponse response;
  const auto called = connection_->call(Repeat::kTransient, [&](grpc::ClientContext& context) {
    return connection_->scheduler().List(&context, request, &response);
  });
  if (!called) return called.error();
  SchedulePage page;
  for (v1::ScheduledMessage& schedule : *response.mutable_schedules()) {
    page.schedules.push_back(from_proto(std::move(schedule)));
  }
  page.next_page_token = response.next_page_token();
  return page;
}

}  // namespace escrow::client
