// A consumer of one queue: takes, settles in runs, keeps some for a while, leaves and comes back, as its
// habits say.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/fault/crash_life.h"

namespace escrow::crash {

struct ConsumerHabits {
  Queue queue = kOrdered;
  std::uint32_t prefetch = 200;
  double requeue = 0;  ///< share of messages
  double reject = 0;
  double leave = 0;  ///< chance after each frame to end the stream and open another one
};

/// Runs from its construction until the life is finished or the server is gone; joined by its destruction.
class CrashConsumer {
 public:
  CrashConsumer(Life& life, const ConsumerHabits& habits, Random random);
  ~CrashConsumer() { thread_.join(); }
  CrashConsumer(const CrashConsumer&) = delete;
  CrashConsumer& operator=(const CrashConsumer&) = delete;

  /// While draining it keeps and refuses nothing: what it holds and what comes is acked at once.
  void set_draining(bool draining);

 private:
  using Stream = grpc::ClientReaderWriterInterface<v1::ConsumeRequest, v1::ConsumeResponse>;
  struct Held {
    std::uint64_t tag;
    Uid uid;
  };
  /// Settlements in the order in which they went out: applied when the server has granted what they free.
  struct Settled {
    std::uint64_t count;  ///< tags settled on this stream, these included
    std::vector<Uid> gone;
  };

  void run();
  void run_stream();
  void handle(const v1::ConsumeResponse& response);
  void handle(const v1::ConsumeResponse::Delivery& delivery);
  // With the mutex held.
  void settle(std::size_t count);
  void write_settle(v1::ConsumeRequest::Outcome outcome, std::uint64_t first_tag, std::uint64_t last_tag);
  void note_applied(std::uint64_t count);
  v1::ConsumeRequest::Outcome choose();

  Life& life_;
  const ConsumerHabits habits_;
  Random random_;

  std::mutex mutex_;
  bool draining_ = false;
  // Of the current stream.
  Stream* stream_ = nullptr;
  StreamId id_ = 0;
  std::uint64_t last_tag_ = 0;
  std::uint64_t settled_count_ = 0;
  std::deque<Held> held_;
  std::deque<Settled> settled_;

  std::thread thread_;
};

}  // namespace escrow::crash
