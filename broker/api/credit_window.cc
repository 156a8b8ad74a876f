#include "broker/api/credit_window.h"

#include <algorithm>

#include "rpc/server_limits.h"
#include "rpc/status.h"

namespace escrow::broker::api {
namespace {

constexpr auto kMaxBytes = static_cast<std::int64_t>(rpc::kMaxUnwrittenBytes);

}  // namespace

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
  bytes_with_engine_ -= static_cast<std::int64_t>(bytes);
  if (auto_credit_) settled_.insert(settled_.end(), messages, false);
}

CreditWindow::Portion CreditWindow::take_portion(std::size_t unwritten_messages, std::size_t unwritten_bytes) {
  const std::size_t ahead = std::min<std::size_t>(with_engine_ + unwritten_messages, kMaxAhead);
  Portion portion;
  portion.messages = std::min(waiting_, static_cast<std::uint32_t>(kMaxAhead - ahead));
  const std::int64_t bytes = kMaxBytes - bytes_with_engine_ - static_cast<std::int64_t>(unwritten_bytes);
  // For bytes alone only when they are many: each portion is a command of the engine.
  const bool worth_it = portion.messages > 0 || (with_engine_ > 0 && bytes >= kMaxBytes / 2);
  if (worth_it) portion.bytes = std::max<std::int64_t>(bytes, 0);
  waiting_ -= portion.messages;
  with_engine_ += portion.messages;
  bytes_with_engine_ += portion.bytes;
  return portion;
}

}  // namespace escrow::broker::api
