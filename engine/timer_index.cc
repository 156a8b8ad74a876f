#include "engine/timer_index.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/invariant.h"

namespace escrow::engine {

Bucket bucket_of(Timestamp due) { return static_cast<Bucket>(std::max<std::int64_t>(0, to_micros(due)) / 1'000'000); }

std::string timer_key(LaneId lane, Bucket bucket, BatchNumber batch) {
  std::string out;
  ByteWriter(out).u32_be(lane).u64_be(bucket).u64_be(batch);
  return out;
}

std::optional<TimerKey> decode_timer_key(std::string_view key) {
  ByteReader reader(key);
  TimerKey decoded;
  decoded.lane = reader.u32_be();
  decoded.bucket = reader.u64_be();
  decoded.batch = reader.u64_be();
  if (!reader.done()) return std::nullopt;
  return decoded;
}

void encode_timer(const Timer& timer, std::string& out) {
  ByteWriter(out).i64(to_micros(timer.due)).varint(timer.epoch).string(timer.key);
}

Result<std::vector<Timer>> decode_timers(std::string_view value) {
  std::vector<Timer> timers;
  ByteReader reader(value);
  while (reader.ok() && !reader.rest().empty()) {
    Timer timer;
    timer.due = from_micros(reader.i64());
    timer.epoch = reader.varint();
    timer.key = reader.string();
    timers.push_back(std::move(timer));
  }
  if (!reader.ok()) {
    return Error{
        ErrorCode::kDataLoss, "TIMERS_DAMAGED", "stored timers cannot be read: restore the data directory", {}};
  }
  return timers;
}

void TimerLane::add(Timer timer) {
  const Bucket bucket = bucket_of(timer.due);
  encode_timer(timer, to_write_[bucket]);
  if (served_ && bucket > horizon_ + kFarSeconds) {
    recovered_last_ = std::max(recovered_last_, bucket);
    return;
  }
  BucketState& state = buckets_[bucket];
  ++state.added;
  if (!served_ || bucket >= horizon_) return;
  std::string key = timer_key(id_, bucket, 0);
  if (armed_.size() >= max_loaded_ || (resume_ && *resume_ <= key)) {  // read when its turn comes
    state.loaded = false;
    read_on_from(std::move(key));
    return;
  }
  state.loaded |= !reading_ && !resume_;  // what else the store has of it was read
  const Timestamp due = timer.due;
  arm(std::move(timer), due);
}

void TimerLane::read_on_from(std::optional<std::string> key) {
  if (key && (!resume_ || *key < *resume_)) resume_ = std::move(key);
}

void TimerLane::moot(Timestamp due) {
  if (const auto it = buckets_.find(bucket_of(due)); it != buckets_.end()) {
    it->second.moot = std::min(it->second.added, it->second.moot + 1);
  }
}

void TimerLane::arm(Timer timer, Timestamp fire_at) {
  ++buckets_[bucket_of(timer.due)].pending;
  timer.service = service_;
  armed_.push({fire_at, armed_count_++, std::move(timer)});
}

void TimerLane::resolved(const Timer& timer) {
  if (!current(timer)) return;
  const auto it = buckets_.find(bucket_of(timer.due));
  if (it != buckets_.end() && it->second.pending > 0) --it->second.pending;
}

void TimerLane::again(Timer timer, Timestamp fire_at) {
  resolved(timer);
  if (served_ && current(timer)) arm(std::move(timer), fire_at);
}

void TimerLane::serve(bool on) {
  if (served_ == on) return;
  served_ = on;
  if (on) {
    ++service_;
    return;
  }
  armed_ = {};
  reading_ = false;
  horizon_ = 0;
  resume_.reset();
  for (auto& [bucket, state] : buckets_) state.pending = 0, state.loaded = false;
}

std::optional<Timer> TimerLane::next_due(Timestamp now) {
  if (armed_.empty() || armed_.top().fire_at > now) return std::nullopt;
  Timer timer = armed_.top().timer;
  armed_.pop();
  return timer;
}

std::optional<Timestamp> TimerLane::next_time() const {
  if (!served_) return std::nullopt;
  std::optional<Timestamp> next;
  if (!armed_.empty()) next = armed_.top().fire_at;
  if (reading_ || armed_.size() >= max_loaded_) return next;
  if (resume_) return Timestamp();
  // The next bucket is read when its time comes near; which one exists is known for those of this process only.
  const auto it = buckets_.lower_bound(horizon_);
  const Bucket bucket = horizon_ <= recovered_last_ ? horizon_ : it == buckets_.end() ? 0 : it->first;
  if (horizon_ <= recovered_last_ || it != buckets_.end()) {
    const Timestamp read_at = from_micros(std::max<std::int64_t>(
        0, (static_cast<std::int64_t>(bucket) - static_cast<std::int64_t>(kHorizonSeconds)) * 1'000'000));
    if (!next || read_at < *next) next = read_at;
  }
  return next;
}

std::optional<TimerLane::Read> TimerLane::next_read(Timestamp now, BatchNumber building) {
  if (!served_ || reading_ || armed_.size() >= max_loaded_) return std::nullopt;
  const Bucket until = bucket_of(now) + kHorizonSeconds + 1;
  if (!resume_) {
    if (until <= horizon_) return std::nullopt;
    // Buckets of this process that are all moot, or that do not exist, need no read.
    const bool older = horizon_ <= recovered_last_;
    const auto first = buckets_.lower_bound(horizon_);
    const bool wanted = older || std::any_of(first, buckets_.lower_bound(until),
                                             [&](const auto& entry) { return !all_moot(entry.first, entry.second); });
    if (!wanted) {
      horizon_ = until;
      return std::nullopt;
    }
  }
  Read read;
  read.from = resume_ ? *resume_ : timer_key(id_, horizon_, 0);
  read.until = resume_ ? horizon_ : until;
  read.to = timer_key(id_, read.until, 0);
  // What this batch has not got, none has to wait for.
  read.after = to_write_.empty() ? building - 1 : building;
  read.service = service_;
  resume_.reset();
  horizon_ = read.until;
  reading_ = true;
  return read;
}

void TimerLane::loaded(const Read& read, std::vector<Entry> entries, std::optional<std::string> stopped_at) {
  if (!served_ || read.service != service_) return;
  reading_ = false;
  for (Entry& entry : entries) {
    buckets_[entry.key.bucket];
    // What was added while the read was under way is armed already.
    if (entry.key.batch > read.after) continue;
    for (Timer& timer : entry.timers) {
      const Timestamp due = timer.due;
      arm(std::move(timer), due);
    }
  }
  read_on_from(std::move(stopped_at));
  if (resume_) return;
  for (auto it = buckets_.begin(); it != buckets_.end() && it->first < read.until; ++it) it->second.loaded = true;
}

}  // namespace escrow::engine
