// How much a consumer may still be sent, and how much of that the engine may know.
//
// The engine delivers as fast as it can whatever it has credit for. A client may grant 65,535 messages of 16
// MiB and then not read: so the engine gets its credit in portions, and no new one while what was delivered
// has not left.
//
//   granted by the client = waiting here ─▶ with the engine ─▶ delivered, unwritten ─▶ written
//                              ▲  portion: (with the engine + unwritten) x a message's size ≤
//                              kMaxUnwrittenBytes └── auto_credit: one more for each message settled for the
//                              first time
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/result.h"

namespace escrow::broker::api {

/// Not thread-safe.
class CreditWindow {
 public:
  /// Credit that is not used yet.
  static constexpr std::uint32_t kMaxCredit = 65'535;
  /// Messages that the engine may be ahead of the network.
  static constexpr std::uint32_t kMaxAhead = 1000;

  explicit CreditWindow(bool auto_credit) : auto_credit_(auto_credit) {}

  /// Beyond kMaxCredit: LIMIT_EXCEEDED.
  Result<void> grant(std::uint32_t credit);
  /// Tags count from 1; those not delivered yet, or settled before, count for nothing.
  void settle(std::uint64_t first_tag, std::uint64_t last_tag);
  /// The engine delivered the next `messages`.
  void delivered(std::uint32_t messages, std::size_t bytes);

  /// What to grant the engine now; 0: nothing.
  std::uint32_t take_portion(std::size_t unwritten_messages, std::size_t unwritten_bytes);

 private:
  std::uint32_t room(std::size_t unwritten_messages, std::size_t unwritten_bytes) const;

  bool auto_credit_;
  std::uint32_t waiting_ = 0;
  std::uint32_t with_engine_ = 0;
  std::size_t message_bytes_ = 1;  // of a large one among the recent ones
  // With auto_credit: whether the tags [first_tag_, first_tag_ + size) are settled.
  std::uint64_t first_tag_ = 1;
  std::deque<bool> settled_;
};

}  // namespace escrow::broker::api
