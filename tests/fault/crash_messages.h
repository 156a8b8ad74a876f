// What clients know about every message: whether it may, must or must not be in its queues, who has it, what
// was acked.
//
//             allow            due (answered, or seen)
//   FORBIDDEN ─────▶ POSSIBLE ─────────────────────────▶ DUE       in each of its queues:
//       ▲               │ forbid (refused, rolled back)            waiting ─▶ held by a stream ─▶ ack sent ─▶
//       ack applied ─▶ └───────────────┘                                             ▲────── redelivered
//       ──────────┘ durable: gone for ever
//
// An ack has no answer. It was applied when the server granted the credit that it frees; it is durable when a
// durable operation that was begun after that was answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/fault/crash_findings.h"
#include "tests/fault/crash_topology.h"

namespace escrow::crash {

using StreamId = std::uint32_t;  ///< counts up over all lives of the server; 0 is none
/// Whose messages keep their order; 0: nobody's. The uids of one publisher grow in the order in which they
/// are sent.
using PublisherId = std::uint32_t;
using TransactionIndex = std::uint32_t;
inline constexpr TransactionIndex kNoTransaction = ~0u;
using Instant = std::chrono::steady_clock::time_point;

/// Thread-safe.
class MessageLedger {
 public:
  explicit MessageLedger(Findings& findings) : findings_(findings) {}

  StreamId new_stream();
  PublisherId new_publisher();
  /// FORBIDDEN until told otherwise. `kind` is a constant.
  Uid add(std::uint8_t route, const char* kind, PublisherId publisher, TransactionIndex transaction = kNoTransaction);

  void allow(Uid uid);
  void due(Uid uid);
  void forbid(Uid uid);

  /// Returns the transaction that is known to be committed by this, if it came from one.
  TransactionIndex delivered(Queue queue, StreamId stream, Uid uid, bool redelivered);
  /// An ack or reject (`gone`) or a requeue is on its way.
  void settling(Queue queue, Uid uid, bool gone);
  void applied(Queue queue, const std::vector<Uid>& gone);
  /// Something durable was answered that was begun at `sent`.
  void durable_answer(Instant sent);
  /// The server says that every queue is empty and nothing is held: so every ack was applied.
  void all_applied();
  void stream_ended(StreamId stream);

  void begin_life();
  /// In an orderly end everything applied becomes durable.
  void end_life(bool orderly);

  /// How many messages the queue can hold when nobody consumes it.
  struct Bounds {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
  };
  Bounds bounds(Queue queue);
  /// Messages that must still be delivered (again).
  std::vector<Uid> outstanding(Queue queue);
  std::string describe(Uid uid) const;

  struct Counts {
    std::uint64_t messages = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t redeliveries = 0;
    std::uint64_t durable_acks = 0;
  };
  Counts counts() const;

 private:
  enum class Visibility : std::uint8_t { kForbidden, kPossible, kDue };
  struct State {
    StreamId holder = 0;
    bool delivered = false;
    bool gone_sent = false;
    bool gone = false;  // durably
  };
  struct Record {
    const char* kind;
    PublisherId publisher;
    TransactionIndex transaction;
    std::uint16_t round;
    std::uint8_t route;
    QueueSet queues;
    Visibility visibility = Visibility::kForbidden;
    std::array<State, kQueues> states;
  };
  struct AppliedAck {
    Instant at;
    Queue queue;
    Uid uid;
  };

  // With the mutex held.
  static bool finished(const Record& record);
  void check_delivery(Queue queue, StreamId stream, Uid uid, bool redelivered);
  void check_order(StreamId stream, Uid uid);
  std::string text(Uid uid) const;
  template <class Visit>
  void visit_active(Queue queue, Visit&& visit);

  Findings& findings_;
  mutable std::mutex mutex_;
  std::vector<Record> records_;  // by uid
  std::vector<Uid> active_;      // those not known to be gone everywhere; cleared of others now and then
  std::deque<AppliedAck> applied_;
  std::unordered_set<StreamId> ended_;                  // in this life
  std::unordered_map<PublisherId, Uid> last_in_order_;  // in this life
  StreamId next_stream_ = 1;
  StreamId first_stream_of_life_ = 1;
  PublisherId next_publisher_ = 1;
  Counts counts_;
};

}  // namespace escrow::crash
