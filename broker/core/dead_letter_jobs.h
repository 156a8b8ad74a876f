// What operators do with the messages that stand in a queue, be it kParkedQueue or one that gets dead letters: the commands,
// what they are answered, and how far the broker has come with one.
//
// A message is named by its place, as long as it stays in its queue. Messages that consumers hold can be seen; they are
// neither redriven nor discarded.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "broker/core/death_history.h"
#include "broker/core/queue.h"

namespace escrow::broker {

/// The place as text: 12-345 is sequence 345 of log 12.
std::string text_of(const MessagePlace& place);
std::optional<MessagePlace> parse_place(std::string_view text);

/// All that is given must hold.
struct DeadLetterFilter {
  std::optional<DeathReason> reason = {};       ///< of its last death
  std::optional<std::string> died_in = {};      ///< the queue of its last death
  std::optional<std::string> exchange = {};     ///< as it stands in the queue
  std::optional<std::string> routing_key = {};  ///< …
  std::optional<Timestamp> before = {};         ///< it came into the queue before

  /// A message of this fragment.
  bool matches(const Fragment& fragment, std::uint32_t index) const;
};

/// In order of delivery, from a place on. Ends early, with a place to go on from, when it has looked at so many messages or
/// has gathered so many bytes as one list may (broker_dead_letters.cc).
struct ListDeadLetters {
  std::string vhost;
  std::string queue;
  DeadLetterFilter filter = {};
  std::optional<MessagePlace> from = {};
  std::size_t limit = 100;
};
struct GetDeadLetter {
  std::string vhost;
  std::string queue;
  MessagePlace place;
};
struct DeadLetterSelection {
  std::string vhost;
  std::string queue;
  std::vector<MessagePlace> places = {};  ///< none: all that the filter matches, and that were there at the beginning
  DeadLetterFilter filter = {};
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};
/// Nothing set: into the queue that the message last died in. If that is not there any more, and for a message that has not
/// died, through the exchange with the routing key by which it had come.
struct RedriveTo {
  std::optional<std::string> queue = {};        ///< straight into it
  std::optional<std::string> exchange = {};     ///< or through this one
  std::optional<std::string> routing_key = {};  ///< of `exchange`; nullopt: the message's own
};
struct RedriveDeadLetters {
  DeadLetterSelection which;
  RedriveTo to = {};
  std::string reason;  ///< for the audit
};
struct DiscardDeadLetters {
  DeadLetterSelection which;
  std::string reason;  ///< for the audit
};

struct DeadLetterItem {
  MessagePlace place;
  Timestamp time;     ///< when the last message of its batch came into the queue
  bool held = false;  ///< by a consumer
  Message message;    ///< its body only when one message is asked for
  std::uint32_t body_bytes = 0;
  DeathHistory deaths;
};
struct DeadLetterList {
  std::string vhost;
  std::string queue;
  std::vector<DeadLetterItem> items;
  std::optional<MessagePlace> next;  ///< nullopt: that was all
};
/// Never without one: apart, so that answers stay small.
struct DeadLetterShown {
  std::shared_ptr<const DeadLetterItem> item;
};
struct DeadLetterCounts {
  std::uint64_t moved = 0;         ///< redriven or discarded
  std::uint64_t not_routable = 0;  ///< stayed: no queue was found for it
  std::uint64_t refused = 0;       ///< stayed: a queue for it is full, and refuses
  std::uint64_t unavailable = 0;   ///< of the places given: gone, or held by a consumer
};
using DeadLetterAnswer = std::variant<DeadLetterList, DeadLetterShown, DeadLetterCounts>;

/// How far one of the commands has come.
struct DeadLetterJob {
  enum class Kind : std::uint8_t { kList, kGet, kRedrive, kDiscard };

  std::uint64_t id = 0;
  Kind kind = Kind::kList;
  LogId first_log = 0;  ///< of the queue; 0: it does not exist
  /// Either these, from `next_place` on, …
  std::vector<MessagePlace> places;
  std::size_t next_place = 0;
  /// … or what is in the lanes, of which `lane` counts those that are left, from `position` on. A lane's end is that of the
  /// beginning: what the job puts into the same queue is not for it.
  std::vector<Seq> until;
  std::size_t lane = 0;
  Seq position = 1;
  DeadLetterFilter filter;
  std::uint64_t limit = 0;
  RedriveTo to;
  std::size_t looked = 0;  ///< messages, of a list
  std::size_t bytes = 0;   ///< …
  DeadLetterCounts counts;
  DeadLetterList list;

  bool changes() const { return kind == Kind::kRedrive || kind == Kind::kDiscard; }
  /// Past the message that it was at.
  void advance(Seq seq) {
    position = seq + 1;
    ++next_place;
  }
};

}  // namespace escrow::broker
