// The copies after a crash: what had to survive, what must not be there, and what could go either way.
#include <algorithm>

#include "tests/sim/model/copies.h"

namespace escrow::sim::model {

void Copies::crashed(const Stored& stored, const Topology& durable) {
  message(static_cast<Token>(catalog_.size()));
  const Found found = match(stored, durable);
  for (const auto& [request, open] : open_publishes_) check_whole(open, found);
  open_publishes_.clear();
  expected_.clear();
  for (const CopyId id : live_) {
    settle_after_crash(copies_[id], found.place[id], found.delivery_count[id], stored.head.batch);
  }
  std::erase_if(live_, [&](CopyId id) { return copies_[id].state == Copy::State::kGone; });
}

/// The one that stood there; else one whose place nobody knew, the oldest that follows those before it.
CopyId Copies::find_unmatched(Token token, const Queue* queue, broker::Seq place, std::uint64_t last_order,
                              const Found& found) const {
  CopyId oldest = kNone;
  for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
    const Copy& copy = copies_[id];
    if (copy.queue != queue || copy.state == Copy::State::kGone || found.place[id] != 0) continue;
    if (copy.place == place) return id;
    if (copy.place == 0 && (oldest == kNone || copy.order >= last_order)) oldest = id;
  }
  return oldest;
}

bool Copies::is_required(const Copy& copy) {
  return copy.state == Copy::State::kCertain && !copy.transient && copy.acked_in == 0 && !copy.queue->deleted;
}

/// Of two equal ones whose places nobody knew, one that had to survive counts as the one that did. Returns the one that
/// stands there then.
CopyId Copies::prefer_required(CopyId matched, Found& found) const {
  const Copy& spare = copies_[matched];
  if (is_required(spare) || spare.place != 0) return matched;
  for (CopyId id = messages_[spare.token].first; id != kNone; id = copies_[id].next) {
    const Copy& copy = copies_[id];
    const bool lost = copy.queue == spare.queue && copy.place == 0 && is_required(copy) && found.place[id] == 0;
    if (!lost) continue;
    std::swap(found.place[id], found.place[matched]);
    std::swap(found.delivery_count[id], found.delivery_count[matched]);
    return id;
  }
  return matched;
}

Copies::Found Copies::match(const Stored& stored, const Topology& durable) {
  Found found{std::vector<broker::Seq>(copies_.size()), std::vector<std::uint32_t>(copies_.size())};
  places_.clear();
  for (const StoredQueue& stored_queue : stored.queues) {
    const Queue* queue = durable.queue(stored_queue.name);
    if (!verdict_.require(queue != nullptr, "queue '", stored_queue.name, "' is stored, but not in the ledger")) break;
    match(stored_queue, queue, found);
    if (!verdict_.ok()) break;
  }
  return found;
}

void Copies::match(const StoredQueue& stored, const Queue* queue, Found& found) {
  std::unordered_map<std::uint32_t, std::uint64_t> last_of_publisher;
  std::vector<CopyId> ids;
  for (const StoredMessage& entry : stored.messages) {
    std::uint64_t& last = last_of_publisher[catalog_.sent(entry.token).publisher];
    const CopyId id = find_unmatched(entry.token, queue, entry.seq, last, found);
    if (!verdict_.require(
            id != kNone, "message ", entry.token, " is stored at place ", entry.seq, " of queue '", queue->name,
            exists(entry.token, queue) ? "', where it is gone or once too often" : "', where nobody enqueued it")) {
      return;
    }
    found.place[id] = entry.seq;
    found.delivery_count[id] = entry.delivery_count;
    last = copies_[id].order;
    ids.push_back(id);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Copy& copy = copies_[prefer_required(ids[i], found)];
    if (copy.publisher == kNoPublisher) continue;
    Places& known = places(copy);
    verdict_.require(known.empty() || known.back().order <= copy.order, describe(copy, catalog_),
                     " stands behind a later one of its publisher");
    known.push_back({stored.messages[i].seq, copy.order});
  }
}

/// A large publish takes several batches: what survives of it are its first messages, each in all of its queues.
void Copies::check_whole(const OpenPublish& publish, const Found& found) const {
  Token lost = kNone;
  for (Token token = publish.first; token < publish.first + publish.count; ++token) {
    bool some = false;
    bool all = true;
    for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
      const Copy& copy = copies_[id];
      const bool decisive = copy.state == Copy::State::kClaimed && !copy.transient && copy.acked_in == 0 &&
                            !copy.queue->deleted && !copy.mortal();
      if (!decisive) continue;
      (found.place[id] != 0 ? some : all) = found.place[id] != 0;
    }
    verdict_.require(all || !some, "message ", token, " survived in a part of its queues");
    verdict_.require(!some || lost == kNone, "message ", token, " survived, but not ", lost,
                     " before it in its publish");
    if (!all) lost = token;
  }
}

void Copies::settle_after_crash(Copy& copy, broker::Seq place, std::uint32_t delivery_count, BatchNumber recovered) {
  if (copy.state == Copy::State::kGone) return;
  if (place == 0) {
    verdict_.require(!is_required(copy), describe(copy, catalog_), " was lost by a crash");
    copy.state = Copy::State::kGone;
    return;
  }
  verdict_.require(copy.stored, describe(copy, catalog_), " is on disk, where no batch has written it");
  const bool durably_acked = copy.acked_in != 0 && copy.acked_in <= recovered;
  verdict_.require(!durably_acked, describe(copy, catalog_), " is back after a crash, though its acknowledgement was ",
                   "durable");
  const std::uint32_t least = copy.returned_in <= recovered ? copy.returned : copy.returned_durably;
  const std::uint32_t most = copy.returned + copy.queue->ended - copy.ended_seen;
  verdict_.require(delivery_count >= least && delivery_count <= most, describe(copy, catalog_), " came back ", least,
                   " to ", most, " times, its stored delivery count is ", delivery_count);
  copy.state = Copy::State::kCertain;
  copy.survivor = true;
  copy.expires_at_head |= copy.transient;
  copy.transient = false;  // it is on disk
  copy.holder = kNone;
  copy.place = place;
  copy.purged_by = 0;
  copy.batch = copy.acked_in = copy.returned_in = 0;
  copy.doomed.reset();
  copy.returned = copy.returned_durably = delivery_count;
  copy.ended_seen = 0;
}

}  // namespace escrow::sim::model
