// What became of every transaction. The ledger moves them from state to state, and only as the rules allow and for a
// cause; every answer must be explained by a state that the transaction had between question and answer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/record.h"
#include "coordinator/core/rules.h"
#include "engine/command.h"
#include "tests/sim/catalog.h"
#include "tests/sim/model/declarations.h"
#include "tests/sim/model/stored.h"
#include "tests/sim/present.h"
#include "tests/sim/verdict.h"

namespace escrow::sim::model {

using coordinator::Epoch;
using coordinator::State;

/// One life of an id, from its Prepare on.
struct Incarnation {
  Epoch epoch = 0;
  ContentId content = kNone;
  State state = State::kPrepared;
  Timestamp prepared_at;
  std::string prepared_by;
  Timestamp decided_at;
  std::string decided_by;
  std::string reason;
  std::uint32_t attempts = 0;      ///< checks that counted
  std::uint32_t acknowledged = 0;  ///< checks that a producer said to have, or answered
  Timestamp not_before;            ///< of the next check
};

/// A state that an id was in. The history of an id is a list of these, each made by one record of the ledger.
struct Version {
  State state = State::kNone;
  std::uint32_t attempts = 0;
  std::size_t incarnation = 0;  ///< unless the state is kNone
};

/// Somebody wanted this decision and was not refused yet.
struct Cause {
  std::uint64_t request = 0;  ///< or 0: the answer to a check
  bool commit = false;
  Epoch epoch = 0;
  std::string actor;
  std::string reason;
};

struct History {
  coordinator::Key key;
  std::vector<Version> versions{Version{}};
  std::vector<Incarnation> incarnations;
  std::vector<Cause> causes;
  std::vector<std::uint64_t> open_requests;  ///< in order of arrival

  const Version& last() const { return versions.back(); }
  const Incarnation* current() const {
    return last().state == State::kNone ? nullptr : &incarnations[last().incarnation];
  }
};

/// What was asked about a transaction.
struct TransactionRequest {
  enum class Kind : std::uint8_t { kPrepare, kDecide, kGet };
  Kind kind = Kind::kGet;
  History* history = nullptr;
  std::size_t earliest = 0;  ///< the version that the answer may not be older than
  std::string actor;
  ContentId content = kNone;
  bool exchanges_known = true;         ///< when it was asked
  std::uint64_t topology_changes = 0;  ///< until it was asked
  bool commit = false;
  Epoch epoch = 0;
  std::string reason;
};

class Transactions {
 public:
  Transactions(Verdict& verdict, const Catalog& catalog, const Present& present, const Declarations& declarations,
               const coordinator::CheckPolicy& policy, Duration retention)
      : verdict_(verdict),
        catalog_(catalog),
        present_(present),
        declarations_(declarations),
        policy_(policy),
        retention_(retention) {}

  void asked(std::uint64_t request, const coordinator::Prepare& body, const std::string& actor);
  void asked(std::uint64_t request, const coordinator::Decide& body, const std::string& actor);
  void asked(std::uint64_t request, const engine::GetTransaction& body);
  void answered(std::uint64_t request, const Result<engine::Reply>& answer);

  /// A producer has the check, or answered it.
  void check_acknowledged(const coordinator::Key& key, Epoch epoch);
  void check_answered(const coordinator::Key& key, Cause cause);

  /// A record of the ledger about a transaction. Returns the content if it is a commit.
  std::optional<ContentId> recorded(const audit::Record& record, const Store& store);

  /// Compares with what is on disk.
  void compare(const Stored& stored);
  /// What was under way is over.
  void crashed();

  /// nullptr: never prepared, as far as the ledger knows.
  const Incarnation* find(const coordinator::Key& key, Epoch epoch) const;
  const std::map<coordinator::Key, const History*>& in_doubt() const { return in_doubt_; }
  /// In escrow or in doubt.
  std::size_t open() const { return open_; }
  /// One of them in words; empty: there is none.
  std::string example_open() const;

 private:
  History& history(const coordinator::Key& key);
  TransactionRequest& ask(std::uint64_t request, TransactionRequest::Kind kind, const coordinator::Key& key);
  bool may_be_forgotten(const Incarnation& incarnation, Timestamp now) const;
  bool explains(const TransactionRequest& request, const Version& version, const Result<engine::Reply>& answer) const;
  bool explains_prepare(const TransactionRequest& request, const Incarnation* found, State state,
                        const Result<engine::Reply>& answer) const;
  bool explains_decide(const TransactionRequest& request, const Incarnation* found, State state,
                       const Result<engine::Reply>& answer) const;
  bool explains_get(const Incarnation* found, const Version& version, const Result<engine::Reply>& answer) const;
  void forget_request(History& history, std::uint64_t request, std::size_t version);

  void prepared(History& history, const audit::Record& record, const Store& store);
  ContentId prepared_content(const History& history, const audit::Record& record, const Store& store) const;
  void check_counted(History& history, const audit::Record& record);
  void decided(History& history, const audit::Record& record);
  void compare_open(const History& history, const Incarnation& expected, const Stored& stored);
  void compare_decided(const History& history, const Incarnation& expected, const Stored& stored);

  Verdict& verdict_;
  const Catalog& catalog_;
  const Present& present_;
  const Declarations& declarations_;
  coordinator::CheckPolicy policy_;
  Duration retention_;
  std::map<coordinator::Key, History> histories_;
  std::map<coordinator::Key, const History*> in_doubt_;
  std::unordered_map<std::uint64_t, TransactionRequest> requests_;  // that are not answered
  Epoch last_epoch_ = 0;
  std::size_t open_ = 0;
};

/// The interval that must at least lie between the check that counted as `attempt` and the next one.
Duration least_interval(const coordinator::CheckPolicy& policy, std::uint32_t attempt);

}  // namespace escrow::sim::model
