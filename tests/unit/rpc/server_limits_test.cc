#include "rpc/server_limits.h"

#include <gtest/gtest.h>

namespace escrow::rpc {
namespace {

constexpr std::size_t kMiB = 1 << 20;

TEST(ServerLimits, ATransactionHasRoomForTheLargestMessage) {
  for (const std::size_t message : {1024ul, 16 * kMiB, 64 * kMiB}) {
    const ServerLimits limits{message};
    EXPECT_GE(limits.transaction_bytes(), message + kMessageOverheadBytes);
    EXPECT_GE(limits.transaction_bytes(), coordinator::kMaxTransactionBytes);
  }
}

TEST(ServerLimits, WhatIsALittleTooLargeIsStillReceivedAndRefusedWithItsReason) {
  EXPECT_GT(ServerLimits{}.request_bytes(), 2 * 10 * kMiB);
  EXPECT_LT(ServerLimits{64 * kMiB}.request_bytes(), 1ul << 31);
}

}  // namespace
}  // namespace escrow::rpc
