#include "engine/inbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace escrow::engine {

bool Inbox::try_post(std::span<Command> commands) {
  std::size_t bytes = 0;
  for (const Command& command : commands) bytes += command.bytes();
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    // One that is larger than all room there is can only go through an empty inbox.
    const bool room = commands_.size() + commands.size() <= limits_.commands && bytes_ + bytes <= limits_.bytes;
    if (!room && !commands_.empty()) return false;
    first = !std::exchange(woken_, true);
    std::ranges::move(commands, std::back_inserter(commands_));
    bytes_ += bytes;
  }
  if (first) wake_();
  return true;
}

bool Inbox::post(Command command, std::function<void()> taken) {
  bool first = false;
  bool room = false;
  {
    const std::scoped_lock lock(mutex_);
    first = !std::exchange(woken_, true);
    bytes_ += command.bytes();
    commands_.push_back(std::move(command));
    room = commands_.size() <= limits_.commands && bytes_ <= limits_.bytes;
    if (!room && taken) taken_.push_back(std::move(taken));
  }
  if (first) wake_();
  return room;
}

bool Inbox::has_room(std::function<void()> taken) {
  const std::scoped_lock lock(mutex_);
  const bool room = commands_.size() < limits_.commands && bytes_ < limits_.bytes;
  if (!room) taken_.push_back(std::move(taken));
  return room;
}

void Inbox::post(std::function<void()> completion) {
  bool first = false;
  {
    const std::scoped_lock lock(mutex_);
    first = !std::exchange(woken_, true);
    completions_.push_back(std::move(completion));
  }
  if (first) wake_();
}

void Inbox::take(std::vector<Command>& commands, std::vector<std::function<void()>>& completions) {
  std::vector<std::function<void()>> taken;
  {
    const std::scoped_lock lock(mutex_);
    commands.swap(commands_);
    completions.swap(completions_);
    taken.swap(taken_);
    bytes_ = 0;
    woken_ = false;
  }
  for (const std::function<void()>& tell : taken) tell();
}

void Inbox::take_completions(std::vector<std::function<void()>>& completions) {
  const std::scoped_lock lock(mutex_);
  completions.swap(completions_);
  woken_ = false;
}

bool Inbox::empty() const {
  const std::scoped_lock lock(mutex_);
  return commands_.empty() && completions_.empty();
}

std::size_t Inbox::commands() const {
  const std::scoped_lock lock(mutex_);
  return commands_.size();
}

Result<void> Inbox::admit(const CommandBody& command) const {
  const broker::LowResources low = alarm_;
  const bool adds = std::holds_alternative<Publish>(command) || std::holds_alternative<coordinator::Prepare>(command) ||
                    std::holds_alternative<coordinator::Schedule>(command);
  return adds && low.any() ? resources_low(low) : Result<void>();
}

Error resources_low(broker::LowResources low) {
  return {ErrorCode::kResourceExhausted,
          "RESOURCES_LOW",
          "the server is " + std::string(low.text()) + ": retry when messages were consumed, or an operator made room",
          {}};
}

Error engine_full() {
  return {ErrorCode::kResourceExhausted, "ENGINE_FULL", "the server is busy: retry with backoff", {}};
}

}  // namespace escrow::engine
