// The messages of a queue that are alike in priority: their log, and how far it was given out. Most queues have one lane.
#pragma once

#include <cstdint>
#include <set>

#include "broker/core/queue_log.h"

namespace escrow::broker {

/// Not thread-safe.
class Lane {
 public:
  /// Messages that one call touches at most; what is left is done by the next call.
  static constexpr std::size_t kMaxStep = 1000;

  Lane(LogId log, PageCache& pages, bool stored) : log_(log, pages, stored) {}

  QueueLog& log() { return log_; }
  const QueueLog& log() const { return log_; }
  std::uint64_t ready() const { return log_.live() - unacked_; }
  std::uint64_t unacked() const { return unacked_; }

  /// The first that is ready; log().next_seq() if there is none. What came back takes its old place.
  Seq next() const { return returned_.empty() ? log_.first_live(cursor_) : *returned_.begin(); }
  /// Gives out what next() told.
  void take(Seq seq) {
    ++unacked_;
    if (returned_.empty()) {
      cursor_ = seq + 1;
    } else {
      returned_.erase(returned_.begin());
    }
  }
  /// It was taken, and is not unacked any more: it is removed, or comes back.
  void remove_taken(Seq seq, std::uint32_t body_bytes) {
    --unacked_;
    log_.remove(seq, body_bytes);
  }
  void give_back(Seq seq) {
    --unacked_;
    log_.set_delivery_count(seq, log_.delivery_count(seq) + 1);
    returned_.insert(seq);
  }

  /// One step of a purge of the ready messages in [from, until): at most kMaxStep that came back, then at most
  /// `max_work` as QueueLog::trim counts it.
  QueueLog::Trimmed purge(Seq from, Seq until, std::size_t max_work);

  /// After recovery: delivery starts at the first message that is left.
  void rewind() { cursor_ = log_.first_live(1); }

 private:
  QueueLog log_;
  std::set<Seq> returned_;  // ready again, all before cursor_
  Seq cursor_ = 1;          // the next that was never given out since the start
  std::uint64_t unacked_ = 0;
};

}  // namespace escrow::broker
