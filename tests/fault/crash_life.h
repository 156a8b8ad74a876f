// One life of the server, as its clients see it: from ready to the moment it is killed.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "base/random.h"
#include "client/cpp/internal/connection.h"
#include "tests/fault/crash_findings.h"
#include "tests/fault/crash_messages.h"
#include "tests/fault/crash_transactions.h"

namespace escrow::crash {

/// What all clients of a life share. Thread-safe.
class Life {
 public:
  Life(const std::string& target, Findings& findings, MessageLedger& messages, TransactionLedger& transactions);

  client::internal::Connection& connection() { return connection_; }
  v1::Coordinator::Stub& coordinator() { return connection_.coordinator(); }
  v1::Broker::Stub& broker() { return connection_.broker(); }
  Findings& findings() { return findings_; }
  MessageLedger& messages() { return messages_; }
  TransactionLedger& transactions() { return transactions_; }

  /// Credentials, and a deadline that only a server that hangs misses.
  void prepare(grpc::ClientContext& context) const;

  /// The server is about to be killed or stopped: from now on calls may break, and what still arrives is not
  /// looked at any more, because streams that end cannot be told apart from streams that go on.
  void end() { ending_ = true; }
  bool ending() const { return ending_; }
  /// No new work; what is under way is finished.
  void stop_load() { load_stopped_ = true; }
  bool loading() const { return !ending_ && !load_stopped_; }
  /// No more calls: streams are cancelled.
  void finish();
  bool finished() const { return finished_; }

  enum class Answer : std::uint8_t {
    kOk,
    kRefused,  ///< the server was full and did nothing
    kOpposed,  ///< the other decision was first
    kBroken,   ///< nothing is known
  };
  /// Anything else than these, or a broken call while the server should live, is noted.
  Answer judge(const grpc::Status& status, const char* what);
  Answer judge(const google::rpc::Status& status, const char* what);

  /// A stream's context while it can be cancelled.
  class Cancellable {
   public:
    Cancellable(Life& life, grpc::ClientContext& context);
    ~Cancellable();
    Cancellable(const Cancellable&) = delete;
    Cancellable& operator=(const Cancellable&) = delete;

   private:
    Life& life_;
    grpc::ClientContext& context_;
  };

 private:
  Answer judge(const Error& error, const char* what);

  client::internal::Connection connection_;
  Findings& findings_;
  MessageLedger& messages_;
  TransactionLedger& transactions_;
  std::atomic<bool> ending_{false};
  std::atomic<bool> load_stopped_{false};
  std::atomic<bool> finished_{false};
  std::mutex mutex_;
  std::set<grpc::ClientContext*> contexts_;
};

// The load. Each runs until the load is stopped or the server is gone.

/// Transactions by unary calls, one after the other.
void run_unary_transactions(Life& life, Random random);
/// Transactions by the stream Transact, many at a time.
void run_transact(Life& life, Random random);
/// Messages by Publish, one after the other.
void run_publish(Life& life, Random random);
/// Messages by PublishStream, many at a time.
void run_publish_stream(Life& life, Random random);
/// What earlier lives left open is sent again, or left to the checks; what they decided is decided again,
/// both ways.
void run_repetitions(Life& life, Random random);
/// Answers the checks of a group. Runs until the life is finished.
void run_checkbacks(Life& life, const std::string& group, Random random);

/// The request that a plan stands for; the same each time.
v1::PrepareRequest make_prepare(const TransactionPlan& plan);
template <class Request>
Request make_decision(const TransactionPlan& plan, std::uint64_t epoch) {
  Request request;
  request.set_group(plan.group);
  request.set_transaction_id(plan.id);
  request.set_epoch(epoch);
  return request;
}

}  // namespace escrow::crash
