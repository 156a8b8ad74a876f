// The streams of a server, so that they can be counted and ended.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_set>

#include "base/result.h"

namespace escrow::rpc {

class Stream;

/// Thread-safe. Outlives its streams.
class StreamSet {
 public:
  explicit StreamSet(std::size_t limit) : limit_(limit) {}

  /// An error: there are too many, or no new ones are wanted.
  Result<void> add(Stream* stream);
  void remove(Stream* stream);
  std::size_t size() const;

  /// Ends all, and every one that comes later. Returns at once; they go when what they took is answered.
  void end_all();

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::unordered_set<Stream*> streams_;
  bool ending_ = false;
};

}  // namespace escrow::rpc
