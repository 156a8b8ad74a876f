// Arenas for requests that are converted and thrown away on the spot.
#pragma once

#include <google/protobuf/arena.h>

#include <array>
#include <cstddef>

namespace escrow::rpc {

/// For one request at a time on each thread: most frames fit into memory that the thread keeps. What is made lives as long
/// as the arena. Not to be nested.
class FrameArena {
 public:
  FrameArena() : arena_(block().data(), kBlockBytes) {}
  FrameArena(const FrameArena&) = delete;
  FrameArena& operator=(const FrameArena&) = delete;

  template <class Message>
  Message& make() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  static constexpr std::size_t kBlockBytes = 64 << 10;
  struct alignas(std::max_align_t) Block : std::array<char, kBlockBytes> {};
  static Block& block() {
    static thread_local Block memory;
    return memory;
  }

  google::protobuf::Arena arena_;
};

}  // namespace escrow::rpc
