// Transactions by unary calls.
#include <latch>

#include "client/cpp/internal/status.h"
#include "tests/fault/crash_life.h"

namespace escrow::crash {
namespace {

using Answer = Life::Answer;

/// One worker's calls, one after the other; each is written down before it is sent and after it was answered.
class UnaryClient {
 public:
  UnaryClient(Life& life, Random& random) : life_(life), random_(random) {}

  Answer prepare(const TransactionPlan& plan) {
    const auto request = make_prepare(plan);
    for (;;) {
      const bool is_first = life_.transactions().epoch(plan) == 0;
      life_.transactions().sending_prepare(plan);
      const Instant sent = std::chrono::steady_clock::now();
      grpc::ClientContext context;
      life_.prepare(context);
      v1::PrepareResponse response;
      const Answer answer = life_.judge(life_.coordinator().Prepare(&context, request, &response), "Prepare");
      if (answer == Answer::kRefused && !life_.ending()) continue;
      if (answer != Answer::kOk) return answer;
      life_.transactions().prepared(plan, response);
      // A repetition changes nothing, and so proves nothing about what came before it.
      if (is_first) life_.messages().durable_answer(sent);
      return answer;
    }
  }

  Answer decide(const TransactionPlan& plan, bool commit) {
    for (;;) {
      life_.transactions().sending_decision(plan, commit);
      grpc::ClientContext context;
      life_.prepare(context);
      google::protobuf::Timestamp time;
      const Answer answer = commit ? call_commit(plan, context, time) : call_rollback(plan, context, time);
      if (answer == Answer::kRefused && !life_.ending()) continue;
      note(plan, commit, answer, time);
      return answer;
    }
  }

  /// With the epoch of another transaction of the same id, which there never was: it must change nothing.
  void decide_with_wrong_epoch(const TransactionPlan& plan) {
    grpc::ClientContext context;
    life_.prepare(context);
    v1::CommitResponse response;
    const auto request = make_decision<v1::CommitRequest>(plan, life_.transactions().epoch(plan) + 1);
    const grpc::Status status = life_.coordinator().Commit(&context, request, &response);
    if (!status.ok() && client::internal::to_error(status).reason == "EPOCH_STALE") return;
    const Answer answer = life_.judge(status, "Commit with a wrong epoch");
    if (answer == Answer::kOk || answer == Answer::kOpposed) {
      life_.findings().add("transaction " + plan.id + ": Commit with a wrong epoch was not refused for that");
    }
  }

  /// Both at once: one must win, and the other must be told so.
  void contest(const TransactionPlan& plan) {
    const std::uint64_t epoch = life_.transactions().epoch(plan);
    const auto commit = make_decision<v1::CommitRequest>(plan, epoch);
    const auto rollback = make_decision<v1::RollbackRequest>(plan, epoch);
    life_.transactions().sending_decision(plan, true);
    life_.transactions().sending_decision(plan, false);
    grpc::ClientContext contexts[2];
    for (auto& context : contexts) life_.prepare(context);
    v1::CommitResponse committed;
    v1::RollbackResponse rolled_back;
    grpc::Status statuses[2];
    std::latch answered(2);
    const auto take = [&](int which) {
      return [&, which](grpc::Status status) {
        statuses[which] = std::move(status);
        answered.count_down();
      };
    };
    auto* calls = life_.coordinator().async();
    const bool commit_first = random_.chance(0.5);
    if (commit_first) calls->Commit(&contexts[0], &commit, &committed, take(0));
    calls->Rollback(&contexts[1], &rollback, &rolled_back, take(1));
    if (!commit_first) calls->Commit(&contexts[0], &commit, &committed, take(0));
    answered.wait();
    note(plan, true, life_.judge(statuses[0], "Commit"), committed.decided_time());
    note(plan, false, life_.judge(statuses[1], "Rollback"), rolled_back.decided_time());
  }

 private:
  Answer call_commit(const TransactionPlan& plan, grpc::ClientContext& context, google::protobuf::Timestamp& time) {
    const auto request = make_decision<v1::CommitRequest>(plan, life_.transactions().epoch(plan));
    v1::CommitResponse response;
    const Answer answer = life_.judge(life_.coordinator().Commit(&context, request, &response), "Commit");
    time = response.decided_time();
    return answer;
  }
  Answer call_rollback(const TransactionPlan& plan, grpc::ClientContext& context, google::protobuf::Timestamp& time) {
    const auto request = make_decision<v1::RollbackRequest>(plan, life_.transactions().epoch(plan));
    v1::RollbackResponse response;
    const Answer answer = life_.judge(life_.coordinator().Rollback(&context, request, &response), "Rollback");
    time = response.decided_time();
    return answer;
  }
  void note(const TransactionPlan& plan, bool commit, Answer answer, const google::protobuf::Timestamp& time) {
    if (answer == Answer::kOk) life_.transactions().decided(plan, commit, time);
    if (answer == Answer::kOpposed) life_.transactions().opposed(plan, commit);
  }

  Life& life_;
  Random& random_;
};

}  // namespace

void run_unary_transactions(Life& life, Random random) {
  UnaryClient client(life, random);
  const PublisherId publisher = life.messages().new_publisher();
  while (life.loading()) {
    const double draw = random.fraction();
    const Kind kind = draw < 0.7 ? Kind::kDecided : draw < 0.85 ? Kind::kLeft : Kind::kContested;
    std::vector<std::uint8_t> routes(1 + random.below(3));
    for (auto& route : routes) route = static_cast<std::uint8_t>(random.below(kRoutes.size()));
    const auto delay = std::chrono::milliseconds(random.between(100, 1500));
    // Only what this thread commits itself, before it goes on, has a place in its order.
    const auto& plan =
        life.transactions().plan(kind, random.chance(0.75), routes, kind == Kind::kDecided ? publisher : 0, delay);
    if (client.prepare(plan) != Answer::kOk) continue;
    if (kind == Kind::kDecided) client.decide(plan, plan.commit);
    if (kind == Kind::kContested) client.contest(plan);
  }
}

void run_repetitions(Life& life, Random random) {
  UnaryClient client(life, random);
  for (const TransactionPlan* plan : life.transactions().unresolved()) {
    if (!life.loading()) return;
    if (life.transactions().epoch(*plan) != 0) client.decide_with_wrong_epoch(*plan);
    if (random.chance(0.5)) continue;  // left to the checks
    if (client.prepare(*plan) == Answer::kOk && plan->kind != Kind::kLeft) client.decide(*plan, plan->commit);
  }
  for (const TransactionPlan* plan : life.transactions().sample_decided(50)) {
    if (!life.loading()) return;
    client.prepare(*plan);
    client.decide_with_wrong_epoch(*plan);
    client.decide(*plan, true);
    client.decide(*plan, false);
  }
}

}  // namespace escrow::crash
