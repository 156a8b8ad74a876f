// What a transaction is to a client: its state, its answers, its record.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/cpp/message.h"

namespace escrow::client {

enum class TransactionState : std::uint8_t {
  kPrepared = 1,
  kCommitted = 2,
  kRolledBack = 3,
  /// Checks are used up: it stays as it is until an operator or a late decision ends it.
  kInDoubt = 4,
};

struct PrepareOptions {
  /// How long the server waits for the decision before it asks the first time. Unset: as the server is
  /// configured.
  /// Let it be longer than a local transaction usually takes.
  std::optional<std::chrono::milliseconds> first_check_delay = std::nullopt;
};

struct Prepared {
  /// Goes with the decision, so that a late one cannot hit a newer transaction of the same id. Never 0.
  std::uint64_t epoch = 0;
  /// kPrepared, or what became of the transaction when this was a repetition.
  TransactionState state = TransactionState::kPrepared;
};

/// One decision to be taken: which transaction, and why.
struct DecisionRequest {
  std::string transaction_id = {};
  /// From Prepared. 0: whatever epoch is current.
  std::uint64_t epoch = 0;
  /// Kept in the audit ledger, cut at 1,024 bytes. The server asks for one when it ends an in-doubt
  /// transaction.
  std::string reason = {};
};

struct Transaction {
  std::string group;
  std::string transaction_id;
  std::uint64_t epoch = 0;
  TransactionState state = TransactionState::kPrepared;
  std::uint32_t message_count = 0;
  Timestamp prepare_time;
  std::string prepared_by;
  std::optional<Timestamp> decide_time;
  /// The authenticated name of who decided, or of the producer whose answer to a check decided.
  std::string decided_by;
  std::string reason;
  /// Checks that the producer side acknowledged.
  std::uint32_t check_attempts = 0;
  std::optional<Timestamp> next_check_time;
  /// A check is due and no producer of the group is connected.
  bool waiting_for_producer = false;
};

struct TransactionFilter {
  /// Empty: all groups.
  std::string group = {};
  /// Unset: all states.
  std::optional<TransactionState> state = std::nullopt;
  /// Prepared at least this long ago.
  std::chrono::milliseconds min_age{0};
};

struct TransactionPage {
  std::vector<Transaction> transactions;
  /// Empty: this was the last page. A short page need not be the last.
  std::string next_page_token;
};

}  // namespace escrow::client
