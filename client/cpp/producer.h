// A service that sends messages together with its own local transactions.
//
//   Producer orders(client, "orders");
//   orders.on_check([&](const Check& check) { return placed(check.transaction_id) ? kCommit : kRollback; });
//
//   SendResult result = orders.send("order-17", {message}, [&] { database.commit(...); });
//
// send() prepares the messages, runs the local transaction, and commits or rolls back the messages as it
// ended. When the process dies in between, or the outcome stays unknown, the server asks any live producer of
// the group.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "client/cpp/check.h"
#include "client/cpp/client.h"
#include "client/cpp/message.h"
#include "client/cpp/stream_health.h"
#include "client/cpp/transaction.h"

namespace escrow::client {

/// How a local transaction ended.
enum class Decision : std::uint8_t {
  kCommit,
  kRollback,
  /// Not known, as when the database was lost while it committed: the server will ask.
  kUnknown,
};

/// Thrown by a local transaction that certainly left nothing behind. Every other exception means that the
/// outcome is not known, because it may come from a commit that succeeded all the same; a check then finds
/// out.
class RolledBack : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class SendOutcome : std::uint8_t {
  /// The messages are, durably, in the queues they were routed to.
  kCommitted,
  /// The messages are gone.
  kRolledBack,
  /// The local transaction was not run and never will be by this call. Where only the answer was lost, the server has the
  /// messages, will ask, and drops them.
  kNotPrepared,
  /// The decision did not reach the server, or the outcome is not known here: a check will decide. The local transaction
  /// is not undone by this.
  kUndecided,
  /// The local transaction ended one way and the server had decided the other way before: somebody else decided, or a check
  /// handler answered too early. A person must look at it.
  kContradicted,
};

struct SendResult {
  SendOutcome outcome = SendOutcome::kNotPrepared;
  /// The callable was run. False also when the transaction was decided before this call, which then changed
  /// nothing.
  bool local_transaction_run = false;
  /// 0 when not prepared.
  std::uint64_t epoch = 0;
  /// Why the outcome is neither kCommitted nor kRolledBack, as far as the server or the connection is the
  /// cause.
  std::optional<Error> error;
  /// What the callable threw.
  std::exception_ptr exception;

  bool committed() const { return outcome == SendOutcome::kCommitted; }
};

/// A callable that returns a Decision, or nothing for kCommit.
template <class F>
concept LocalTransaction =
    std::is_void_v<std::invoke_result_t<F&>> || std::is_same_v<std::invoke_result_t<F&>, Decision>;

/// One producer group's member. Thread-safe: one object serves all threads of a service. The group's name and
/// the transaction's id are 1 to 255 bytes each.
class Producer {
 public:
  Producer(const Client& client, std::string group);
  /// As stop().
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// Prepares, runs the local transaction on this thread, decides; see RolledBack for what the callable
  /// throws. It runs at most once, but with an id that was sent before and is still undecided it runs again:
  /// it must refuse to do its work twice (a primary key made of the id does).
  ///
  /// Calls are repeated, with pauses, for ClientOptions::call_timeout each; all are idempotent. Does not
  /// throw.
  template <LocalTransaction F>
  SendResult send(const std::string& transaction_id,
                  std::vector<Message> messages,  // NOLINT(performance-unnecessary-value-param): it is moved
                  F&& local_transaction, const PrepareOptions& options = {}) {
    return run(transaction_id, std::move(messages), options, [&] {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        local_transaction();
        return Decision::kCommit;
      } else {
        return local_transaction();
      }
    });
  }

  /// The three steps one by one, for those who cannot hand over a callable. Each is idempotent and repeated
  /// for ClientOptions::call_timeout. Commit and rollback return when the decision was taken.
  Result<Prepared> prepare(const std::string& transaction_id, std::vector<Message> messages,
                           const PrepareOptions& options = {});
  Result<Timestamp> commit(const DecisionRequest& request);
  Result<Timestamp> rollback(const DecisionRequest& request);

  /// From now on this process answers the group's checks, through a stream that is opened again whenever it
  /// breaks. Call it once, before the first send, so that nothing is sent which nobody could answer for.
  void on_check(CheckHandler handler, const CheckOptions& options = {});
  /// Waits until the server sends checks here.
  bool wait_for_checks(std::chrono::milliseconds timeout) const;
  StreamHealth check_health() const;

  /// Takes no more checks, lets running handlers finish and their answers go out. Checks that were waiting
  /// for a thread are asked again elsewhere. Idempotent; not to be called from a handler, for which it would
  /// wait for ever.
  void stop();

  const std::string& group() const;

 private:
  SendResult run(const std::string& transaction_id, std::vector<Message> messages, const PrepareOptions& options,
                 const std::function<Decision()>& local_transaction);

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace escrow::client
