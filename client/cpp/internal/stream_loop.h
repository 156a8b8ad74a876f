// Keeps a stream open: runs it to its end, waits a little, opens it again, until stopped.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "client/cpp/internal/connection.h"
#include "client/cpp/stream_health.h"

namespace escrow::client::internal {

/// Thread-safe. Owns one thread, on which the sessions run.
class StreamLoop {
 public:
  /// Runs one stream, opened with `context`, to its end and says why it ended.
  using Session = std::function<Error(grpc::ClientContext& context)>;

  StreamLoop(std::shared_ptr<Connection> connection, Session session);
  /// Cancels and joins.
  ~StreamLoop();
  StreamLoop(const StreamLoop&) = delete;
  StreamLoop& operator=(const StreamLoop&) = delete;

  void start();

  /// The session says that its stream is open.
  void mark_connected();
  /// The session says that the server answers: the next pause is a short one again.
  void mark_useful();

  /// No session starts after this one. The running one is not disturbed.
  void request_stop();
  /// Breaks the running stream off. Without request_stop() it is opened again.
  void cancel();
  /// Waits for the thread to end. False: not within `timeout`.
  bool wait_finished(std::chrono::milliseconds timeout);
  /// request_stop(), cancel() and the end of the thread.
  void stop();

  bool stopping() const;
  StreamHealth health() const;
  bool wait_connected(std::chrono::milliseconds timeout) const;

 private:
  void run();
  bool run_session();

  const std::shared_ptr<Connection> connection_;
  const Session session_;
  Backoff backoff_;  // guarded by mutex_

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  grpc::ClientContext* context_ = nullptr;  // of the running session
  StreamHealth health_;
  bool stopping_ = false;
  bool finished_ = true;
  std::thread thread_;
};

}  // namespace escrow::client::internal
