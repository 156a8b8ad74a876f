// A schedule: a message that is sent at its time, unless somebody cancels it by its key first.
//
//   HELD ──commit──▶ SCHEDULED ──due──▶ DELIVERED       the first end counts; Cancel after it says which one it was, and when
//    │ │                │  ▲ Reschedule
//    │ └─ Cancel ───────┴─ Cancel ────▶ CANCELLED
//    └─ rollback ▶ (forgotten)
//
// HELD is the key of a message of a transaction that is not decided: nobody else can take it, and Cancel counts for the commit
// to come. A schedule by itself begins as SCHEDULED.
//
// It is a transaction that its time commits: stored, read, listed and remembered like one, in a group that is reserved for its
// virtual host, with its key as the id. DELIVERED is State::kCommitted, CANCELLED is State::kRolledBack. As an id of a
// transaction, a key is used once as long as it is remembered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coordinator/core/rules.h"
#include "coordinator/core/transaction.h"
#include "coordinator/core/when.h"

namespace escrow::coordinator {

struct ScheduleKey {
  std::string vhost;
  std::string key;  ///< the caller's; 1 to kMaxKeyBytes bytes

  /// Where it is stored.
  Key place() const;
  /// Of a place that is one of a schedule.
  static ScheduleKey of(const Key& place);
};

/// Of the groups of schedules.
inline constexpr std::string_view kScheduleGroupPrefix = "escrow.schedules/";
bool is_schedule(std::string_view group);

struct Schedule {
  std::string key;  ///< in the message's virtual host
  Message message;
  When when;
  std::string actor;
};

struct Reschedule {
  ScheduleKey key;
  When when;
  std::string actor;
};

struct CancelSchedule {
  ScheduleKey key;
  std::string reason;
  std::string actor;
};

/// The commands' own limits and form, before anything is looked up.
Result<void> check(const ScheduleKey& key);
Result<void> check(const Schedule& command, std::size_t max_bytes = kMaxTransactionBytes);
Result<void> check(const Reschedule& command);
Result<void> check(const CancelSchedule& command);

// `schedule` is what is known under the key; empty when nothing is. One that is new or moved takes `epoch`, which tells its
// timer from older ones.
//
//   ALREADY_EXISTS       SCHEDULE_DIFFERS    the key is taken by another message, or for another time; metadata: state
//   NOT_FOUND            SCHEDULE_UNKNOWN    nothing is known under the key
//   FAILED_PRECONDITION  ALREADY_DELIVERED   metadata: delivered_at, µs since the epoch
//                        ALREADY_CANCELLED   of Reschedule; metadata: cancelled_at, cancelled_by
//                        NOT_COMMITTED       of Reschedule: it is held by a transaction that is not decided
Result<Change> apply(std::optional<Transaction>& schedule, Schedule command, Timestamp now, Epoch epoch);
Result<Change> apply(std::optional<Transaction>& schedule, const Reschedule& command, Timestamp now, Epoch epoch);
Result<Change> apply(std::optional<Transaction>& schedule, const CancelSchedule& command, Timestamp now);
/// A timer of this epoch has fired. kNone: it was cancelled, or moved.
Change apply_due(std::optional<Transaction>& schedule, Epoch epoch, Timestamp now);

Error schedule_unknown(const ScheduleKey& key);

/// For who looks at it: bodies are told by their size, in BodyRef::size.
void hide_bodies(Transaction& schedule);

// Schedules of a transaction.

/// Where the message of the transaction, the `index`th, is kept from the commit on: under its key, or under one that names
/// the transaction. nullopt: it is sent at once.
std::optional<ScheduleKey> schedule_of(const TransactionMessage& message, Epoch epoch, std::size_t index);
/// SCHEDULE_DIFFERS if somebody has the key.
Result<void> check_free(const std::optional<Transaction>& schedule);
/// For the transaction of this epoch. To be called when check_free() has nothing against it.
void hold(std::optional<Transaction>& schedule, const ScheduleKey& key, Epoch transaction, std::string actor,
          Timestamp now);
/// The transaction is committed; with `epoch` the schedule begins. False: it was cancelled.
bool begin_held(std::optional<Transaction>& schedule, Epoch transaction, TransactionMessage message, Timestamp now,
                Epoch epoch);
/// The transaction is rolled back: nothing is known of the schedule any more. False: it was cancelled.
bool release_held(std::optional<Transaction>& schedule, Epoch transaction);

}  // namespace escrow::coordinator
