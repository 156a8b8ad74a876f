// What the load generators of the gRPC interface have in common: where the server is, what is sent, when to
// stop.
//
// Both are one thread with a completion queue: they share two cores with the server they measure, and a
// thread more would be a thread less for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "client/cpp/internal/connection.h"
#include "escrow/v1/coordinator.pb.h"

namespace escrow::bench {

struct LoadOptions {
  std::string target = "127.0.0.1:5680";
  std::string user = "guest";
  std::string password = "guest";
  double seconds = 10;
  /// Before counting starts: connections, caches and queues warm up.
  double warm_up_seconds = 1;
  /// Unary: calls. Transact: transactions.
  std::size_t in_flight = 64;
  std::size_t body_bytes = 256;
  /// Transact only.
  std::size_t operations_per_frame = 500;
};

inline constexpr const char* kQueue = "bench.grpc";

/// Connected, and with kQueue declared; ends the process with a message when that fails.
std::unique_ptr<client::internal::Connection> connect(const LoadOptions& options);

/// Makes the requests of transactions of one message each, with ids that no run before has used.
class Requests {
 public:
  explicit Requests(const LoadOptions& options);
  /// The next transaction. Whatever the request held before is overwritten.
  void prepare(v1::PrepareRequest& request);
  /// Its decision.
  static void commit(const v1::PrepareRequest& prepared, std::uint64_t epoch, v1::CommitRequest& request);

 private:
  const std::string prefix_;
  const std::string body_;
  std::uint64_t next_ = 0;
};

/// Prepare and Commit as unary calls, `in_flight` at a time: each transaction is committed when it is
/// prepared, and then the next one takes its place.
void run_unary(const LoadOptions& options);

/// The same by one stream of Transact: answers of one frame become operations of the next.
void run_transact(const LoadOptions& options);

}  // namespace escrow::bench
