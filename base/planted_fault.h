// Faults planted on purpose. A test that has never failed proves nothing: the simulation is built once per fault,
// and each build must be caught. In every other build the constants are false and their branches disappear.
#pragma once

#include <string_view>

#ifndef ESCROW_PLANTED_FAULT
#define ESCROW_PLANTED_FAULT none
#endif
#define ESCROW_FAULT_NAME_(name) #name
#define ESCROW_FAULT_NAME(name) ESCROW_FAULT_NAME_(name)

namespace escrow::planted_fault {

inline constexpr std::string_view kName = ESCROW_FAULT_NAME(ESCROW_PLANTED_FAULT);

/// The store reports a sync that it did not do.
inline constexpr bool kSkipFsync = kName == "skip_fsync";
/// Effects leave before their batch is durable.
inline constexpr bool kAnswerBeforeSync = kName == "answer_before_sync";
/// A committed message enters a queue twice.
inline constexpr bool kDoubleEnqueue = kName == "double_enqueue";
/// A decision is written without its audit record.
inline constexpr bool kDecisionWithoutAudit = kName == "decision_without_audit";
/// A decision is taken whatever epoch it carries.
inline constexpr bool kEpochIgnored = kName == "epoch_ignored";
/// What a lost consumer had unacknowledged does not come back.
inline constexpr bool kLostRequeue = kName == "lost_requeue";
/// A message whose own time is over waits until it comes to the head of its queue.
inline constexpr bool kExpiryAtHead = kName == "expiry_at_head";
/// A dead letter that no queue takes is lost.
inline constexpr bool kLostDeadLetter = kName == "lost_dead_letter";
/// What a delayed exchange has released stays on disk.
inline constexpr bool kReleaseNotErased = kName == "release_not_erased";

}  // namespace escrow::planted_fault
