#include "coordinator/api/transaction_codec.h"

#include <utility>

#include "broker/core/names.h"
#include "coordinator/api/when_codec.h"
#include "rpc/status.h"
#include "rpc/time_codec.h"
#include "rpc/utf8.h"

namespace escrow::coordinator::api {
namespace {

Result<TransactionMessage> to_model(v1::TransactionMessage& in, const rpc::Caller& caller) {
  TransactionMessage out;
  if (!in.has_message()) return rpc::malformed("a transaction's message is missing");
  Result<Message> message = rpc::to_model(*in.mutable_message(), caller);
  if (!message) return std::move(message).error();
  out.message = *std::move(message);
  const Result<When> when = to_when(in);
  if (!when) return when.error();
  out.delay = when->delay;
  out.due = when->due;
  out.schedule_key = std::move(*in.mutable_schedule_key());
  if (in.sink().size() > broker::kMaxNameBytes) return rpc::limit_exceeded("sink_bytes", broker::kMaxNameBytes);
  out.sink = std::move(*in.mutable_sink());
  if (in.has_compensation()) {
    Result<Message> compensation = rpc::to_model(*in.mutable_compensation()->mutable_message(), caller);
    if (!compensation) return std::move(compensation).error();
    out.compensation = *std::move(compensation);
  }
  return out;
}

Result<void> check_bytes(std::string_view limit, std::string_view text, std::size_t maximum) {
  if (text.size() > maximum) return rpc::limit_exceeded(limit, maximum);
  return {};
}

Result<void> check_key(std::string_view group, std::string_view id) {
  if (auto valid = check_bytes("group_bytes", group, kMaxKeyBytes); !valid) return valid;
  return check_bytes("transaction_id_bytes", id, kMaxKeyBytes);
}

/// CommitRequest and RollbackRequest have the same fields.
template <class Request>
Result<engine::CommandBody> decide(Request& request, bool commit) {
  if (auto valid = check_key(request.group(), request.transaction_id()); !valid) return std::move(valid).error();
  if (auto valid = check_bytes("reason_bytes", request.reason(), kMaxReasonBytes); !valid) {
    return std::move(valid).error();
  }
  return engine::CommandBody(Decide{{std::move(*request.mutable_group()), std::move(*request.mutable_transaction_id())},
                                    commit,
                                    request.epoch(),
                                    std::move(*request.mutable_reason()),
                                    {}});
}

engine::Verdict to_model(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_COMMIT:
      return engine::Verdict::kCommit;
    case v1::VERDICT_ROLLBACK:
      return engine::Verdict::kRollback;
    default:
      return engine::Verdict::kUnknown;
  }
}

}  // namespace

Result<engine::CommandBody> to_prepare(v1::PrepareRequest& request, const rpc::Caller& caller) {
  Prepare prepare;
  if (auto valid = check_key(request.group(), request.transaction_id()); !valid) return std::move(valid).error();
  // Before their conversion: the rules see what has been converted.
  if (static_cast<std::size_t>(request.messages_size()) > kMaxMessages) {
    return rpc::limit_exceeded("messages", kMaxMessages);
  }
  prepare.messages.reserve(static_cast<std::size_t>(request.messages_size()));
  for (v1::TransactionMessage& in : *request.mutable_messages()) {
    Result<TransactionMessage> message = to_model(in, caller);
    if (!message) return std::move(message).error();
    prepare.messages.push_back(*std::move(message));
  }
  if (request.has_first_check_delay()) {
    Result<Duration> delay = rpc::to_model(request.first_check_delay());
    if (!delay) return std::move(delay).error();
    prepare.first_check_delay = *delay;
  }
  prepare.key = {std::move(*request.mutable_group()), std::move(*request.mutable_transaction_id())};
  return engine::CommandBody(std::move(prepare));
}

Result<engine::CommandBody> to_commit(v1::CommitRequest& request, const rpc::Caller&) { return decide(request, true); }

Result<engine::CommandBody> to_rollback(v1::RollbackRequest& request, const rpc::Caller&) {
  return decide(request, false);
}

Result<engine::CommandBody> to_get_transaction(v1::GetTransactionRequest& request, const rpc::Caller&) {
  Key key{std::move(*request.mutable_group()), std::move(*request.mutable_transaction_id())};
  if (key.group.empty() || key.id.empty()) return rpc::malformed("group and transaction_id are needed");
  if (auto valid = check_key(key.group, key.id); !valid) return std::move(valid).error();
  if (auto valid = check_not_reserved("groups", key.group); !valid) return std::move(valid).error();
  return engine::CommandBody(engine::GetTransaction{std::move(key)});
}

engine::CheckAnswer to_check_answer(const v1::CheckbacksRequest::Answer& answer) {
  // What is malformed counts as unknown (rule 4), and leaves a trace of why.
  if (answer.reason().size() > kMaxReasonBytes) {
    return {answer.check_id(), engine::Verdict::kUnknown, "malformed answer: its reason is too long"};
  }
  return {answer.check_id(), to_model(answer.verdict()), answer.reason()};
}

v1::PrepareResponse to_prepare_response(const engine::Prepared& prepared) {
  v1::PrepareResponse out;
  out.set_epoch(prepared.epoch);
  out.set_state(to_proto(prepared.state));
  return out;
}

v1::CommitResponse to_commit_response(const engine::Decided& decided) {
  v1::CommitResponse out;
  rpc::to_proto(decided.decided_at, *out.mutable_decided_time());
  return out;
}

v1::RollbackResponse to_rollback_response(const engine::Decided& decided) {
  v1::RollbackResponse out;
  rpc::to_proto(decided.decided_at, *out.mutable_decided_time());
  return out;
}

v1::Transaction to_transaction(const engine::TransactionView& view) {
  const Transaction& t = view.transaction;
  v1::Transaction out;
  out.set_group(t.key.group);
  out.set_transaction_id(t.key.id);
  out.set_epoch(t.epoch);
  out.set_state(to_proto(t.state));
  out.set_message_count(t.message_count);
  rpc::to_proto(t.prepared_at, *out.mutable_prepare_time());
  out.set_prepared_by(t.prepared_by);
  if (!is_open(t.state)) {
    rpc::to_proto(t.decided_at, *out.mutable_decide_time());
    out.set_decided_by(t.decided_by);
    out.set_reason(rpc::to_utf8(t.reason));
  }
  out.set_check_attempts(t.check.attempts);
  if (t.state == State::kPrepared) rpc::to_proto(t.check.next_due, *out.mutable_next_check_time());
  out.set_waiting_for_producer(view.waiting_for_producer);
  return out;
}

v1::CheckbacksResponse to_check(const engine::Check& check) {
  v1::CheckbacksResponse out;
  v1::CheckbacksResponse::Check& question = *out.mutable_check();
  question.set_check_id(check.id);
  question.set_group(check.key.group);
  question.set_transaction_id(check.key.id);
  question.set_epoch(check.epoch);
  question.set_attempt(check.attempt);
  rpc::to_proto(check.prepared_at, *question.mutable_prepare_time());
  for (const Message& message : check.messages) {
    rpc::to_proto(message.view(), message.vhost, *question.add_messages());
  }
  return out;
}

v1::TransactionState to_proto(State state) {
  switch (state) {
    case State::kNone:
      break;
    case State::kPrepared:
      return v1::TRANSACTION_STATE_PREPARED;
    case State::kCommitted:
      return v1::TRANSACTION_STATE_COMMITTED;
    case State::kRolledBack:
      return v1::TRANSACTION_STATE_ROLLED_BACK;
    case State::kInDoubt:
      return v1::TRANSACTION_STATE_IN_DOUBT;
    case State::kScheduled:  // none of a transaction
    case State::kHeld:
      break;
  }
  return v1::TRANSACTION_STATE_UNSPECIFIED;
}

Result<State> to_model(v1::TransactionState state) {
  switch (state) {
    case v1::TRANSACTION_STATE_UNSPECIFIED:
      return State::kNone;
    case v1::TRANSACTION_STATE_PREPARED:
      return State::kPrepared;
    case v1::TRANSACTION_STATE_COMMITTED:
      return State::kCommitted;
    case v1::TRANSACTION_STATE_ROLLED_BACK:
      return State::kRolledBack;
    case v1::TRANSACTION_STATE_IN_DOUBT:
      return State::kInDoubt;
    default:
      return rpc::malformed("state is not one that this server knows");
  }
}

}  // namespace escrow::coordinator::api
