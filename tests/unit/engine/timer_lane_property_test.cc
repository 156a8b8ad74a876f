// A timer lane under random commands, serving and restarts, against the plain truth about its transactions.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "tests/unit/engine/lane_store.h"

namespace escrow::engine {
namespace {

class LaneModel {
 public:
  explicit LaneModel(std::size_t max_loaded) : max_loaded_(max_loaded) {}

  void step(std::uint8_t what, std::uint8_t value) {
    switch (what % 10) {
      case 0:
      case 1:
        prepare(value);
        break;
      case 2:
        decide(value);
        break;
      case 3:
        serve(value % 3 != 0);
        break;
      case 4:
        now_ += std::chrono::milliseconds(value * 17);
        break;
      case 5:
        seal();
        break;
      case 6:
        begin_read();
        break;
      case 7:
        finish_read(value);
        break;
      case 8:
        fire();
        break;
      case 9:
        value < 16 ? restart() : answer(value);
        break;
    }
  }

  /// Everything that is still open is asked about, and in the end nothing is left.
  void run_out() {
    lane_->serve(true);
    for (int i = 0; i < 400 && !(open_.empty() && store_.stored.empty()); ++i) {
      now_ += std::chrono::seconds(1);
      while (!reads_.empty()) finish_read(200);
      begin_read();
      while (!reads_.empty()) finish_read(200);
      fire();
      while (!fired_.empty()) decide_fired();
      seal();
      RC_ASSERT(lane_->next_time().has_value() || open_.empty());
    }
    RC_ASSERT(open_.empty());
    // One more turn of the hand: the last sweep comes with the next change.
    RC_ASSERT(store_.stored.empty());
  }

 private:
  void prepare(std::uint8_t value) {
    const std::string key = std::to_string(++next_);
    add(key, now_ + std::chrono::milliseconds(value * 40));
  }
  void add(const std::string& key, Timestamp due) {
    open_[key] = due;
    last_bucket_ = std::max(last_bucket_, bucket_of(due));
    lane_->add({due, 1, key});
  }
  /// As Engine::decide: the timer, armed or not, becomes moot.
  void decide(std::uint8_t value) {
    if (open_.empty()) return;
    auto it = std::next(open_.begin(), value % open_.size());
    if (in_check(it->first)) return;
    lane_->moot(it->second);
    open_.erase(it);
  }
  bool in_check(const std::string& key) const {
    return std::ranges::any_of(fired_, [&](const Timer& t) { return t.key == key; });
  }
  void fire() {
    while (auto timer = lane_->next_due(now_)) {
      RC_ASSERT(timer->due <= now_);
      const auto it = open_.find(timer->key);
      if (it == open_.end() || it->second != timer->due || in_check(timer->key)) {
        lane_->resolved(*timer);
      } else {
        fired_.push_back(*timer);
      }
    }
  }
  void answer(std::uint8_t value) {
    if (fired_.empty()) return;
    if (value % 3 == 0) return decide_fired();
    const Timer timer = fired_.back();
    fired_.pop_back();
    if (value % 3 == 1) return lane_->again(timer, now_ + std::chrono::seconds(1));
    lane_->resolved(timer);  // unknown
    lane_->moot(timer.due);
    add(timer.key, now_ + std::chrono::milliseconds(value * 20 + 1));
  }
  void decide_fired() {
    const Timer timer = fired_.back();
    fired_.pop_back();
    lane_->resolved(timer);
    lane_->moot(timer.due);
    open_.erase(timer.key);
  }
  void seal() {
    lane_->take_changes(store_, building_++, now_);
    // No open transaction loses its timer.
    std::multimap<std::string, Timestamp> stored;
    for (const auto& [key, value] : store_.stored) {
      const auto timers = decode_timers(value);
      for (const Timer& timer : *timers) stored.emplace(timer.key, timer.due);
    }
    for (const auto& [key, due] : open_) {
      const auto [begin, end] = stored.equal_range(key);
      RC_ASSERT(std::any_of(begin, end, [&](const auto& entry) { return entry.second == due; }));
    }
  }
  void serve(bool on) {
    lane_->serve(on);
    if (on) return;
    for (const Timer& timer : fired_) lane_->again(timer, now_);  // whoever was asked is gone
    fired_.clear();
  }
  void begin_read() {
    if (const auto read = lane_->next_read(now_, building_)) reads_.push_back(*read);
  }
  void finish_read(std::uint8_t value) {
    if (reads_.empty()) return;
    const auto it = reads_.begin() + value % static_cast<std::ptrdiff_t>(reads_.size());
    const TimerLane::Read read = *it;
    reads_.erase(it);
    while (read.after >= building_) seal();  // a read comes after its batch
    auto found = store_.read(read, value < 128 ? 3 : 1000);
    lane_->loaded(read, std::move(found.entries), std::move(found.stopped_at));
  }
  void restart() {
    seal();
    lane_.emplace(1, last_bucket_, max_loaded_);
    fired_.clear();
    reads_.clear();
  }

  const std::size_t max_loaded_;
  LaneStore store_;
  std::optional<TimerLane> lane_{std::in_place, 1, 0, max_loaded_};
  BatchNumber building_ = 1;
  Timestamp now_ = from_micros(1'000'000'000);
  Bucket last_bucket_ = 0;
  std::uint64_t next_ = 0;
  std::map<std::string, Timestamp> open_;
  std::vector<Timer> fired_;
  std::vector<TimerLane::Read> reads_;
};

void check_lane(std::size_t max_loaded) {
  const auto steps = *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint8_t>>>(
      rc::gen::pair(rc::gen::resize(100, rc::gen::arbitrary<std::uint8_t>()),
                    rc::gen::resize(100, rc::gen::arbitrary<std::uint8_t>())));
  LaneModel model(max_loaded);
  for (const auto& [what, value] : steps) model.step(what, value);
  model.run_out();
}

RC_GTEST_PROP(TimerLaneProperty, asks_about_everything_that_is_open_and_leaves_nothing_behind, ()) {
  check_lane(TimerLane::kMaxLoaded);
}

RC_GTEST_PROP(TimerLaneProperty, does_so_with_hardly_any_timers_in_memory, ()) {
  check_lane(*rc::gen::inRange<std::size_t>(1, 8));
}

}  // namespace
}  // namespace escrow::engine
