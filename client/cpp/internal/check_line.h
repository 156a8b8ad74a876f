// A producer group's open line for checks: the stream, the threads that run the handler, the answers.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "client/cpp/check.h"
#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/stream_loop.h"
#include "client/cpp/internal/worker_pool.h"
#include "client/cpp/stream_health.h"

namespace escrow::client::internal {

/// Works from its construction to stop(). Thread-safe.
class CheckLine {
 public:
  CheckLine(std::shared_ptr<Connection> connection, std::string group, CheckHandler handler,
            const CheckOptions& options);
  ~CheckLine();
  CheckLine(const CheckLine&) = delete;
  CheckLine& operator=(const CheckLine&) = delete;

  /// As Producer::stop().
  void stop();
  StreamHealth health() const { return loop_.health(); }
  bool wait_connected(std::chrono::milliseconds timeout) const { return loop_.wait_connected(timeout); }

 private:
  using Stream = grpc::ClientReaderWriterInterface<v1::CheckbacksRequest, v1::CheckbacksResponse>;

  /// Runs on the loop's thread.
  Error session(grpc::ClientContext& context);
  void on_check(std::uint64_t session_number, v1::CheckbacksResponse::Check&& proto);
  CheckAnswer ask_handler(const Check& check) const;
  void send_answer(std::uint64_t session_number, std::uint64_t check_id, CheckAnswer answer);
  bool write(std::uint64_t session_number, const v1::CheckbacksRequest& request);

  const std::shared_ptr<Connection> connection_;
  const std::string group_;
  const CheckHandler handler_;
  const CheckOptions options_;

  /// Held while writing: a stream takes one write at a time.
  std::mutex write_mutex_;
  Stream* stream_ = nullptr;
  /// Check ids mean something on their own stream only.
  std::uint64_t session_number_ = 0;

  WorkerPool pool_;
  StreamLoop loop_;  // last: its thread uses all of the above
};

}  // namespace escrow::client::internal
