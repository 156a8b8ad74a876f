// The persistent timer index. Timers are written in packed entries per lane, second and batch, validated when they fire,
// and not deleted one by one when they become moot. Only the near horizon of lanes that somebody serves is in memory.
//
//   key    lane u32 │ bucket u64 (second) │ batch u64      (big-endian)
//   value  { i64 due µs │ varint epoch │ string key }*
//
// A bucket goes from the store as a whole: when all its timers were added by this process and all became moot, without
// being read; else when all were read and resolved.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "broker/core/fragment.h"
#include "coordinator/core/transaction.h"
#include "engine/head.h"

namespace escrow::engine {

using broker::BatchNumber;

/// Seconds since the epoch.
using Bucket = std::uint64_t;
Bucket bucket_of(Timestamp due);

struct Timer {
  Timestamp due;
  coordinator::Epoch epoch = 0;
  std::string key;            ///< coordinator::Key::encode, or the place of a message
  std::uint64_t service = 0;  ///< not stored: since which TimerLane::serve it is in memory
};

std::string timer_key(LaneId lane, Bucket bucket, BatchNumber batch);
struct TimerKey {
  LaneId lane = 0;
  Bucket bucket = 0;
  BatchNumber batch = 0;
};
std::optional<TimerKey> decode_timer_key(std::string_view key);
void encode_timer(const Timer& timer, std::string& out);
/// kDataLoss when damaged.
Result<std::vector<Timer>> decode_timers(std::string_view value);

/// One lane. Not thread-safe.
class TimerLane {
 public:
  /// How far ahead of their time timers are read.
  static constexpr Bucket kHorizonSeconds = 2;
  /// Timers farther ahead are not counted, as if they were of an earlier process: a count costs memory until its second is
  /// over, and that may be years.
  static constexpr Bucket kFarSeconds = 3600;
  /// Timers in memory, beyond which no more are read or kept.
  static constexpr std::size_t kMaxLoaded = 50'000;

  /// Buckets up to `recovered_last` may hold timers that this process has not counted.
  TimerLane(LaneId id, Bucket recovered_last, std::size_t max_loaded = kMaxLoaded)
      : id_(id), recovered_last_(recovered_last), max_loaded_(max_loaded) {}

  LaneId id() const { return id_; }

  void add(Timer timer);
  /// The timer that was due then became moot before it fired.
  void moot(Timestamp due);

  /// False: the lane was without service since the timer was taken, and whoever serves it now reads it again.
  bool current(const Timer& timer) const { return timer.service == service(); }
  /// Counts serve(true).
  std::uint64_t service() const { return service_; }
  /// A timer taken by next_due() is done with. Passed over unless it is current.
  void resolved(const Timer& timer);
  /// … or is to fire again, later, though its entry stays as it is.
  void again(Timer timer, Timestamp fire_at);

  /// The lane is served from now on, or not: then nothing is kept in memory.
  void serve(bool on);

  /// A timer whose time has come; it must be resolved or come again.
  std::optional<Timer> next_due(Timestamp now);
  /// When next_due or next_read may have something; nullopt: not before the next add.
  std::optional<Timestamp> next_time() const;

  /// Keys to read in [from, to), after the batch that is being built is durable.
  struct Read {
    std::string from;
    std::string to;
    Bucket until = 0;
    BatchNumber after = 0;
    std::uint64_t service = 0;
  };
  std::optional<Read> next_read(Timestamp now, BatchNumber building);
  struct Entry {
    TimerKey key;
    std::vector<Timer> timers;
  };
  /// `stopped_at`: the read was cut off there and has to go on.
  void loaded(const Read& read, std::vector<Entry> entries, std::optional<std::string> stopped_at);

  /// Sink: put_timers(key, value), erase_timers(from, to).
  template <class Sink>
  void take_changes(Sink& sink, BatchNumber batch, Timestamp now);
  bool listed_changed = false;

 private:
  struct BucketState {
    std::uint32_t added = 0;    // by this process
    std::uint32_t moot = 0;     // of these
    std::uint32_t pending = 0;  // in memory, or fired and not resolved
    bool loaded = false;
  };
  struct Armed {
    Timestamp fire_at;
    std::uint64_t order = 0;
    Timer timer;
    /// Earliest on top, of equal ones that which was there first.
    bool operator<(const Armed& other) const { return std::tie(fire_at, order) > std::tie(other.fire_at, other.order); }
  };
  bool all_moot(Bucket bucket, const BucketState& state) const {
    return bucket > recovered_last_ && state.added == state.moot;
  }
  void arm(Timer timer, Timestamp fire_at);
  void read_on_from(std::optional<std::string> key);

  LaneId id_;
  Bucket recovered_last_;
  std::size_t max_loaded_;
  bool served_ = false;
  std::uint64_t service_ = 0;  // counts serve(true), so that late reads of an earlier one are told apart
  bool reading_ = false;
  Bucket horizon_ = 0;                 // buckets before it are in memory …
  std::optional<std::string> resume_;  // … but what comes from this key on
  std::map<Bucket, BucketState> buckets_;
  std::priority_queue<Armed> armed_;
  std::uint64_t armed_count_ = 0;  // ever
  std::map<Bucket, std::string> to_write_;
  Bucket swept_ = 0;
};

template <class Sink>
void TimerLane::take_changes(Sink& sink, BatchNumber batch, Timestamp now) {
  for (const auto& [bucket, value] : to_write_) sink.put_timers(timer_key(id_, bucket, batch), value);
  to_write_.clear();
  // No timer comes into a bucket whose second is over. Once a second is often enough to look.
  if (std::exchange(swept_, bucket_of(now)) == bucket_of(now)) return;
  for (auto it = buckets_.begin(); it != buckets_.end() && it->first < bucket_of(now);) {
    const bool done = all_moot(it->first, it->second) || (it->second.loaded && it->second.pending == 0);
    if (!done) {
      ++it;
      continue;
    }
    sink.erase_timers(timer_key(id_, it->first, 0), timer_key(id_, it->first + 1, 0));
    it = buckets_.erase(it);
  }
}

}  // namespace escrow::engine
