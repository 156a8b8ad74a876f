#include "coordinator/api/schedule_codec.h"

#include <utility>

#include "broker/core/names.h"
#include "coordinator/api/when_codec.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"
#include "rpc/utf8.h"

namespace escrow::coordinator::api {
namespace {

v1::ScheduleState to_proto(State state) {
  switch (state) {
    case State::kCommitted:
      return v1::SCHEDULE_STATE_DELIVERED;
    case State::kRolledBack:
      return v1::SCHEDULE_STATE_CANCELLED;
    case State::kHeld:
      return v1::SCHEDULE_STATE_HELD;
    default:
      return v1::SCHEDULE_STATE_SCHEDULED;
  }
}

}  // namespace

Result<ScheduleKey> to_schedule_key(std::string& vhost, std::string key) {
  if (vhost.size() > broker::kMaxNameBytes) return rpc::limit_exceeded("vhost_bytes", broker::kMaxNameBytes);
  return ScheduleKey{vhost.empty() ? std::string(broker::kDefaultVhost) : std::move(vhost), std::move(key)};
}

Result<engine::CommandBody> to_schedule(v1::ScheduleRequest& request, const rpc::Caller& caller) {
  if (!request.has_message()) return rpc::malformed("the message is missing");
  Result<Message> message = rpc::to_model(*request.mutable_message(), caller);
  if (!message) return std::move(message).error();
  const Result<When> when = to_when(request);
  if (!when) return when.error();
  return engine::CommandBody(Schedule{std::move(*request.mutable_key()), *std::move(message), *when, {}});
}

Result<engine::CommandBody> to_cancel(v1::CancelScheduleRequest& request, const rpc::Caller&) {
  Result<ScheduleKey> key = to_schedule_key(*request.mutable_vhost(), std::move(*request.mutable_key()));
  if (!key) return std::move(key).error();
  return engine::CommandBody(CancelSchedule{*std::move(key), std::move(*request.mutable_reason()), {}});
}

Result<engine::CommandBody> to_reschedule(v1::RescheduleRequest& request, const rpc::Caller&) {
  Result<ScheduleKey> key = to_schedule_key(*request.mutable_vhost(), std::move(*request.mutable_key()));
  if (!key) return std::move(key).error();
  const Result<When> when = to_when(request);
  if (!when) return when.error();
  return engine::CommandBody(Reschedule{*std::move(key), *when, {}});
}

Result<engine::CommandBody> to_get_schedule(v1::GetScheduleRequest& request, const rpc::Caller&) {
  Result<ScheduleKey> key = to_schedule_key(*request.mutable_vhost(), std::move(*request.mutable_key()));
  if (!key) return std::move(key).error();
  return engine::CommandBody(engine::GetSchedule{*std::move(key)});
}

v1::ScheduledMessage to_scheduled_message(const engine::ScheduleView& view) {
  const Transaction& s = view.schedule;
  ScheduleKey key = ScheduleKey::of(s.key);
  v1::ScheduledMessage out;
  out.set_vhost(rpc::to_utf8(key.vhost));
  out.set_key(rpc::to_utf8(key.key));
  out.set_state(to_proto(s.state));
  rpc::to_proto(s.prepared_at, *out.mutable_create_time());
  out.set_created_by(s.prepared_by);
  if (!is_open(s.state)) {
    rpc::to_proto(s.decided_at, *out.mutable_end_time());
    out.set_ended_by(s.decided_by);
    out.set_reason(rpc::to_utf8(s.reason));
    return out;
  }
  if (s.state == State::kScheduled) rpc::to_proto(s.check.next_due, *out.mutable_due_time());
  for (const TransactionMessage& m : s.messages) {
    out.set_body_bytes(m.message.apart.size);
    rpc::to_proto(m.message.view(), m.message.vhost, *out.mutable_message());
  }
  return out;
}

Result<State> to_model(v1::ScheduleState state) {
  switch (state) {
    case v1::SCHEDULE_STATE_UNSPECIFIED:
      return State::kNone;
    case v1::SCHEDULE_STATE_SCHEDULED:
      return State::kScheduled;
    case v1::SCHEDULE_STATE_DELIVERED:
      return State::kCommitted;
    case v1::SCHEDULE_STATE_CANCELLED:
      return State::kRolledBack;
    case v1::SCHEDULE_STATE_HELD:
      return State::kHeld;
    default:
      return rpc::malformed("state is not one that this server knows");
  }
}

}  // namespace escrow::coordinator::api
