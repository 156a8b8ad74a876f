// The engine's door: bounded, and open to every thread. Producers post, the engine's thread takes everything at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "broker/core/resource_alarm.h"
#include "engine/command.h"

namespace escrow::engine {

struct InboxLimits {
  std::size_t commands = 65'536;
  std::size_t bytes = 64 << 20;
};

/// Thread-safe.
class Inbox {
 public:
  /// `wake` is called, on the posting thread, by the first post after a take.
  Inbox(InboxLimits limits, std::function<void()> wake) : limits_(limits), wake_(std::move(wake)) {}

  /// All of them or, when there is no room, none: false, and the caller answers ENGINE_FULL. They are moved from.
  bool try_post(std::span<Command> commands);
  bool try_post(Command command) { return try_post(std::span(&command, 1)); }
  /// Past the limits, for what only frees memory: settlements, credit, answers to checks, ClosePort. False: it is
  /// beyond them; who can should post no more until `taken` is called, by the thread that takes, before it applies
  /// any of the commands.
  bool post(Command command, std::function<void()> taken = {});
  /// False: it is at its limits, and `taken` will be called as for post().
  bool has_room(std::function<void()> taken);
  /// Work that is not a command: completions of commits and reads.
  void post(std::function<void()> completion);

  /// Moves everything into the arguments, which must be empty.
  void take(std::vector<Command>& commands, std::vector<std::function<void()>>& completions);
  /// Leaves the commands where they are.
  void take_completions(std::vector<std::function<void()>>& completions);
  bool empty() const;
  std::size_t commands() const;

  /// What publishers are to be held up for. The inbox itself takes everything: it is for those who post to ask.
  void set_alarm(broker::LowResources low) { alarm_ = low; }
  broker::LowResources alarm() const { return alarm_; }
  /// RESOURCES_LOW for a command that adds messages while an alarm is up.
  Result<void> admit(const CommandBody& command) const;

 private:
  InboxLimits limits_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::vector<Command> commands_;
  std::vector<std::function<void()>> completions_;
  std::vector<std::function<void()>> taken_;  // to be called by the next take
  std::size_t bytes_ = 0;
  bool woken_ = false;  // since the last take
  std::atomic<broker::LowResources> alarm_;
};

/// What a caller answers when try_post had no room.
Error engine_full();
/// … while an alarm is up.
Error resources_low(broker::LowResources low);

}  // namespace escrow::engine
