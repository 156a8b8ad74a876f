// The copies after a crash: what had to survive, what must not be there, and what could go either way.
#include <algorithm>

#include "tests/sim/model/copies.h"

namespace escrow::sim::model {

void Copies::crashed(const Stored& stored, const Topology& durable) {
  message(static_cast<Token>(catalog_.size()));
  const Found found = match(stored, durable);
  for (const auto& [request, open] : open_publishes_) check_whole(open, found);
  open_publishes_.clear();
  for (const CopyId id : live_) {
    settle_after_crash(copies_[id], found.present[id] != 0, found.delivery_count[id], stored.head.batch);
  }
  std::erase_if(live_, [&](CopyId id) { return copies_[id].state == Copy::State::kGone; });
}

CopyId Copies::find_unmatched(Token token, const Queue* queue, const Found& found) const {
  for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
    const Copy& copy = copies_[id];
    if (copy.queue == queue && copy.state != Copy::State::kGone && found.present[id] == 0) return id;
  }
  return kNone;
}

Copies::Found Copies::match(const Stored& stored, const Topology& durable) {
  Found found{std::vector<std::uint8_t>(copies_.size()), std::vector<std::uint32_t>(copies_.size())};
  for (const StoredQueue& stored_queue : stored.queues) {
    const Queue* queue = durable.queue(stored_queue.name);
    if (!verdict_.require(queue != nullptr, "queue '", stored_queue.name, "' is stored, but not in the ledger")) break;
    std::unordered_map<std::uint32_t, std::uint64_t> last_of_publisher;
    for (const StoredMessage& entry : stored_queue.messages) {
      const CopyId id = find_unmatched(entry.token, queue, found);
      if (!verdict_.require(id != kNone, "message ", entry.token, " is stored in queue '", queue->name,
                            exists(entry.token, queue) ? "', where it is gone or once too often"
                                                       : "', where nobody enqueued it")) {
        return found;
      }
      found.present[id] = 1;
      found.delivery_count[id] = entry.delivery_count;
      std::uint64_t& last = last_of_publisher[copies_[id].publisher];
      verdict_.require(last <= copies_[id].order, describe(copies_[id], catalog_),
                       " stands behind a later one of its publisher");
      last = copies_[id].order;
    }
  }
  return found;
}

void Copies::check_whole(const OpenPublish& publish, const Found& found) const {
  bool some = false;
  bool all = true;
  for (Token token = publish.first; token < publish.first + publish.count; ++token) {
    for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
      const Copy& copy = copies_[id];
      const bool decisive = copy.state == Copy::State::kClaimed && copy.acked_in == 0 && !copy.queue->deleted;
      if (!decisive) continue;
      (found.present[id] != 0 ? some : all) = found.present[id] != 0;
    }
  }
  verdict_.require(all || !some, "a publish of ", publish.count, " messages from ", publish.first,
                   " on was applied in part");
}

void Copies::settle_after_crash(Copy& copy, bool present, std::uint32_t delivery_count, BatchNumber recovered) {
  if (copy.state == Copy::State::kGone) return;
  if (!present) {
    const bool required = copy.state == Copy::State::kCertain && copy.acked_in == 0 && !copy.queue->deleted;
    verdict_.require(!required, describe(copy, catalog_), " was lost by a crash");
    copy.state = Copy::State::kGone;
    return;
  }
  const bool durably_acked = copy.acked_in != 0 && copy.acked_in <= recovered;
  verdict_.require(!durably_acked, describe(copy, catalog_), " is back after a crash, though its acknowledgement was ",
                   "durable");
  const std::uint32_t least = copy.returned_in <= recovered ? copy.returned : copy.returned_durably;
  const std::uint32_t most = copy.returned + copy.queue->ended - copy.ended_seen;
  verdict_.require(delivery_count >= least && delivery_count <= most, describe(copy, catalog_), " came back ", least,
                   " to ", most, " times, its stored delivery count is ", delivery_count);
  copy.state = Copy::State::kCertain;
  copy.survivor = true;
  copy.holder = kNone;
  copy.batch = copy.acked_in = copy.returned_in = 0;
  copy.returned = copy.returned_durably = delivery_count;
  copy.ended_seen = 0;
}

}  // namespace escrow::sim::model
