// The scheduler's requests as commands, its replies as responses.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/command.h"
#include "escrow/v1/scheduler.pb.h"
#include "rpc/message_codec.h"

namespace escrow::coordinator::api {

// As for transactions (transaction_codec.h): what the rules of schedules are about is left to the engine.
Result<engine::CommandBody> to_schedule(v1::ScheduleRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_cancel(v1::CancelScheduleRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_reschedule(v1::RescheduleRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_get_schedule(v1::GetScheduleRequest& request, const rpc::Caller& caller);
/// Moves from its arguments. An empty vhost is the default one.
Result<ScheduleKey> to_schedule_key(std::string& vhost, std::string key);

v1::ScheduledMessage to_scheduled_message(const engine::ScheduleView& view);

/// kNone: unspecified. MALFORMED when this server does not know it.
Result<State> to_model(v1::ScheduleState state);

}  // namespace escrow::coordinator::api
