// The messages of a queue that are alike in priority: their log, and how far it was given out. Most queues have one lane.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "broker/core/dead_letter.h"
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
  std::uint64_t ready() const { return log_.live() - unacked_ - condemned_.size(); }
  std::uint64_t unacked() const { return unacked_; }

  /// The first that is ready; log().next_seq() if there is none. What came back takes its old place.
  Seq next() const { return returned_.empty() ? log_.first_live(cursor_) : *returned_.begin(); }
  bool is_live(Seq seq) const { return log_.first_live(seq) == seq; }
  bool is_ready(Seq seq) const { return seq >= cursor_ ? is_live(seq) : returned_.contains(seq); }
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
  /// It was ready.
  void remove_ready(Seq seq, std::optional<std::uint32_t> body_bytes) {
    if (returned_.erase(seq) == 0 && log_.first_live(cursor_) == seq) cursor_ = seq + 1;
    log_.remove(seq, body_bytes);
  }

  /// Messages that were taken, have to die and are not in memory, where they are wanted for that: neither ready nor unacked
  /// any more. After a crash they come back.
  struct Condemned {
    DeathReason reason = DeathReason::kRejected;
    std::string failure;  ///< what the consumer gave as its reason
  };
  const std::map<Seq, Condemned>& condemned() const { return condemned_; }
  void condemn_taken(Seq seq, DeathReason reason, std::string_view failure) {
    --unacked_;
    condemned_.try_emplace(seq, Condemned{reason, std::string(failure)});
  }
  void remove_condemned(Seq seq, std::uint32_t body_bytes) {
    condemned_.erase(seq);
    log_.remove(seq, body_bytes);
  }

  /// Messages from here on were not offered to anybody yet.
  Seq unoffered() const { return unoffered_; }
  void all_offered() { unoffered_ = log_.next_seq(); }

  void give_back(Seq seq) {
    --unacked_;
    log_.set_delivery_count(seq, log_.delivery_count(seq) + 1);
    returned_.insert(seq);
  }

  /// One step of a purge of the ready messages in [from, until): at most kMaxStep that came back, then at most
  /// `max_work` as QueueLog::trim counts it.
  QueueLog::Trimmed purge(Seq from, Seq until, std::size_t max_work);

  /// After recovery: delivery starts at the first message that is left.
  void rewind() {
    cursor_ = log_.first_live(1);
    all_offered();
  }

 private:
  QueueLog log_;
  std::set<Seq> returned_;  // ready again, all before cursor_
  std::map<Seq, Condemned> condemned_;
  Seq unoffered_ = 1;
  Seq cursor_ = 1;  // the next that was never given out since the start
  std::uint64_t unacked_ = 0;
};

}  // namespace escrow::broker
