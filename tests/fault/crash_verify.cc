#include "tests/fault/crash_verify.h"

#include <algorithm>
#include <functional>
#include <map>
#include <thread>
#include <unordered_map>

namespace escrow::crash {
namespace {

constexpr int kPageSize = 1000;
constexpr std::size_t kSample = 200;

std::string group_name(int group) { return group_of_round(group * kRoundsPerGroup); }

/// Calls, and notes the failure. Repeats while the connection is being made.
bool call(Life& life, const char* what, const std::function<grpc::Status(grpc::ClientContext&)>& attempt) {
  const auto done = life.connection().call(client::internal::Repeat::kTransient, attempt);
  if (!done) life.findings().add(std::string(what) + " failed: " + done.error().reason + ": " + done.error().message);
  return done.ok();
}

std::vector<v1::Transaction> list(Life& life, const std::string& group, v1::TransactionState state) {
  std::vector<v1::Transaction> all;
  v1::ListTransactionsRequest request;
  request.set_group(group);
  request.set_state(state);
  request.set_page_size(kPageSize);
  do {
    v1::ListTransactionsResponse response;
    const bool done = call(life, "ListTransactions", [&](grpc::ClientContext& context) {
      return life.coordinator().ListTransactions(&context, request, &response);
    });
    if (!done) return all;
    for (auto& transaction : *response.mutable_transactions()) all.push_back(std::move(transaction));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

bool is_open(const v1::Transaction& transaction) {
  return transaction.state() == v1::TRANSACTION_STATE_PREPARED || transaction.state() == v1::TRANSACTION_STATE_IN_DOUBT;
}

/// Open ones first, then decided ones in order of decision.
void verify_order(Life& life, const std::string& group, const std::vector<v1::Transaction>& listed) {
  const auto first_decided = std::ranges::find_if_not(listed, is_open);
  if (std::any_of(first_decided, listed.end(), is_open)) {
    life.findings().add("the list of " + group + " has an open transaction after a decided one");
  }
  const auto earlier = [](const v1::Transaction& a, const v1::Transaction& b) {
    return std::pair(a.decide_time().seconds(), a.decide_time().nanos()) <
           std::pair(b.decide_time().seconds(), b.decide_time().nanos());
  };
  if (!std::is_sorted(first_decided, listed.end(), earlier)) {
    life.findings().add("the list of " + group + " is not in order of decision");
  }
}

void verify_filters(Life& life, const std::string& group, const std::vector<v1::Transaction>& listed) {
  std::map<v1::TransactionState, std::size_t> counts;
  for (const auto& transaction : listed) ++counts[transaction.state()];
  for (const auto state : {v1::TRANSACTION_STATE_PREPARED, v1::TRANSACTION_STATE_COMMITTED,
                           v1::TRANSACTION_STATE_ROLLED_BACK, v1::TRANSACTION_STATE_IN_DOUBT}) {
    const std::size_t count = list(life, group, state).size();
    if (count == counts[state]) continue;
    life.findings().add("the list of " + group + " has " + std::to_string(counts[state]) + " transactions " +
                        v1::TransactionState_Name(state) + ", the list of that state " + std::to_string(count));
  }
}

void verify_group(Life& life, const std::string& group) {
  const std::vector<v1::Transaction> listed = list(life, group, v1::TRANSACTION_STATE_UNSPECIFIED);
  std::unordered_map<std::string, int> times;
  for (const auto& transaction : listed) {
    life.transactions().seen(transaction, "ListTransactions");
    if (++times[transaction.transaction_id()] > 1) {
      life.findings().add("the list of " + group + " has " + transaction.transaction_id() + " more than once");
    }
  }
  for (const TransactionPlan* plan : life.transactions().of_group(group)) {
    if (!times.contains(plan->id)) life.transactions().absent(*plan, "ListTransactions");
  }
  verify_order(life, group, listed);
  verify_filters(life, group, listed);
}

void get(Life& life, const TransactionPlan& plan) {
  v1::GetTransactionRequest request;
  request.set_group(plan.group);
  request.set_transaction_id(plan.id);
  v1::Transaction transaction;
  grpc::ClientContext context;
  life.prepare(context);
  const grpc::Status status = life.coordinator().GetTransaction(&context, request, &transaction);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    life.transactions().absent(plan, "GetTransaction");
  } else if (life.judge(status, "GetTransaction") == Life::Answer::kOk) {
    life.transactions().seen(transaction, "GetTransaction");
  }
}

std::vector<v1::Queue> list_queues(Life& life) {
  v1::ListQueuesRequest request;
  request.set_page_size(kPageSize);
  v1::ListQueuesResponse response;
  call(life, "ListQueues",
       [&](grpc::ClientContext& context) { return life.broker().ListQueues(&context, request, &response); });
  return {response.queues().begin(), response.queues().end()};
}

void verify_queues(Life& life) {
  const std::vector<v1::Queue> queues = list_queues(life);
  for (std::size_t i = 0; i < kQueues; ++i) {
    const std::string name = kQueueNames[i];
    const auto found = std::ranges::find(queues, name, [](const v1::Queue& queue) { return queue.queue(); });
    const MessageLedger::Bounds bounds = life.messages().bounds(static_cast<Queue>(i));
    if (found == queues.end()) {
      if (i != kParked || bounds.low > 0) life.findings().add("queue " + name + " is gone");
      continue;
    }
    if (found->messages_ready() < bounds.low || found->messages_ready() > bounds.high) {
      life.findings().add(name + " holds " + std::to_string(found->messages_ready()) + " messages; clients expect " +
                          std::to_string(bounds.low) + " to " + std::to_string(bounds.high));
    }
    if (found->messages_unacknowledged() != 0) {
      life.findings().add(name + " has " + std::to_string(found->messages_unacknowledged()) +
                          " messages unacknowledged, and no consumer");
    }
  }
}

bool is_empty(const v1::Queue& queue) { return queue.messages_ready() == 0 && queue.messages_unacknowledged() == 0; }

bool queues_are_empty(Life& life) { return std::ranges::all_of(list_queues(life), is_empty); }

/// What became of the rest is for the checks to decide; nothing tells a client when they have.
bool nothing_open(Life& life, int groups) {
  for (int group = 0; group < groups; ++group) {
    if (!list(life, group_name(group), v1::TRANSACTION_STATE_PREPARED).empty()) return false;
  }
  return true;
}

/// Polls: the server does not say when it has run dry.
bool wait_until(std::chrono::steady_clock::time_point end, const std::function<bool()>& condition) {
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

void report_open(Life& life, int groups) {
  for (int group = 0; group < groups; ++group) {
    for (auto& transaction : list(life, group_name(group), v1::TRANSACTION_STATE_PREPARED)) {
      v1::GetTransactionRequest request;
      request.set_group(transaction.group());
      request.set_transaction_id(transaction.transaction_id());
      call(life, "GetTransaction",
           [&](grpc::ClientContext& context) {  // knows about producers, which a list does not
             return life.coordinator().GetTransaction(&context, request, &transaction);
           });
      life.findings().add("no check ends what is still open: " + transaction.ShortDebugString());
    }
  }
}

}  // namespace

bool queue_exists(Life& life, Queue queue) {
  return std::ranges::any_of(list_queues(life), [&](const v1::Queue& q) { return q.queue() == kQueueNames[queue]; });
}

void verify_at_rest(Life& life, int groups, int recent, int last_round) {
  for (int group = std::max(0, groups - recent); group < groups; ++group) verify_group(life, group_name(group));
  for (const TransactionPlan* plan : life.transactions().of_round(last_round)) get(life, *plan);
  for (const TransactionPlan* plan : life.transactions().sample_decided(kSample)) get(life, *plan);
  verify_queues(life);
}

bool verify_drained(Life& life, int groups, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  if (!wait_until(end, [&] { return nothing_open(life, groups); })) {
    report_open(life, groups);
    return false;
  }
  for (const TransactionPlan* plan : life.transactions().unresolved()) get(life, *plan);
  const bool is_drained = wait_until(end, [&] { return queues_are_empty(life); });
  if (!is_drained) {
    for (const v1::Queue& queue : list_queues(life)) {
      if (is_empty(queue)) continue;
      life.findings().add(queue.queue() + " does not run empty: " + std::to_string(queue.messages_ready()) +
                          " ready, " + std::to_string(queue.messages_unacknowledged()) + " unacknowledged");
    }
  }
  for (std::size_t i = 0; i < kQueues; ++i) {
    for (const Uid uid : life.messages().outstanding(static_cast<Queue>(i))) {
      life.findings().add(std::string(kQueueNames[i]) + " never delivered " + life.messages().describe(uid));
    }
  }
  if (is_drained) life.messages().all_applied();
  return is_drained;
}

}  // namespace escrow::crash
