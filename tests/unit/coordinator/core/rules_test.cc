#include "coordinator/core/rules.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "tests/unit/coordinator/core/transactions.h"

namespace escrow::coordinator {
namespace {

constexpr Epoch kEpoch = 7;
const CheckPolicy kPolicy{};

using Maybe = std::optional<Transaction>;

Maybe prepared(std::string body = "half") {
  Maybe transaction;
  EXPECT_EQ(*apply(transaction, prepare_of(std::move(body)), at(100), kEpoch, kPolicy), Change::kPrepared);
  return transaction;
}

Maybe in_state(State state) {
  if (state == State::kNone) return std::nullopt;
  Maybe t = prepared();
  if (state == State::kCommitted || state == State::kRolledBack) {
    EXPECT_TRUE(apply(t, decide(state == State::kCommitted, 0, "first", "winner"), at(200)).ok());
  }
  if (state == State::kInDoubt) {
    CheckPolicy one;
    one.max_attempts = 1;
    Random random(1);
    EXPECT_EQ(apply_check_unknown(*t, at(200), one, random), Change::kInDoubt);
  }
  return t;
}

constexpr State kStates[] = {State::kNone, State::kPrepared, State::kCommitted, State::kRolledBack, State::kInDoubt};

// What each command does in each state: the state after it, or the reason of the refusal.
struct Case {
  std::string command;
  std::map<State, std::string> outcomes;
};

std::string outcome(const Result<Change>& change, const Maybe& t) {
  if (!change) return change.error().reason;
  const std::string state(t ? name(t->state) : "NONE");
  return *change == Change::kNone ? "unchanged " + state : state;
}

std::string run(const std::string& command, Maybe& t) {
  if (command == "prepare the same") return outcome(apply(t, prepare_of("half"), at(300), 8, kPolicy), t);
  if (command == "prepare another") return outcome(apply(t, prepare_of("other"), at(300), 8, kPolicy), t);
  const bool commit = command.starts_with("commit");
  const Epoch epoch = command.find("old epoch") != std::string::npos   ? kEpoch - 1
                      : command.find("its epoch") != std::string::npos ? kEpoch
                                                                       : 0;
  const std::string reason = command.find("reason") != std::string::npos ? "because" : "";
  return outcome(apply(t, decide(commit, epoch, reason), at(300)), t);
}

TEST(Rules, cover_every_command_in_every_state) {
  using enum State;
  const std::vector<Case> cases = {
      {"prepare the same",
       {{kNone, "PREPARED"},
        {kPrepared, "unchanged PREPARED"},
        {kCommitted, "unchanged COMMITTED"},
        {kRolledBack, "unchanged ROLLED_BACK"},
        {kInDoubt, "unchanged IN_DOUBT"}}},
      {"prepare another",
       {{kNone, "PREPARED"},
        {kPrepared, "TRANSACTION_DIFFERS"},
        {kCommitted, "TRANSACTION_DIFFERS"},
        {kRolledBack, "TRANSACTION_DIFFERS"},
        {kInDoubt, "TRANSACTION_DIFFERS"}}},
      {"commit",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "COMMITTED"},
        {kCommitted, "unchanged COMMITTED"},
        {kRolledBack, "ALREADY_DECIDED"},
        {kInDoubt, "MALFORMED"}}},
      {"commit with a reason",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "COMMITTED"},
        {kCommitted, "unchanged COMMITTED"},
        {kRolledBack, "ALREADY_DECIDED"},
        {kInDoubt, "COMMITTED"}}},
      {"commit with its epoch",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "COMMITTED"},
        {kCommitted, "unchanged COMMITTED"},
        {kRolledBack, "ALREADY_DECIDED"},
        {kInDoubt, "COMMITTED"}}},
      {"commit with an old epoch and a reason",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "EPOCH_STALE"},
        {kCommitted, "EPOCH_STALE"},
        {kRolledBack, "EPOCH_STALE"},
        {kInDoubt, "EPOCH_STALE"}}},
      {"rollback",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "ROLLED_BACK"},
        {kCommitted, "ALREADY_DECIDED"},
        {kRolledBack, "unchanged ROLLED_BACK"},
        {kInDoubt, "MALFORMED"}}},
      {"rollback with a reason",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "ROLLED_BACK"},
        {kCommitted, "ALREADY_DECIDED"},
        {kRolledBack, "unchanged ROLLED_BACK"},
        {kInDoubt, "ROLLED_BACK"}}},
      {"rollback with its epoch",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "ROLLED_BACK"},
        {kCommitted, "ALREADY_DECIDED"},
        {kRolledBack, "unchanged ROLLED_BACK"},
        {kInDoubt, "ROLLED_BACK"}}},
      {"rollback with an old epoch",
       {{kNone, "TRANSACTION_UNKNOWN"},
        {kPrepared, "EPOCH_STALE"},
        {kCommitted, "EPOCH_STALE"},
        {kRolledBack, "EPOCH_STALE"},
        {kInDoubt, "EPOCH_STALE"}}},
  };
  for (const Case& c : cases) {
    for (const State state : kStates) {
      SCOPED_TRACE(c.command + " in " + std::string(name(state)));
      Maybe t = in_state(state);
      const Maybe before = t;
      const std::string result = run(c.command, t);
      EXPECT_EQ(result, c.outcomes.at(state));
      const bool changes = result == "PREPARED" || result == "COMMITTED" || result == "ROLLED_BACK";
      EXPECT_EQ(t == before, !changes) << "what is refused or repeated changes nothing";
    }
  }
}

TEST(Rules, prepare_keeps_what_was_said_and_sets_the_first_check) {
  Maybe t;
  Prepare command = prepare_of("half");
  command.messages.push_back(message("second"));
  const auto messages = command.messages;
  ASSERT_EQ(*apply(t, command, at(100), kEpoch, kPolicy), Change::kPrepared);
  EXPECT_EQ(t->key, (Key{"shop", "tx-1"}));
  EXPECT_EQ(t->epoch, kEpoch);
  EXPECT_EQ(t->state, State::kPrepared);
  EXPECT_EQ(t->prepared_at, at(100));
  EXPECT_EQ(t->prepared_by, "shop-user");
  EXPECT_EQ(t->message_count, 2u);
  EXPECT_EQ(t->messages, messages);
  EXPECT_EQ(t->content, content_digest(messages));
  EXPECT_EQ(t->check, (CheckState{0, at(100) + kPolicy.first_delay}));
}

TEST(Rules, prepare_takes_the_first_check_delay_of_the_caller) {
  for (const Duration delay : {Duration(0), Duration(1), kMaxFirstCheckDelay}) {
    Maybe t;
    Prepare command = prepare_of("half");
    command.first_check_delay = delay;
    ASSERT_TRUE(check(command).ok());
    ASSERT_TRUE(apply(t, command, at(100), kEpoch, kPolicy).ok());
    EXPECT_EQ(t->check.next_due, at(100) + delay);
  }
}

TEST(Rules, repeating_prepare_gives_the_first_epoch) {
  Maybe t = prepared();
  ASSERT_EQ(*apply(t, prepare_of("half"), at(500), 99, kPolicy), Change::kNone);
  EXPECT_EQ(t->epoch, kEpoch);
  EXPECT_EQ(t->prepared_at, at(100));
}

TEST(Rules, a_refused_prepare_names_the_state) {
  Maybe t = in_state(State::kCommitted);
  const auto result = apply(t, prepare_of("other"), at(300), 8, kPolicy);
  EXPECT_EQ(result.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(result.error().metadata, (decltype(Error::metadata){{"state", "COMMITTED"}}));
}

TEST(Rules, a_decision_keeps_who_when_and_why) {
  Maybe t = prepared();
  ASSERT_EQ(*apply(t, decide(true, kEpoch, "paid", "boss"), at(250)), Change::kDecided);
  EXPECT_EQ(t->decided_at, at(250));
  EXPECT_EQ(t->decided_by, "boss");
  EXPECT_EQ(t->reason, "paid");
}

TEST(Rules, the_opposite_decision_names_the_winner) {
  Maybe t = in_state(State::kRolledBack);
  const auto result = apply(t, decide(true), at(300));
  EXPECT_EQ(result.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(result.error().reason, "ALREADY_DECIDED");
  const decltype(Error::metadata) expected = {
      {"state", "ROLLED_BACK"}, {"decided_by", "winner"}, {"decided_at", "200000000"}};
  EXPECT_EQ(result.error().metadata, expected);
}

TEST(Rules, a_late_decision_names_the_epoch_that_is_current) {
  Maybe t = prepared();
  const auto result = apply(t, decide(true, kEpoch + 1), at(300));
  EXPECT_EQ(result.error().code, ErrorCode::kAborted);
  EXPECT_EQ(result.error().reason, "EPOCH_STALE");
  EXPECT_EQ(result.error().metadata, (decltype(Error::metadata){{"epoch", "7"}}));
}

TEST(Rules, deciding_what_is_unknown_is_not_found) {
  Maybe t;
  EXPECT_EQ(apply(t, decide(false), at(300)).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(t.has_value());
}

TEST(Rules, an_operator_has_to_say_why_an_in_doubt_transaction_ends) {
  Maybe t = in_state(State::kInDoubt);
  EXPECT_EQ(apply(t, decide(true), at(300)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(apply(t, decide(true, 0, "asked the shop"), at(300)).ok());
  EXPECT_EQ(t->reason, "asked the shop");
}

TEST(Rules, a_late_decision_of_the_producer_ends_doubt_without_a_reason) {
  Maybe t = in_state(State::kInDoubt);
  EXPECT_EQ(*apply(t, decide(false, kEpoch), at(300)), Change::kDecided);
  EXPECT_EQ(t->state, State::kRolledBack);
}

TEST(Rules, an_unknown_answer_counts_and_sets_the_next_check) {
  Maybe t = prepared();
  Random random(1);
  Random same(1);
  EXPECT_EQ(apply_check_unknown(*t, at(110), kPolicy, random), Change::kChecked);
  EXPECT_EQ(t->state, State::kPrepared);
  EXPECT_EQ(t->check, (CheckState{1, at(110) + kPolicy.interval(1, same)}));
}

TEST(Rules, the_last_attempt_puts_the_transaction_in_doubt_and_not_one_before) {
  Maybe t = prepared();
  Random random(1);
  for (std::uint32_t attempt = 1; attempt < kPolicy.max_attempts; ++attempt) {
    ASSERT_EQ(apply_check_unknown(*t, at(110), kPolicy, random), Change::kChecked) << attempt;
  }
  EXPECT_EQ(apply_check_unknown(*t, at(110), kPolicy, random), Change::kInDoubt);
  EXPECT_EQ(t->check.attempts, kPolicy.max_attempts);
  EXPECT_EQ(t->messages.size(), 1u) << "nothing is dropped";
}

RC_GTEST_PROP(Rules, let_the_first_decision_win, (const std::vector<std::uint8_t>& steps)) {
  Maybe t = prepared();
  std::optional<State> won;
  for (const std::uint8_t step : steps) {
    const auto change =
        apply(t, decide((step & 1) != 0, (step & 2) != 0 ? kEpoch : 0, "r", std::to_string(step)), at(step));
    if (!won && change.ok()) won = t->state;
    RC_ASSERT(change.ok() == (t->state == ((step & 1) != 0 ? State::kCommitted : State::kRolledBack)));
    RC_ASSERT((!won || *won == t->state));
  }
}

}  // namespace
}  // namespace escrow::coordinator
