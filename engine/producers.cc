#include "engine/producers.h"

#include <algorithm>

#include "base/invariant.h"

namespace escrow::engine {

Producer* Group::pick() {
  for (std::size_t i = 0; i < producers.size(); ++i) {
    next_producer = (next_producer + 1) % producers.size();
    Producer& producer = producers[next_producer];
    if (producer.in_flight < producer.max_in_flight) return &producer;
  }
  return nullptr;
}

bool Group::free() const {
  return std::ranges::any_of(producers, [](const Producer& p) { return p.in_flight < p.max_in_flight; });
}

Group* Producers::find(std::string_view group) {
  const auto it = groups_.find(group);
  return it == groups_.end() ? nullptr : it->second.get();
}

Group& Producers::add(std::string name, LaneId lane, Bucket recovered_last) {
  auto group = std::make_shared<Group>(name, lane, recovered_last);
  return *groups_.emplace(std::move(name), std::move(group)).first->second;
}

void Producers::forget(const Group& group) {
  const auto it = groups_.find(group.name);
  ESCROW_INVARIANT(it != groups_.end() && unused(group), "a group is forgotten that somebody uses");
  groups_.erase(it);
}

void Producers::open(Group& group, Port* port, std::string actor, std::uint32_t max_in_flight) {
  if (!group.served()) served_.push_back(&group);
  group.producers.push_back({port, std::move(actor), max_in_flight, 0});
  group.lane.serve(true);
}

std::vector<CheckInFlight> Producers::close(Port* port) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, check] : checks_) {
    if (check.port == port) ids.push_back(id);
  }
  std::ranges::sort(ids);
  std::vector<CheckInFlight> ended;
  for (const std::uint64_t id : ids) ended.push_back(*take(id));
  std::erase_if(served_, [&](Group* group) {
    std::erase_if(group->producers, [&](const Producer& p) { return p.port == port; });
    if (!group->served()) group->lane.serve(false);
    return !group->served();
  });
  return ended;
}

CheckInFlight& Producers::start(Group& group, Producer& producer, coordinator::Key key, Timer timer,
                                Timestamp deadline) {
  const std::uint64_t id = next_check_++;
  ++producer.in_flight;
  epochs_.insert(timer.epoch);
  deadlines_.emplace(deadline, id);
  CheckInFlight check{
      id, group.shared_from_this(), producer.port, producer.actor, std::move(key), std::move(timer), false, deadline};
  return checks_.emplace(id, std::move(check)).first->second;
}

void Producers::received(const Port* port, std::uint64_t id, Timestamp deadline) {
  const auto it = checks_.find(id);
  if (it == checks_.end() || it->second.port != port || it->second.received) return;
  it->second.received = true;
  deadlines_.erase({it->second.deadline, id});
  it->second.deadline = deadline;
  deadlines_.emplace(deadline, id);
}

std::optional<CheckInFlight> Producers::take(std::uint64_t id) {
  const auto it = checks_.find(id);
  if (it == checks_.end()) return std::nullopt;
  CheckInFlight check = std::move(it->second);
  checks_.erase(it);
  deadlines_.erase({check.deadline, id});
  epochs_.erase(check.timer.epoch);
  const auto producer = std::ranges::find(check.group->producers, check.port, &Producer::port);
  if (producer != check.group->producers.end()) --producer->in_flight;
  return check;
}

std::optional<CheckInFlight> Producers::finish(const Port* port, std::uint64_t id) {
  const auto it = checks_.find(id);
  if (it == checks_.end() || it->second.port != port) return std::nullopt;
  return take(id);
}

std::optional<CheckInFlight> Producers::expired(Timestamp now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return std::nullopt;
  return take(deadlines_.begin()->second);
}

std::optional<Timestamp> Producers::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

}  // namespace escrow::engine
