// What a thread does before it starts an operation of gRPC is seen by whoever hears of its end: gRPC sees to
// that, and because it does so within its own libraries, where ThreadSanitizer cannot look, GrpcOrder says it
// once more.
#pragma once

#include <atomic>
#include <cstdint>

namespace escrow::rpc {

/// What happened before an operation of gRPC was started happened before the reaction to it.
class GrpcOrder {
 public:
  void starting() { started_.fetch_add(1, std::memory_order_release); }
  void reacting() const { static_cast<void>(started_.load(std::memory_order_acquire)); }

 private:
  std::atomic<std::uint64_t> started_{0};
};

}  // namespace escrow::rpc
