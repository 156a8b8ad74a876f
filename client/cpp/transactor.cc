#include "client/cpp/transactor.h"

#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/operation_window.h"
#include "client/cpp/internal/status.h"
#include "client/cpp/internal/stream_loop.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client {

using internal::deliver;
using internal::OperationCallback;
using internal::OperationWindow;

/// The loop's thread opens the stream and reads the answers; a second one writes the frames.
class Transactor::Impl {
 public:
  Impl(std::shared_ptr<internal::Connection> connection, std::string group, const TransactorOptions& options)
      : connection_(std::move(connection)),
        group_(std::move(group)),
        options_(options),
        window_(options),
        loop_(connection_, [this](grpc::ClientContext& context) { return session(context); }) {
    loop_.start();
    writer_ = std::thread([this] { write_frames(); });
  }

  ~Impl() { stop(); }

  const std::string& group() const { return group_; }
  StreamHealth health() const { return loop_.health(); }

  void submit(v1::TransactRequest::Operation&& operation, OperationCallback callback) {
    std::unique_lock lock(mutex_);
    // A callback that waited for answers would wait for itself.
    if (!on_own_thread()) room_.wait(lock, [&] { return stopping_ || window_.size() < options_.window; });
    if (stopping_) {
      lock.unlock();
      return deliver(callback, internal::local_error(ErrorCode::kCancelled, "the transactor is stopped"));
    }
    window_.add(std::move(operation), std::move(callback), Clock::now() + options_.operation_timeout);
    work_.notify_one();
  }

  void drain() {
    std::unique_lock lock(mutex_);
    const std::uint64_t end = window_.next_tag();
    room_.wait(
        lock, [&] { return stopping_ || (window_.base_tag() >= end && reader_floor_ >= end && writer_floor_ >= end); });
  }

  void stop() {
    std::thread writer;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      writer = std::move(writer_);
      work_.notify_all();
      room_.notify_all();
    }
    loop_.stop();
    if (writer.joinable()) writer.join();
    std::unique_lock lock(mutex_);
    auto cancelled = window_.expire(Clock::time_point::max());
    lock.unlock();
    const Error error =
        internal::local_error(ErrorCode::kCancelled, "the transactor was stopped before the answer came");
    for (auto& callback : cancelled) deliver(callback, error);
  }

 private:
  using Clock = OperationWindow::Clock;
  using Stream = grpc::ClientReaderWriterInterface<v1::TransactRequest, v1::TransactResponse>;

  static constexpr std::uint64_t kIdle = ~std::uint64_t{0};

  bool on_own_thread() const {
    const auto self = std::this_thread::get_id();
    return self == reader_id_ || self == writer_.get_id();
  }

  /// Runs on the loop's thread.
  Error session(grpc::ClientContext& context) {
    const auto stream = connection_->coordinator().Transact(&context);
    {
      const std::lock_guard lock(mutex_);
      reader_id_ = std::this_thread::get_id();
      stream_ = stream.get();
      window_.rewind();
      work_.notify_one();
    }
    if (connection_->is_ready()) loop_.mark_connected();
    v1::TransactResponse response;
    while (stream->Read(&response)) {
      loop_.mark_useful();
      take_answers(response);
    }
    {
      std::unique_lock lock(mutex_);
      stream_ = nullptr;
      written_.wait(lock, [&] { return !writing_; });
    }
    const grpc::Status status = stream->Finish();
    Error why = status.ok() ? internal::local_error(ErrorCode::kUnavailable, "the server ended the stream")
                            : internal::to_error(status);
    const std::lock_guard lock(mutex_);
    last_error_ = why;
    return why;
  }

  void take_answers(const v1::TransactResponse& response) {
    answered_.clear();
    {
      const std::lock_guard lock(mutex_);
      reader_floor_ = window_.base_tag();
      for (int i = 0; i < response.results_size(); ++i) {
        if (auto callback = window_.answer(response.results(i).tag())) answered_.emplace_back(i, std::move(*callback));
      }
      room_.notify_all();
    }
    for (auto& [index, callback] : answered_) deliver(callback, response.results(index));
    const std::lock_guard lock(mutex_);
    reader_floor_ = kIdle;
    room_.notify_all();
  }

  /// Runs on the writer's thread.
  void write_frames() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (auto frame = stream_ != nullptr ? window_.next_frame() : nullptr) {
        Stream* stream = stream_;
        writing_ = true;
        lock.unlock();
        stream->Write(frame->request);  // a failure shows in Read() as well
        lock.lock();
        writing_ = false;
        written_.notify_one();
      } else {
        wait_for_work(lock);
      }
      fail_overdue(lock);
    }
  }

  void wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto deadline = window_.first_deadline();
    if (deadline == Clock::time_point::max()) {
      work_.wait(lock);
    } else {
      work_.wait_until(lock, deadline);
    }
  }

  void fail_overdue(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t floor = window_.base_tag();
    auto overdue = window_.expire(Clock::now());
    if (overdue.empty()) return;
    writer_floor_ = floor;
    const Error error = stream_ == nullptr && last_error_
                            ? *last_error_
                            : internal::local_error(ErrorCode::kDeadlineExceeded, "no answer within operation_timeout");
    lock.unlock();
    for (auto& callback : overdue) deliver(callback, error);
    lock.lock();
    writer_floor_ = kIdle;
    room_.notify_all();
  }

  const std::shared_ptr<internal::Connection> connection_;
  const std::string group_;
  const TransactorOptions options_;

  std::mutex mutex_;
  std::condition_variable work_;     // the writer waits for it: frames, a stream, the end
  std::condition_variable room_;     // submitters and drain() wait for it: fewer unanswered operations
  std::condition_variable written_;  // the end of a session waits for it: no write is running
  OperationWindow window_;
  Stream* stream_ = nullptr;
  bool writing_ = false;
  bool stopping_ = false;
  std::optional<Error> last_error_;
  std::thread::id reader_id_;
  /// The lowest tag whose callback may be running on that thread.
  std::uint64_t reader_floor_ = kIdle;
  std::uint64_t writer_floor_ = kIdle;
  std::vector<std::pair<int, OperationCallback>> answered_;  // of the reader's thread; kept for its memory

  std::thread writer_;
  internal::StreamLoop loop_;
};

namespace {

/// A callback that fulfils a promise, and its future.
template <class T>
auto make_promise() {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  return std::pair(
      std::function<void(Result<T>)>([promise](Result<T> result) { promise->set_value(std::move(result)); }),
      std::move(future));
}

}  // namespace

Transactor::Transactor(const Client& client, std::string group, const TransactorOptions& options)
    : impl_(std::make_unique<Impl>(client.connection(), std::move(group), options)) {}

Transactor::~Transactor() = default;

void Transactor::prepare(const std::string& transaction_id, std::vector<Message> messages,
                         const PrepareOptions& options, PreparedCallback done) {
  v1::TransactRequest::Operation operation;
  internal::fill_prepare(impl_->group(), transaction_id, std::move(messages), options, *operation.mutable_prepare());
  impl_->submit(std::move(operation), std::move(done));
}

void Transactor::commit(const DecisionRequest& request, DecidedCallback done) {
  v1::TransactRequest::Operation operation;
  internal::fill_decision(impl_->group(), request, *operation.mutable_commit());
  impl_->submit(std::move(operation), std::move(done));
}

void Transactor::rollback(const DecisionRequest& request, DecidedCallback done) {
  v1::TransactRequest::Operation operation;
  internal::fill_decision(impl_->group(), request, *operation.mutable_rollback());
  impl_->submit(std::move(operation), std::move(done));
}

std::future<Result<Prepared>> Transactor::prepare(const std::string& transaction_id, std::vector<Message> messages,
                                                  const PrepareOptions& options) {
  auto [done, future] = make_promise<Prepared>();
  prepare(transaction_id, std::move(messages), options, std::move(done));
  return std::move(future);
}

std::future<Result<Timestamp>> Transactor::commit(const DecisionRequest& request) {
  auto [done, future] = make_promise<Timestamp>();
  commit(request, std::move(done));
  return std::move(future);
}

std::future<Result<Timestamp>> Transactor::rollback(const DecisionRequest& request) {
  auto [done, future] = make_promise<Timestamp>();
  rollback(request, std::move(done));
  return std::move(future);
}

void Transactor::drain() { impl_->drain(); }

void Transactor::stop() { impl_->stop(); }

StreamHealth Transactor::health() const { return impl_->health(); }

}  // namespace escrow::client
