// The unanswered operations of a transactor: in frames as they are sent, and in one row by tag as they are
// answered.
//
//   tags     base ... next                   contiguous, so that a tag is an index
//   frames   [ sent ][ sent ][ open frame ]  each a run of tags; kept until all of its operations are
//   answered
//
// When the stream breaks the frames are sent again as they are: what is already answered in them is answered
// again and passed over here. Not thread-safe; the transactor holds its mutex.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/result.h"
#include "client/cpp/transactor.h"
#include "escrow/v1/coordinator.pb.h"

namespace escrow::client::internal {

using OperationCallback = std::variant<Transactor::PreparedCallback, Transactor::DecidedCallback>;

class OperationWindow {
 public:
  using Clock = std::chrono::steady_clock;
  struct Frame {
    v1::TransactRequest request;
    std::uint64_t first_tag = 0;
    std::size_t bytes = 0;
    bool open = true;  // takes further operations
  };

  explicit OperationWindow(const TransactorOptions& options) : options_(options) {}

  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  std::uint64_t next_tag() const { return base_tag_ + slots_.size(); }
  /// All tags below are answered.
  std::uint64_t base_tag() const { return base_tag_; }

  /// Gives the operation its tag and puts it into the last frame.
  void add(v1::TransactRequest::Operation&& operation, OperationCallback callback, Clock::time_point deadline);

  /// The next frame to write, which from now on takes no operation; nullptr: all are written. Stays valid
  /// while it is written, even when its operations fail meanwhile.
  std::shared_ptr<const Frame> next_frame();
  /// All frames are to be written again.
  void rewind() { written_ = 0; }

  /// The callback of an operation that is answered by this; nullopt when it was answered before.
  std::optional<OperationCallback> answer(std::uint64_t tag);

  /// When the oldest operation's time is over; the end of time when there is none.
  Clock::time_point first_deadline() const;
  /// Takes out what should have been answered by `now`.
  std::vector<OperationCallback> expire(Clock::time_point now);

 private:
  struct Slot {
    OperationCallback callback;
    Clock::time_point deadline;
    bool answered = false;
  };

  void forget_answered();

  const TransactorOptions options_;
  std::uint64_t base_tag_ = 1;
  std::deque<Slot> slots_;
  std::deque<std::shared_ptr<Frame>> frames_;
  std::size_t written_ = 0;  // frames from the front that are on the stream
};

/// Calls back with what the server said, or with an error.
void deliver(OperationCallback& callback, const v1::TransactResponse::Result& result);
void deliver(OperationCallback& callback, const Error& error);

}  // namespace escrow::client::internal
