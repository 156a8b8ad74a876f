#include "broker/api/credit_window.h"

#include <algorithm>

#include "rpc/server_limits.h"
#include "rpc/status.h"

namespace escrow::broker::api {

Result<void> CreditWindow::grant(std::uint32_t credit) {
  if (credit > kMaxCredit || waiting_ + with_engine_ + credit > kMaxCredit) {
    return rpc::limit_exceeded("credit", kMaxCredit);
  }
  waiting_ += credit;
  return {};
}

void CreditWindow::settle(std::uint64_t first_tag, std::uint64_t last_tag) {
  if (!auto_credit_) return;
  const std::uint64_t end = first_tag_ + settled_.size();
  for (std::uint64_t tag = std::max(first_tag, first_tag_); tag < end && tag <= last_tag; ++tag) {
    if (settled_[tag - first_tag_]) continue;
    settled_[tag - first_tag_] = true;
    // Who grants by hand on top of it stays within the limit all the same.
    if (waiting_ + with_engine_ < kMaxCredit) ++waiting_;
  }
  for (; !settled_.empty() && settled_.front(); settled_.pop_front()) ++first_tag_;
}

void CreditWindow::delivered(std::uint32_t messages, std::size_t bytes) {
  with_engine_ -= std::min(messages, with_engine_);
  if (auto_credit_) settled_.insert(settled_.end(), messages, false);
  if (messages == 0) return;
  const std::size_t average = bytes / messages + 1;
  message_bytes_ = std::max(average, message_bytes_ - message_bytes_ / 16);
}

std::uint32_t CreditWindow::room(std::size_t unwritten_messages, std::size_t unwritten_bytes) const {
  const std::size_t ahead = with_engine_ + unwritten_messages;
  const std::size_t bytes_ahead = unwritten_bytes + with_engine_ * message_bytes_;
  const std::size_t bytes = rpc::kMaxUnwrittenBytes - std::min(rpc::kMaxUnwrittenBytes, bytes_ahead);
  const std::size_t messages =
      std::min(kMaxAhead - std::min<std::size_t>(kMaxAhead, ahead), bytes / message_bytes_);
  // One at a time gets through, however large it is.
  return static_cast<std::uint32_t>(ahead == 0 ? std::max<std::size_t>(messages, 1) : messages);
}

std::uint32_t CreditWindow::take_portion(std::size_t unwritten_messages, std::size_t unwritten_bytes) {
  const std::uint32_t portion = std::min(waiting_, room(unwritten_messages, unwritten_bytes));
  waiting_ -= portion;
  with_engine_ += portion;
  return portion;
}

}  // namespace escrow::broker::api
