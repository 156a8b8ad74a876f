// The requests of escrow.v1.DeadLetters as commands, its replies as responses.
#pragma once

#include "base/result.h"
#include "engine/command.h"
#include "escrow/v1/dead_letters.pb.h"
#include "rpc/message_codec.h"

namespace escrow::broker::api {

/// Of one request.
inline constexpr std::size_t kMaxDeadLetterIds = 1000;
inline constexpr std::size_t kMaxReasonBytes = 1024;

// Each can reject with MALFORMED or LIMIT_EXCEEDED.
Result<engine::CommandBody> to_list_dead_letters(v1::ListDeadLettersRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_get_dead_letter(v1::GetDeadLetterRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_redrive_dead_letters(v1::RedriveDeadLettersRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_discard_dead_letters(v1::DiscardDeadLettersRequest& request, const rpc::Caller& caller);

v1::ListDeadLettersResponse to_list_dead_letters_response(const engine::DeadLetterList& list);
v1::DeadLetter to_dead_letter(const engine::DeadLetterShown& shown);
v1::RedriveDeadLettersResponse to_redrive_dead_letters_response(const engine::DeadLetterCounts& counts);
v1::DiscardDeadLettersResponse to_discard_dead_letters_response(const engine::DeadLetterCounts& counts);

}  // namespace escrow::broker::api
