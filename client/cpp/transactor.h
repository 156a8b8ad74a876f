// Prepare, commit and rollback for throughput: many operations a frame, many frames on the way.
//
//   Transactor transactor(client, "orders");
//   transactor.prepare("order-17", {message}, [&](Result<Prepared> prepared) { ... });
//
// While one frame is being written, the operations of the meantime gather in the next one: a busy transactor
// sends large frames and a quiet one sends at once. Operations on one transaction keep their order.
//
// When the stream breaks, it is opened again and everything unanswered is sent again in the old order. This
// is harmless, since all operations are idempotent; what stays unanswered for `operation_timeout` fails with
// the last error of the stream, and what became of it is then unknown.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/message.h"
#include "client/cpp/stream_health.h"
#include "client/cpp/transaction.h"

namespace escrow::client {

struct TransactorOptions {
  /// Operations without an answer. Whoever submits one more waits, except within a callback.
  std::size_t window = 4096;
  /// At most 1,000.
  std::size_t max_operations_per_frame = 500;
  /// A frame that reached this size takes no further operation.
  std::size_t max_frame_bytes = 1u << 20;
  std::chrono::milliseconds operation_timeout{30000};
};

/// Thread-safe. Each callback is called exactly once, on one of the transactor's own two threads; what fails
/// because of stop() is called back on the thread that called stop() or submitted. Callbacks may submit
/// operations, but must not block, throw, nor call drain() or stop().
class Transactor {
 public:
  using PreparedCallback = std::function<void(Result<Prepared>)>;
  /// With the time of the decision.
  using DecidedCallback = std::function<void(Result<Timestamp>)>;

  Transactor(const Client& client, std::string group, const TransactorOptions& options = {});
  /// As stop().
  ~Transactor();
  Transactor(const Transactor&) = delete;
  Transactor& operator=(const Transactor&) = delete;

  void prepare(const std::string& transaction_id, std::vector<Message> messages, const PrepareOptions& options,
               PreparedCallback done);
  void commit(const DecisionRequest& request, DecidedCallback done);
  void rollback(const DecisionRequest& request, DecidedCallback done);

  std::future<Result<Prepared>> prepare(const std::string& transaction_id, std::vector<Message> messages,
                                        const PrepareOptions& options = {});
  std::future<Result<Timestamp>> commit(const DecisionRequest& request);
  std::future<Result<Timestamp>> rollback(const DecisionRequest& request);

  /// Waits until every operation submitted so far has been answered or has failed, and was called back.
  void drain();

  /// What is unanswered fails with CANCELLED; so does what is submitted later. Idempotent.
  void stop();

  StreamHealth health() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace escrow::client
