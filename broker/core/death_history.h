// What the headers of a dead letter tell of its deaths (https://www.rabbitmq.com/docs/dlx#effects), and how they say that
// somebody has sent it on again.
//
// x-first-death-* and x-last-death-* tell reason, queue and exchange. The entry of x-death for that queue and reason tells
// the rest; it may be gone, for x-death has a limit. Clients can write all of these headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/field_table.h"

namespace escrow::broker {

struct PastDeath {
  /// Of the entry of x-death.
  struct Entry {
    std::uint64_t count = 0;   ///< deaths in this queue for this reason
    std::uint64_t time_s = 0;  ///< of the first of them, since the epoch
    /// By which the message had come to the queue, the first time.
    std::string exchange;
    std::string routing_key;
  };
  std::string reason;  ///< as x-death has it
  std::string queue;
  std::string exchange;
  std::optional<Entry> entry;
};

struct DeathHistory {
  std::optional<PastDeath> first;
  std::optional<PastDeath> last;
};

/// Of encoded properties. Nothing of those that are malformed.
DeathHistory death_history(std::string_view properties);

/// Field of an entry of x-death: since that death somebody has redriven the message. The deaths before it do not make a
/// cycle with those that follow.
inline constexpr std::string_view kRedriven = "redriven";
bool is_redriven(const FieldTable& death);
/// The properties with all deaths marked. As they are when there is none, or no room.
std::string after_redrive(std::string_view properties);

}  // namespace escrow::broker
