#include "rpc/server_limits.h"

#include <gtest/gtest.h>

namespace escrow::rpc {
namespace {

constexpr std::size_t kMiB = 1 << 20;

TEST(ServerLimits, a_transaction_has_room_for_the_largest_message) {
  for (const std::size_t message : {1024ul, 16 * kMiB, 64 * kMiB}) {
    const ServerLimits limits{message};
    EXPECT_GE(limits.transaction_bytes(), message + kMessageOverheadBytes);
    EXPECT_GE(limits.transaction_bytes(), coordinator::kMaxTransactionBytes);
  }
}

TEST(ServerLimits, what_is_a_little_too_large_is_still_received_and_refused_with_its_reason) {
  EXPECT_GT(ServerLimits{}.request_bytes(), 2 * 10 * kMiB);
  EXPECT_LT(ServerLimits{64 * kMiB}.request_bytes(), 1ul << 31);
}

}  // namespace
}  // namespace escrow::rpc
