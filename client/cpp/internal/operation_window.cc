#include "client/cpp/internal/operation_window.h"

#include <algorithm>
#include <utility>

#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/status.h"
#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client::internal {
namespace {

/// The server's limit.
constexpr std::size_t kMaxOperationsPerFrame = 1000;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

Error wrong_kind() {
  return local_error(ErrorCode::kInternal, "the server's answer is of another kind than the operation");
}

}  // namespace

void OperationWindow::add(v1::TransactRequest::Operation&& operation, OperationCallback callback,
                          Clock::time_point deadline) {
  const std::size_t limit = std::clamp<std::size_t>(options_.max_operations_per_frame, 1, kMaxOperationsPerFrame);
  if (frames_.empty() || !frames_.back()->open || frames_.back()->bytes >= options_.max_frame_bytes ||
      static_cast<std::size_t>(frames_.back()->request.operations_size()) >= limit) {
    frames_.push_back(std::make_shared<Frame>());
    frames_.back()->first_tag = next_tag();
  }
  Frame& frame = *frames_.back();
  operation.set_tag(next_tag());
  frame.bytes += operation.ByteSizeLong();
  *frame.request.add_operations() = std::move(operation);
  slots_.push_back({std::move(callback), deadline});
}

std::shared_ptr<const OperationWindow::Frame> OperationWindow::next_frame() {
  if (written_ == frames_.size()) return nullptr;
  frames_[written_]->open = false;
  return frames_[written_++];
}

std::optional<OperationCallback> OperationWindow::answer(std::uint64_t tag) {
  if (tag < base_tag_ || tag >= next_tag()) return std::nullopt;
  Slot& slot = slots_[tag - base_tag_];
  if (slot.answered) return std::nullopt;
  slot.answered = true;
  OperationCallback callback = std::move(slot.callback);
  forget_answered();
  return callback;
}

OperationWindow::Clock::time_point OperationWindow::first_deadline() const {
  // The first slot is unanswered, and deadlines rise with tags.
  return slots_.empty() ? Clock::time_point::max() : slots_.front().deadline;
}

std::vector<OperationCallback> OperationWindow::expire(Clock::time_point now) {
  std::vector<OperationCallback> expired;
  while (!slots_.empty() && slots_.front().deadline <= now) {
    expired.push_back(std::move(slots_.front().callback));
    slots_.front().answered = true;
    forget_answered();
  }
  return expired;
}

void OperationWindow::forget_answered() {
  while (!slots_.empty() && slots_.front().answered) {
    slots_.pop_front();
    ++base_tag_;
  }
  while (!frames_.empty() &&
         frames_.front()->first_tag + static_cast<std::uint64_t>(frames_.front()->request.operations_size()) <=
             base_tag_) {
    frames_.pop_front();
    if (written_ > 0) --written_;
  }
}

void deliver(OperationCallback& callback, const v1::TransactResponse::Result& result) {
  if (result.has_error()) return deliver(callback, to_error(result.error()));
  std::visit(Overloaded{[&](Transactor::PreparedCallback& done) {
                          if (!done) return;
                          done(result.has_prepare() ? Result<Prepared>(from_proto(result.prepare()))
                                                    : Result<Prepared>(wrong_kind()));
                        },
                        [&](Transactor::DecidedCallback& done) {
                          if (!done) return;
                          if (result.has_commit()) return done(from_proto(result.commit().decided_time()));
                          if (result.has_rollback()) return done(from_proto(result.rollback().decided_time()));
                          done(wrong_kind());
                        }},
             callback);
}

void deliver(OperationCallback& callback, const Error& error) {
  std::visit(
      [&](auto& done) {
        if (done) done(error);
      },
      callback);
}

}  // namespace escrow::client::internal
