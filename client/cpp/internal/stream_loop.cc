#include "client/cpp/internal/stream_loop.h"

#include <utility>

namespace escrow::client::internal {

StreamLoop::StreamLoop(std::shared_ptr<Connection> connection, Session session)
    : connection_(std::move(connection)), session_(std::move(session)), backoff_(connection_->make_backoff()) {}

StreamLoop::~StreamLoop() { stop(); }

void StreamLoop::start() {
  const std::lock_guard lock(mutex_);
  finished_ = false;
  thread_ = std::thread([this] { run(); });
}

void StreamLoop::mark_connected() {
  const std::lock_guard lock(mutex_);
  if (!health_.connected) {
    health_.connected = true;
    ++health_.opened;
    changed_.notify_all();
  }
}

void StreamLoop::mark_useful() {
  const std::lock_guard lock(mutex_);
  backoff_.reset();
}

void StreamLoop::request_stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void StreamLoop::cancel() {
  const std::lock_guard lock(mutex_);
  if (context_ != nullptr) context_->TryCancel();
}

bool StreamLoop::wait_finished(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return finished_; });
}

void StreamLoop::stop() {
  request_stop();
  cancel();
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    thread = std::move(thread_);  // of several callers one joins
  }
  if (thread.joinable()) thread.join();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finished_; });
}

bool StreamLoop::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

StreamHealth StreamLoop::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

bool StreamLoop::wait_connected(std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return health_.connected || stopping_; });
  return health_.connected;
}

void StreamLoop::run() {
  while (run_session()) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, backoff_.next(), [&] { return stopping_; });
  }
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

bool StreamLoop::run_session() {
  grpc::ClientContext context;
  connection_->authorize(context);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    context_ = &context;
  }
  Error why = session_(context);
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
  health_.connected = false;
  if (!stopping_) {
    ++health_.failed;
    health_.last_error = std::move(why);
  }
  return !stopping_;
}

}  // namespace escrow::client::internal
