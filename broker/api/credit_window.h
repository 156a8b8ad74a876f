// How much a consumer may still be sent, and how much of that the engine may know.
//
// The engine delivers as fast as it can whatever it has credit for. A client may grant 65,535 messages of 16
// MiB and then not read: so the engine gets its credit in portions of messages and of bytes, and no new one
// while what was delivered has not left.
//
//   granted by the client = waiting here ─▶ with the engine ─▶ delivered, unwritten ─▶ written
//
//   messages   with the engine + unwritten ≤ kMaxAhead; with auto_credit one more waits for each that is
//              settled for the first time
//   bytes      with the engine + unwritten ≤ kMaxUnwrittenBytes, but for the message that uses them up
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

  /// What to grant the engine.
  struct Portion {
    std::uint32_t messages = 0;
    std::int64_t bytes = 0;

    explicit operator bool() const { return messages > 0 || bytes > 0; }
  };
  Portion take_portion(std::size_t unwritten_messages, std::size_t unwritten_bytes);

 private:
  bool auto_credit_;
  std::uint32_t waiting_ = 0;
  std::uint32_t with_engine_ = 0;
  std::int64_t bytes_with_engine_ = 0;  // negative by what the last message was too large
  // With auto_credit: whether the tags [first_tag_, first_tag_ + size) are settled.
  std::uint64_t first_tag_ = 1;
  std::deque<bool> settled_;
};

}  // namespace escrow::broker::api
