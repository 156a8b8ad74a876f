// What clients know about every transaction, and what the "local database" of the producers says about it.
//
// Each transaction has a verdict from the start: it stands for what the producer's own database would say.
// Clients and answers to checks never decide otherwise, except for contested ones, where both decisions race
// and the first must win.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "escrow/v1/coordinator.pb.h"
#include "tests/fault/crash_findings.h"
#include "tests/fault/crash_messages.h"

namespace escrow::crash {

enum class Kind : std::uint8_t {
  kDecided,    ///< the client decides
  kLeft,       ///< the client dies: a check decides
  kContested,  ///< commit and rollback at the same time
};

/// What does not change; may be read without a lock.
struct TransactionPlan {
  TransactionIndex index = 0;
  std::string group;
  std::string id;
  Kind kind = Kind::kDecided;
  bool commit = true;
  std::vector<std::pair<Uid, std::uint8_t>> messages;  ///< with their routes
  std::chrono::milliseconds first_check_delay{0};
};

/// Rounds that share a producer group, so that lists stay short.
inline constexpr int kRoundsPerGroup = 8;
std::string group_of_round(int round);

/// Thread-safe.
class TransactionLedger {
 public:
  TransactionLedger(Findings& findings, MessageLedger& messages) : findings_(findings), messages_(messages) {}

  /// Its messages are added to the ledger of messages. They belong to `publisher` if the client commits one
  /// transaction after the other.
  const TransactionPlan& plan(Kind kind, bool commit, const std::vector<std::uint8_t>& routes, PublisherId publisher,
                              std::chrono::milliseconds first_check_delay);

  // What clients did and were told.
  void sending_prepare(const TransactionPlan& plan);
  void prepared(const TransactionPlan& plan, const v1::PrepareResponse& response);
  void sending_decision(const TransactionPlan& plan, bool commit);
  void decided(const TransactionPlan& plan, bool commit, const google::protobuf::Timestamp& time);
  /// The decision was refused because the other one was first.
  void opposed(const TransactionPlan& plan, bool commit);
  void seen_delivered(TransactionIndex index);

  // What the server shows. `where` names the call.
  void seen(const v1::Transaction& transaction, const char* where);
  void absent(const TransactionPlan& plan, const char* where);
  /// What is asked about. nullptr: something nobody sent, which is noted.
  const TransactionPlan* asked(const v1::CheckbacksResponse::Check& check);

  /// 0: not known.
  std::uint64_t epoch(const TransactionPlan& plan) const;
  bool is_decided(const TransactionPlan& plan) const;
  /// Prepare was sent, the end is not known.
  std::vector<const TransactionPlan*> unresolved() const;
  /// Those of which anything was sent in the round.
  std::vector<const TransactionPlan*> of_round(int round) const;
  std::vector<const TransactionPlan*> of_group(const std::string& group) const;
  /// Up to `count` of those whose decision is known, spread over all.
  std::vector<const TransactionPlan*> sample_decided(std::size_t count) const;
  std::size_t size() const;
  std::size_t decided_count() const;

 private:
  enum class Known : std::uint8_t { kNothing, kAbsent, kPrepared, kCommitted, kRolledBack };
  struct Record {
    TransactionPlan plan;
    std::uint64_t epoch = 0;
    std::int64_t decided_us = 0;
    int planned_round = 0;
    int last_round = 0;
    int decided_round = 0;
    Known known = Known::kNothing;
    bool prepare_sent = false;
    bool open_when_sent = true;  ///< when Prepare was sent for the last time, no decision was known
    bool commit_sent = false;
    bool rollback_sent = false;
  };

  // With the mutex held.
  static bool decision_known(const Record& record) {
    return record.known == Known::kCommitted || record.known == Known::kRolledBack;
  }
  Record* find(const std::string& group, const std::string& id);
  void observe(Record& record, std::uint64_t epoch, v1::TransactionState state, std::int64_t decided_us,
               const char* where);
  void observe_decision(Record& record, bool commit, std::int64_t decided_us, const char* where);
  void wrong(const Record& record, const char* where, const std::string& what);
  void wrong_unknown(const std::string& group, const std::string& id, const char* where);

  Findings& findings_;
  MessageLedger& messages_;
  mutable std::mutex mutex_;
  std::deque<Record> records_;  // plans do not move
  std::unordered_set<TransactionIndex> unresolved_;
};

}  // namespace escrow::crash
