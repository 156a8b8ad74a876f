// The rules of a transaction (ARCHITECTURE.md, "The way of one transaction"): pure functions of one transaction, a command and the
// time. No containers, no scans: the same rules run on any store.
//
//   PREPARED ──Commit──▶ COMMITTED          the first decision wins; repeating it gives the same answer,
//      │  ────Rollback─▶ ROLLED_BACK        the opposite one FAILED_PRECONDITION
//      └─ checks used up ▶ IN_DOUBT ──operator or late decision──▶ COMMITTED | ROLLED_BACK
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/core/check_policy.h"
#include "coordinator/core/transaction.h"

namespace escrow::coordinator {

// Limits, with their values.
inline constexpr std::size_t kMaxKeyBytes = 255;
/// Of groups and of keys of schedules that are the server's own.
inline constexpr std::string_view kReservedPrefix = "escrow.";
/// MALFORMED when it is one of these.
Result<void> check_not_reserved(std::string_view what, std::string_view name);
inline constexpr std::size_t kMaxMessages = 256;
inline constexpr std::size_t kMaxReasonBytes = 1024;
/// Of all messages of a transaction, bodies included, by default: a server that takes larger messages takes larger
/// transactions, too.
inline constexpr std::size_t kMaxTransactionBytes = 16 << 20;
inline constexpr Duration kMaxFirstCheckDelay = std::chrono::hours(24 * 7);

struct Prepare {
  Key key;
  std::vector<TransactionMessage> messages;
  std::optional<Duration> first_check_delay;
  std::string actor;
};

struct Decide {
  Key key;
  bool commit = false;
  Epoch epoch = 0;  ///< 0: whatever is current
  std::string reason;
  std::string actor;
};

/// What a command did to its transaction.
enum class Change : std::uint8_t { kNone, kPrepared, kDecided, kChecked, kInDoubt, kMoved };

/// The command's own limits and form, before anything is looked up.
Result<void> check(const Prepare& command, std::size_t max_bytes = kMaxTransactionBytes);
Result<void> check(const Decide& command);

/// `transaction` is what is known under the id; empty when nothing is. A new one takes `epoch`.
Result<Change> apply(std::optional<Transaction>& transaction, Prepare command, Timestamp now, Epoch epoch,
                     const CheckPolicy& policy);
Result<Change> apply(std::optional<Transaction>& transaction, const Decide& command, Timestamp now);

/// A check counted and left the question open. The next one is due after the policy's interval, or the transaction is
/// in doubt.
Change apply_check_unknown(Transaction& transaction, Timestamp now, const CheckPolicy& policy, Random& random);

}  // namespace escrow::coordinator
