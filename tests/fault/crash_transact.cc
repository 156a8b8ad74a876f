// Transactions by the stream Transact.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "tests/fault/crash_life.h"

namespace escrow::crash {
namespace {

using Answer = Life::Answer;
using Operation = v1::TransactRequest::Operation;
using Result = v1::TransactResponse::Result;

/// Tags are 2 x the transaction's index for Prepare, and one more for its decision.
class TransactClient {
 public:
  TransactClient(Life& life, Random random) : life_(life), random_(random) {}

  void run() {
    grpc::ClientContext context;
    life_.connection().authorize(context);
    const Life::Cancellable cancellable(life_, context);
    const auto stream = life_.coordinator().Transact(&context);
    std::thread reader([&] { read(*stream); });
    while (wait_for_work() && stream->Write(next_frame())) continue;
    stream->WritesDone();
    reader.join();
    life_.judge(stream->Finish(), "Transact");
    if (!life_.ending() && !on_the_way_.empty()) life_.findings().add("Transact ended before its last answers");
  }

 private:
  static constexpr std::size_t kOperationsOnTheWay = 300;
  static constexpr std::size_t kOperationsPerFrame = 50;
  struct Sent {
    const TransactionPlan* plan = nullptr;
    Instant at;
  };

  /// False: the load was stopped and everything is answered, or the stream is broken.
  bool wait_for_work() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      const bool may_add = life_.loading() && on_the_way_.size() < kOperationsOnTheWay;
      const bool is_done = !life_.loading() && on_the_way_.empty();
      return broken_ || life_.ending() || !todo_.empty() || may_add || is_done;
    });
    return !broken_ && !life_.ending() && (life_.loading() || !todo_.empty());
  }

  v1::TransactRequest next_frame() {
    const std::scoped_lock lock(mutex_);
    v1::TransactRequest frame;
    while (!todo_.empty() && frame.operations_size() < static_cast<int>(kOperationsPerFrame)) {
      const auto [plan, is_prepare] = todo_.back();
      todo_.pop_back();
      add(*plan, is_prepare, *frame.add_operations());
    }
    while (life_.loading() && on_the_way_.size() < kOperationsOnTheWay &&
           frame.operations_size() < static_cast<int>(kOperationsPerFrame)) {
      add(new_plan(), true, *frame.add_operations());
    }
    return frame;
  }

  const TransactionPlan& new_plan() {
    std::vector<std::uint8_t> routes(1 + random_.below(3));
    for (auto& route : routes) route = static_cast<std::uint8_t>(random_.below(kRoutes.size()));
    const auto delay = std::chrono::milliseconds(random_.between(100, 1500));
    // Many commits are under way at the same time, so there is no order.
    return life_.transactions().plan(random_.chance(0.9) ? Kind::kDecided : Kind::kLeft, random_.chance(0.8), routes, 0,
                                     delay);
  }

  void add(const TransactionPlan& plan, bool is_prepare, Operation& operation) {
    operation.set_tag(2ull * plan.index + (is_prepare ? 0 : 1));
    if (is_prepare) {
      life_.transactions().sending_prepare(plan);
      *operation.mutable_prepare() = make_prepare(plan);
    } else {
      const std::uint64_t epoch = life_.transactions().epoch(plan);
      life_.transactions().sending_decision(plan, plan.commit);
      if (plan.commit) {
        *operation.mutable_commit() = make_decision<v1::CommitRequest>(plan, epoch);
      } else {
        *operation.mutable_rollback() = make_decision<v1::RollbackRequest>(plan, epoch);
      }
    }
    on_the_way_[operation.tag()] = {&plan, std::chrono::steady_clock::now()};
  }

  void read(grpc::ClientReaderWriterInterface<v1::TransactRequest, v1::TransactResponse>& stream) {
    v1::TransactResponse response;
    while (stream.Read(&response)) {
      const std::scoped_lock lock(mutex_);
      for (const Result& result : response.results()) answer(result);
      changed_.notify_all();
    }
    const std::scoped_lock lock(mutex_);
    broken_ = true;
    changed_.notify_all();
  }

  void answer(const Result& result) {
    const auto found = on_the_way_.find(result.tag());
    if (found == on_the_way_.end()) {
      life_.findings().add("Transact answered tag " + std::to_string(result.tag()) + ", which is not on its way");
      return;
    }
    const Sent sent = found->second;
    on_the_way_.erase(found);
    const bool is_prepare = result.tag() % 2 == 0;
    switch (result.kind_case()) {
      case Result::kPrepare:
        life_.transactions().prepared(*sent.plan, result.prepare());
        life_.messages().durable_answer(sent.at);
        if (sent.plan->kind == Kind::kDecided) todo_.emplace_back(sent.plan, false);
        break;
      case Result::kCommit:
        life_.transactions().decided(*sent.plan, true, result.commit().decided_time());
        break;
      case Result::kRollback:
        life_.transactions().decided(*sent.plan, false, result.rollback().decided_time());
        break;
      case Result::kError:
        refused(*sent.plan, is_prepare, life_.judge(result.error(), "Transact"));
        break;
      case Result::KIND_NOT_SET:
        life_.findings().add("Transact sent a result without content");
        break;
    }
  }

  void refused(const TransactionPlan& plan, bool is_prepare, Answer answer) {
    if (answer == Answer::kRefused) todo_.emplace_back(&plan, is_prepare);
    if (answer != Answer::kOpposed) return;
    life_.findings().add("transaction " + plan.id + ": refused by Transact as decided otherwise, which nobody did");
  }

  Life& life_;
  Random random_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<std::uint64_t, Sent> on_the_way_;
  std::vector<std::pair<const TransactionPlan*, bool>> todo_;  // refused, or to be decided
  bool broken_ = false;
};

}  // namespace

void run_transact(Life& life, Random random) { TransactClient(life, random).run(); }

}  // namespace escrow::crash
