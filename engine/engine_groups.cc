// Forgetting producer groups that nobody uses any more: without producers, without open transactions, and with nothing
// under way. A group is only a name and its lane of timers; the next Prepare in its name makes a new one.
#include <utility>

#include "base/bytes.h"
#include "base/invariant.h"
#include "engine/engine.h"

namespace escrow::engine {

namespace {

/// Groups of one read.
constexpr std::size_t kGroupsPerRead = 100;

bool has_open_transactions(const Store& store, const std::string& group) {
  std::string from;
  ByteWriter(from).string(group);
  // Behind the group comes an id, whose length never begins with 0xff 0xff.
  const auto it = store.scan(Table::kOpenTransactions, from, from + "\xff\xff");
  ESCROW_INVARIANT(it->status().ok(), "transactions can be read");
  return it->valid();
}

}  // namespace

void Engine::run_group_retention() {
  if (group_retention_under_way_) return;
  if (time_.now() < next_group_retention_) return wake_at(next_group_retention_);
  std::vector<std::string> names = groups_to_look_at();
  if (names.empty()) {  // that was the last one
    group_cursor_.clear();
    next_group_retention_ = time_.now() + options_.group_retention;
    return wake_at(next_group_retention_);
  }
  group_retention_under_way_ = true;
  const broker::BatchNumber seen = durable();
  read_after(seen, [this, seen, names = std::move(names)](const Store& store) -> Backend::Completion {
    std::vector<std::string> idle;
    for (const std::string& name : names) {
      if (!has_open_transactions(store, name)) idle.push_back(name);
    }
    return [this, seen, idle = std::move(idle)] {
      group_retention_under_way_ = false;
      for (const std::string& name : idle) forget_group(name, seen);
    };
  });
}

std::vector<std::string> Engine::groups_to_look_at() {
  std::vector<std::string> names;
  const auto& groups = producers_.groups();
  for (auto it = groups.upper_bound(group_cursor_); it != groups.end() && names.size() < kGroupsPerRead; ++it) {
    const Group& group = *it->second;
    group_cursor_ = group.name;
    if (!group.served() && time_.now() - group.used >= options_.group_retention) names.push_back(group.name);
  }
  return names;
}

/// What was prepared up to the batch `seen` is decided.
void Engine::forget_group(const std::string& name, broker::BatchNumber seen) {
  Group* group = producers_.find(name);
  if (group == nullptr || group->prepared_in > seen || !producers_.unused(*group)) return;
  const LaneId lane = group->lane.id();
  touch();
  building_.erase_group(name);
  building_.erase_timers(timer_key(lane, 0, 0), timer_key(lane + 1, 0, 0));
  std::erase(changed_lanes_, group);
  producers_.forget(*group);
}

}  // namespace escrow::engine
