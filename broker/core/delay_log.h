// The messages that wait for their time at one delayed exchange, in order of due time. All of them are in the store; in
// memory are those that the batch being built adds, and some that are due.
//
//   key    log u64 │ due u64 (ms since the epoch, rounded up) │ batch u64 │ part u32     (big-endian)
//   value  one fragment (fragment.h) whose first sequence is 1
//   key    log u64                                            value  u8 version = 1 │ varint messages │ varint bytes
//
// An entry is what one batch adds for one millisecond, cut where it gets large. It leaves as a whole, in the batch that erases
// it; of what was cancelled before, an empty record flagged so is left in its place. Only what is due is read, when it is due: a message is never due before the batch that adds it ends, so what a read has
// passed is complete, and a delay costs the same whatever its length.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/fragment.h"
#include "broker/core/queue_log.h"

namespace escrow::broker {

/// Milliseconds since the epoch.
using DueMs = std::uint64_t;
/// The first millisecond that is not before it.
DueMs due_ms(Timestamp due);

/// Where an entry is in its log.
struct DelayKey {
  DueMs due = 0;
  BatchNumber batch = 0;
  std::uint32_t part = 0;
  auto operator<=>(const DelayKey&) const = default;
};

struct DelayCount {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  ///< of records and of bodies apart

  void encode(std::string& out) const;
  static Result<DelayCount> decode(std::string_view in);
  bool operator==(const DelayCount&) const = default;
};

/// Not thread-safe.
class DelayLog {
 public:
  /// An entry is cut there: it is released in one step.
  static constexpr std::uint32_t kMaxEntryMessages = 250;
  static constexpr std::size_t kMaxEntryBytes = 256 << 10;

  struct Entry {
    DelayKey key;
    std::shared_ptr<const Fragment> messages;
  };
  /// Entries due before `until` that come after `from`, when the batch `after` is durable.
  struct LoadRequest {
    LogId log = 0;
    DelayKey from;
    DueMs until = 0;
    BatchNumber after = 0;
  };
  struct Loaded {
    std::vector<Entry> entries;
    /// The first entry that was not read, whenever it is due.
    std::optional<DelayKey> next;
  };

  explicit DelayLog(LogId id) : id_(id) {}
  DelayLog(const DelayLog&) = delete;
  DelayLog& operator=(const DelayLog&) = delete;

  LogId id() const { return id_; }
  const DelayCount& count() const { return count_; }

  /// `due` is later than moment.now. `body_bytes`: of a body apart.
  void add(std::string_view record, std::uint32_t body_bytes, Timestamp due, const Moment& moment);

  /// When there is something to do: an entry to release, or to read. nullopt: not before the next add or load.
  std::optional<Timestamp> next_time() const;
  /// What is due and was not read yet. nullopt: nothing, or a read is under way, or enough was read.
  std::optional<LoadRequest> request_load(Timestamp now);
  void load(Loaded loaded);
  /// The next entry that is due; nullptr: none was read.
  const Entry* due() const { return loaded_.empty() ? nullptr : &loaded_.front(); }
  /// due() is released.
  void pop();

  /// Messages that still waited, and do no more.
  struct Cancelled {
    std::vector<std::uint32_t> indices;
    std::vector<BodyRef> bodies;
  };
  /// Takes those of `indices` out of an entry. `stored`: what a read that came after rewritten_in() has found under its key.
  /// nullopt: another read is under way, which might bring them back; to be tried again, with a new one.
  std::optional<Cancelled> cancel(const DelayKey& key, std::shared_ptr<const Fragment> stored,
                                  const std::vector<std::uint32_t>& indices, const Moment& moment);
  BatchNumber rewritten_in() const { return rewritten_in_; }

  /// Everything is due: the log is to be emptied.
  void expire_all() { all_due_ = true; }
  void recover(const DelayCount& count);

  bool changed() const { return !building_.empty() || !released_.empty() || !rewritten_.empty(); }
  /// Sink: put_delayed(log, key, fragment), erase_delayed(log, key), put_delay_count(log, count).
  template <class Sink>
  void take_changes(Sink& sink);

  // Whether it is in its owner's lists.
  bool listed_changed = false;
  std::optional<Timestamp> listed_at;

 private:
  static constexpr std::size_t kReadAheadBytes = 1 << 20;
  /// What an entry counts for.
  static DelayCount count_of(const Fragment& fragment);
  void may_be_due(DueMs due) { next_due_ = std::min(next_due_.value_or(due), due); }

  LogId id_;
  DelayCount count_;
  bool all_due_ = false;
  std::map<DelayKey, std::shared_ptr<Fragment>> building_;
  std::map<DelayKey, std::shared_ptr<Fragment>>::iterator last_ = building_.end();
  // Of the batch before, which may not be durable yet.
  BatchNumber sealed_ = 0;
  std::optional<DueMs> sealed_first_due_;
  std::deque<Entry> loaded_;
  std::size_t loaded_bytes_ = 0;
  std::vector<DelayKey> released_;
  std::map<DelayKey, std::shared_ptr<const Fragment>> rewritten_;  // by the batch that is being built
  BatchNumber rewritten_in_ = 0;
  DelayKey read_until_;  // entries before it were read
  bool reading_ = false;
  std::optional<DueMs> next_due_;  // of what was not read; not later than the first
};

template <class Sink>
void DelayLog::take_changes(Sink& sink) {
  if (!changed()) return;
  sealed_first_due_.reset();
  if (!building_.empty()) sealed_first_due_ = building_.begin()->first.due;
  for (auto& [key, fragment] : building_) {
    sealed_ = key.batch;
    fragment->seal();
    sink.put_delayed(id_, key, std::move(fragment));
  }
  building_.clear();
  last_ = building_.end();
  for (auto& [key, fragment] : rewritten_) sink.put_delayed(id_, key, std::move(fragment));
  rewritten_.clear();
  for (const DelayKey& key : released_) sink.erase_delayed(id_, key);
  released_.clear();
  sink.put_delay_count(id_, count_);
}

}  // namespace escrow::broker
