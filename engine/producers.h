// Producer groups at run time: who can be asked, and which questions are on their way. Volatile: after a restart the
// timers ask again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/command.h"
#include "engine/timer_index.h"

namespace escrow::engine {

struct Producer {
  Port* port = nullptr;
  std::string actor;
  std::uint32_t max_in_flight = 0;
  std::uint32_t in_flight = 0;
};

/// Held by whoever needs it later: a group that somebody holds is not forgotten.
struct Group : std::enable_shared_from_this<Group> {
  Group(std::string group_name, LaneId lane_id, Bucket recovered_last)
      : name(std::move(group_name)), lane(lane_id, recovered_last) {}

  std::string name;
  TimerLane lane;
  std::vector<Producer> producers;
  std::size_t next_producer = 0;
  Timestamp used;               ///< by a Prepare or a producer
  BatchNumber prepared_in = 0;  ///< the batch of the last Prepare of this process

  bool served() const { return !producers.empty(); }
  /// Some producer takes one more.
  bool free() const;
  /// The next in turn that takes one more; nullptr: all are busy.
  Producer* pick();
};

/// A question on its way, or waiting for its answer.
struct CheckInFlight {
  std::uint64_t id = 0;
  std::shared_ptr<Group> group;
  Port* port = nullptr;
  std::string actor;
  coordinator::Key key;
  Timer timer;
  bool received = false;
  Timestamp deadline;
};

/// One thread: the engine's.
class Producers {
 public:
  static constexpr std::size_t kMaxGroups = 10'000;
  static constexpr std::uint32_t kMaxInFlight = 10'000;

  /// nullptr: unknown.
  Group* find(std::string_view group);
  Group& add(std::string name, LaneId lane, Bucket recovered_last);
  /// Nobody asks in its name, and nobody holds it.
  bool unused(const Group& group) const { return !group.served() && group.weak_from_this().use_count() == 1; }
  /// An unused one.
  void forget(const Group& group);
  std::size_t size() const { return groups_.size(); }
  const std::map<std::string, std::shared_ptr<Group>, std::less<>>& groups() const { return groups_; }
  /// Those with producers.
  const std::vector<Group*>& served() const { return served_; }

  void open(Group& group, Port* port, std::string actor, std::uint32_t max_in_flight);
  /// Takes the port's producers away and returns the checks they had.
  std::vector<CheckInFlight> close(Port* port);

  CheckInFlight& start(Group& group, Producer& producer, coordinator::Key key, Timer timer, Timestamp deadline);
  /// True: a check of the transaction prepared in this epoch is on its way. Not of an earlier one of the same id, which its
  /// producer may still hold: that one's end says nothing about this one.
  bool in_check(coordinator::Epoch epoch) const { return epochs_.contains(epoch); }
  /// The producer has it, and has until `deadline` to answer. Passed over unless it is the port's own.
  void received(const Port* port, std::uint64_t id, Timestamp deadline);
  /// Ends the check, if it is the port's own.
  std::optional<CheckInFlight> finish(const Port* port, std::uint64_t id);
  /// Ends one whose deadline is over.
  std::optional<CheckInFlight> expired(Timestamp now);
  std::optional<Timestamp> next_deadline() const;

 private:
  std::optional<CheckInFlight> take(std::uint64_t id);

  std::map<std::string, std::shared_ptr<Group>, std::less<>> groups_;
  std::vector<Group*> served_;
  std::unordered_map<std::uint64_t, CheckInFlight> checks_;
  std::set<std::pair<Timestamp, std::uint64_t>> deadlines_;
  std::unordered_set<coordinator::Epoch> epochs_;
  std::uint64_t next_check_ = 1;
};

}  // namespace escrow::engine
