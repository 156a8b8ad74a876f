#include "client/cpp/internal/transaction_codec.h"

#include <string_view>
#include <utility>

#include "client/cpp/internal/message_codec.h"

namespace escrow::client::internal {
namespace {

constexpr std::size_t kMaxReasonBytes = 1024;

TransactionState from_proto(v1::TransactionState state) {
  switch (state) {
    case v1::TRANSACTION_STATE_COMMITTED:
      return TransactionState::kCommitted;
    case v1::TRANSACTION_STATE_ROLLED_BACK:
      return TransactionState::kRolledBack;
    case v1::TRANSACTION_STATE_IN_DOUBT:
      return TransactionState::kInDoubt;
    default:
      return TransactionState::kPrepared;
  }
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Close enough: overlong forms and surrogates pass, what other encodings produce does not.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int continuations = lead < 0x80   ? 0
                              : lead < 0xC2 ? -1
                              : lead < 0xE0 ? 1
                              : lead < 0xF0 ? 2
                              : lead < 0xF5 ? 3
                                            : -1;
    if (continuations < 0) return false;
    for (int k = 0; k < continuations; ++k) {
      if (i == text.size() || !is_continuation(text[i++])) return false;
    }
  }
  return true;
}

template <class Request>
void fill(const std::string& group, const DecisionRequest& request, Request& out) {
  out.set_group(group);
  out.set_transaction_id(request.transaction_id);
  out.set_epoch(request.epoch);
  if (!request.reason.empty()) out.set_reason(audit_reason(request.reason));
}

}  // namespace

void fill_prepare(const std::string& group, const std::string& transaction_id, std::vector<Message>&& messages,
                  const PrepareOptions& options, v1::PrepareRequest& out) {
  out.set_group(group);
  out.set_transaction_id(transaction_id);
  out.mutable_messages()->Reserve(static_cast<int>(messages.size()));
  for (Message& message : messages) to_proto(std::move(message), *out.add_messages()->mutable_message());
  if (options.first_check_delay) to_proto(*options.first_check_delay, *out.mutable_first_check_delay());
}

void fill_decision(const std::string& group, const DecisionRequest& request, v1::CommitRequest& out) {
  fill(group, request, out);
}
void fill_decision(const std::string& group, const DecisionRequest& request, v1::RollbackRequest& out) {
  fill(group, request, out);
}

Prepared from_proto(const v1::PrepareResponse& response) {
  return {.epoch = response.epoch(), .state = from_proto(response.state())};
}

Transaction from_proto(const v1::Transaction& transaction) {
  Transaction out;
  out.group = transaction.group();
  out.transaction_id = transaction.transaction_id();
  out.epoch = transaction.epoch();
  out.state = from_proto(transaction.state());
  out.message_count = transaction.message_count();
  out.prepare_time = from_proto(transaction.prepare_time());
  out.prepared_by = transaction.prepared_by();
  if (transaction.has_decide_time()) out.decide_time = from_proto(transaction.decide_time());
  out.decided_by = transaction.decided_by();
  out.reason = transaction.reason();
  out.check_attempts = transaction.check_attempts();
  if (transaction.has_next_check_time()) out.next_check_time = from_proto(transaction.next_check_time());
  out.waiting_for_producer = transaction.waiting_for_producer();
  return out;
}

v1::TransactionState to_proto(TransactionState state) {
  switch (state) {
    case TransactionState::kPrepared:
      return v1::TRANSACTION_STATE_PREPARED;
    case TransactionState::kCommitted:
      return v1::TRANSACTION_STATE_COMMITTED;
    case TransactionState::kRolledBack:
      return v1::TRANSACTION_STATE_ROLLED_BACK;
    case TransactionState::kInDoubt:
      return v1::TRANSACTION_STATE_IN_DOUBT;
  }
  return v1::TRANSACTION_STATE_UNSPECIFIED;
}

std::string audit_reason(std::string reason) {
  if (!is_utf8(reason)) {
    for (char& c : reason) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
  }
  if (reason.size() <= kMaxReasonBytes) return reason;
  std::size_t end = kMaxReasonBytes;
  while (end > 0 && is_continuation(reason[end])) --end;
  reason.resize(end);
  return reason;
}

}  // namespace escrow::client::internal
