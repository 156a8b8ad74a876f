// Transactions and their requests: plain structs ↔ protobuf.
#pragma once

#include <string>
#include <vector>

#include "client/cpp/transaction.h"
#include "escrow/v1/coordinator.pb.h"

namespace escrow::client::internal {

void fill_prepare(const std::string& group, const std::string& transaction_id, std::vector<Message>&& messages,
                  const PrepareOptions& options, v1::PrepareRequest& out);
/// For CommitRequest and RollbackRequest, which have the same fields.
void fill_decision(const std::string& group, const DecisionRequest& request, v1::CommitRequest& out);
void fill_decision(const std::string& group, const DecisionRequest& request, v1::RollbackRequest& out);

Prepared from_proto(const v1::PrepareResponse& response);
Transaction from_proto(const v1::Transaction& transaction);
v1::TransactionState to_proto(TransactionState state);

/// What the server takes: at most 1,024 bytes, not cut within a character, and UTF-8 although what() of an
/// exception may be in another encoding; protobuf would refuse the whole request.
std::string audit_reason(std::string reason);

}  // namespace escrow::client::internal
