#include "tests/sim/model/copies.h"

#include <algorithm>

#include "broker/core/broker.h"
#include "model/properties.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {

std::ostream& operator<<(std::ostream& out, const Description& description) {
  const auto& [copy, catalog] = description;
  const Sent& sent = catalog.sent(copy.token);
  out << "message " << copy.token << " (exchange '" << sent.exchange << "', key '" << sent.routing_key << "'";
  if (sent.content != kNone) out << ", transaction '" << catalog.content(sent.content).key.id << "'";
  return out << ") in queue '" << copy.queue->name << "'";
}

Copies::MessageState& Copies::message(Token token) {
  if (token >= messages_.size()) messages_.resize(std::max<std::size_t>(catalog_.size(), token + 1));
  return messages_[token];
}

Copy& Copies::add(Token token, Queue* queue, Timestamp entered) {
  const auto id = static_cast<CopyId>(copies_.size());
  Copy& copy = copies_.emplace_back();
  copy.token = token;
  copy.queue = queue;
  copy.publisher = catalog_.sent(token).publisher;
  copy.lifetime = known_properties()[catalog_.sent(token).properties].expiration;
  copy.entered = entered;
  copy.ended_seen = queue->ended;
  copy.next = std::exchange(message(token).first, id);
  live_.push_back(id);
  return copy;
}

void Copies::published(std::uint64_t request, const engine::Publish& body, const Topology& topology) {
  OpenPublish open;
  open.exchanges_deleted = topology.exchanges_deleted();
  for (const MessageView& view : body.messages) {
    const Token token = *catalog_.find(view.body);
    if (open.count++ == 0) open.first = token;
    if (!topology.accepts(view.exchange)) {
      message(token).queues = -1;
      continue;
    }
    if (topology.delays(view)) {
      message(token).queues = 1;
      delays_.kept_back(token, present_.now());
      continue;
    }
    const bool transient = !is_persistent(view.properties);
    topology.route(view, route_);
    message(token).queues = static_cast<std::int32_t>(route_.size());
    for (Queue* queue : route_) {
      Copy& copy = add(token, queue, present_.now());
      copy.order = catalog_.sent(token).sequence;
      copy.transient = transient;
      copy.batch = transient ? 0 : present_.building();
      if (!transient && copy.mortal()) expected_.push_back(static_cast<CopyId>(copies_.size() - 1));
    }
  }
  open_publishes_.emplace(request, open);
}

void Copies::publish_answered(std::uint64_t request, const engine::Published& answer, const Topology& topology) {
  const OpenPublish open = open_publishes_.extract(request).mapped();
  if (!verdict_.require(answer.outcomes.size() == open.count, "a publish of ", open.count, " messages has ",
                        answer.outcomes.size(), " outcomes")) {
    return;
  }
  for (std::uint32_t i = 0; i < open.count; ++i) {
    const MessageState& state = message(open.first + i);
    const Result<std::uint32_t> outcome = answer.outcomes.at(i);
    const bool full = !outcome.ok() && outcome.error().reason == broker::kQueueFull;
    const std::int32_t queues = outcome.ok() ? static_cast<std::int32_t>(*outcome) : -1;
    verdict_.require(full || queues == state.queues, "message ", open.first + i, " matches ", state.queues,
                     " queues and went to ", queues, " (-1: refused)");
    delays_.confirmed(open.first + i, open.exchanges_deleted == topology.exchanges_deleted());
    bool may_be_full = false;
    for (CopyId id = state.first; id != kNone; id = copies_[id].next) {
      // What no queue has taken needs no batch.
      verdict_.require(full || copies_[id].batch <= present_.synced, "a publish was confirmed before it was durable");
      may_be_full |= copies_[id].queue->rules.refuses();
      check_taken(id, full);
    }
    verdict_.require(may_be_full || !full, "message ", open.first + i, " was refused by a full queue, and none is");
  }
}

/// A confirmed message is in its queue on disk, unless that has refused it, or let it go at once.
void Copies::check_taken(CopyId id, bool refused) {
  Copy& copy = copies_[id];
  if (copy.state != Copy::State::kClaimed) return;
  copy.state = Copy::State::kCertain;
  if (copy.stored) return;
  const bool refused_here = refused && copy.queue->rules.refuses();
  if (copy.transient) {
    if (refused_here) copy.state = Copy::State::kDoubtful;
    return;
  }
  const auto end = copy.end();
  const bool unseen =
      !copy.queue->rules.dead_letter_exchange && (copy.queue->rules.drops_head() || (end && *end <= present_.now()));
  const bool died = copy.may_be_gone || unseen;
  verdict_.require(refused_here || died || copy.queue->deleted || !copy.queue->purging.empty(),
                   describe(copy, catalog_), " was confirmed and is not on disk");
  copy.state = Copy::State::kGone;
}

bool Copies::committed(const Content& content, Timestamp when, const Topology& topology, Queue* parked) {
  bool used_parked = false;
  for (Token token = content.first; token < content.first + content.count; ++token) {
    const Sent& sent = catalog_.sent(token);
    const Message whole = catalog_.message(token);
    if (topology.delays(whole.view())) {
      delays_.committed(token, when);
      continue;
    }
    topology.route(whole.view(), route_);
    if (route_.empty()) {
      route_.push_back(parked);
      used_parked = true;
    }
    ++commits_;
    for (Queue* queue : route_) {
      Copy& copy = add(token, queue, when);
      copy.publisher = sent.publisher;
      copy.order = commits_;
      // It came into the queue when its batch was being built, and may have been given out and back since.
      copy.ended_seen = queue->ended_before_seal;
      copy.state = Copy::State::kCertain;
      committed_.push_back(static_cast<CopyId>(copies_.size() - 1));
      if (copy.mortal()) expected_.push_back(committed_.back());
      doubt_purged(copy);
    }
  }
  return used_parked;
}

/// The ledger tells of a commit in the batch `synced`; a purge that was asked for meanwhile takes it if it began later.
void Copies::doubt_purged(Copy& copy) {
  for (const Purging& purge : copy.queue->purging) {
    if (purge.began_in < present_.synced) continue;
    copy.state = Copy::State::kDoubtful;
    if (purge.began_in > present_.synced) {
      copy.purged_by = purge.number;
      return;
    }
  }
}

/// A message is twice in a queue when its transaction was forgotten and a late Prepare began it anew: the places tell
/// which one it is, and before they are known their order.
CopyId Copies::find(Token token, const Queue* queue, broker::Seq place) const {
  CopyId oldest = kNone;
  for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
    const Copy& copy = copies_[id];
    if (copy.queue != queue || copy.state == Copy::State::kGone) continue;
    if (copy.place == place) return id;
    if (copy.place == 0 && (oldest == kNone || fits(copy, place))) oldest = id;
  }
  return oldest;
}

Copies::Places& Copies::places(const Copy& copy) {
  if (copy.queue->number >= places_.size()) places_.resize(copy.queue->number + 1);
  return places_[copy.queue->number][copy.publisher];
}

/// Messages of one publisher stand in their order.
bool Copies::fits(const Copy& copy, broker::Seq place) const {
  if (copy.publisher == kNoPublisher) return true;
  if (copy.queue->number >= places_.size()) return true;
  const auto known = places_[copy.queue->number].find(copy.publisher);
  if (known == places_[copy.queue->number].end()) return true;
  const auto next = std::ranges::lower_bound(known->second, place, {}, &Place::place);
  if (next != known->second.begin() && std::prev(next)->order > copy.order) return false;
  return next == known->second.end() || next->order >= copy.order;
}

void Copies::learn_place(Copy& copy, broker::Seq place) {
  if (copy.place == place) return;
  verdict_.require(fits(copy, place), describe(copy, catalog_), " stands at place ", place,
                   ", which is out of the order of its publisher");
  copy.place = place;
  if (copy.publisher == kNoPublisher) return;
  Places& known = places(copy);
  known.insert(std::ranges::lower_bound(known, place, {}, &Place::place), Place{place, copy.order});
}

bool Copies::exists(Token token, const Queue* queue) const {
  for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
    if (copies_[id].queue == queue) return true;
  }
  return false;
}

CopyId Copies::delivered(Token token, Queue* queue, broker::Seq place, std::uint32_t holder, bool redelivered,
                         std::uint32_t delivery_count) {
  message(token);
  const CopyId id = find(token, queue, place);
  if (!verdict_.require(
          id != kNone, "message ", token, " was delivered from place ", place, " of queue '", queue->name,
          "', where it must not be: ", exists(token, queue) ? "it is gone, or somewhere else" : "nobody enqueued it")) {
    return kNone;
  }
  Copy& copy = copies_[id];
  learn_place(copy, place);
  verdict_.require(copy.batch <= present_.synced, describe(copy, catalog_), " was delivered before it was durable");
  verdict_.require(copy.acked_in == 0, describe(copy, catalog_), " was acknowledged and came back");
  verdict_.require(copy.holder == kNone, describe(copy, catalog_), " was delivered to two consumers at once");
  check_flags(copy, redelivered, delivery_count);
  if (copy.state == Copy::State::kClaimed || queue->purging.empty()) copy.state = Copy::State::kCertain;
  copy.holder = holder;
  copy.seen = true;
  return id;
}

void Copies::check_flags(Copy& copy, bool redelivered, std::uint32_t delivery_count) {
  const std::uint32_t unseen = copy.queue->ended - copy.ended_seen;
  if (copy.seen) {
    verdict_.require(redelivered, describe(copy, catalog_), " came back without being flagged redelivered");
  } else if (!copy.survivor && unseen == 0) {
    verdict_.require(!redelivered, describe(copy, catalog_), " is flagged redelivered, but it never was delivered");
  }
  verdict_.require(delivery_count >= copy.returned && delivery_count <= copy.returned + unseen,
                   describe(copy, catalog_), " came back ", copy.returned, " to ", copy.returned + unseen,
                   " times, its delivery count is ", delivery_count);
  if (delivery_count > copy.returned) copy.returned_in = kUnknownBatch;
  copy.returned = delivery_count;
  copy.ended_seen = copy.queue->ended;
}

CopyId Copies::delivered_too_late(Token token, Queue* queue, broker::Seq place) {
  message(token);
  // It may have come, come back and died in one batch.
  const bool may_be_gone = queue->rules.mortal() || known_properties()[catalog_.sent(token).properties].expiration;
  verdict_.require(may_be_gone || exists(token, queue), "message ", token, " was delivered from queue '", queue->name,
                   "', where nobody enqueued it");
  const CopyId id = find(token, queue, place);
  if (id == kNone) return kNone;
  learn_place(copies_[id], place);
  copies_[id].seen = true;
  return id;
}

void Copies::check_content(CopyId id, const MessageView& message) const {
  const Copy& copy = copies_[id];
  bool same = copy.changed == kNone && catalog_.is_as_sent(copy.token, message);
  if (copy.changed != kNone) {
    const Message& shown = *changed_[copy.changed].shown;
    same = message.exchange == shown.exchange && message.routing_key == shown.routing_key &&
           message.properties == shown.properties;
  }
  verdict_.require(same, describe(copy, catalog_), " changed on its way");
}

void Copies::acked(CopyId id, BatchNumber batch) {
  copies_[id].acked_in = batch;
  copies_[id].holder = kNone;
}

/// Where there is a place for dead letters it may have to be read first, so that nobody can say when it is there.
void Copies::rejected(CopyId id, BatchNumber batch) {
  Copy& copy = copies_[id];
  if (!copy.queue->rules.dead_letter_exchange) return acked(id, batch);
  acked(id, kUnknownBatch);
  copy.doomed = DeathReason::kRejected;
}

bool Copies::returned(CopyId id, BatchNumber batch) {
  Copy& copy = copies_[id];
  if (const auto& limit = copy.queue->rules.delivery_limit; limit && copy.returned >= *limit) {
    acked(id, kUnknownBatch);
    if (copy.queue->rules.dead_letter_exchange) copy.doomed = DeathReason::kDeliveryLimit;
    return false;
  }
  if (copy.mortal()) batch = kUnknownBatch;  // it may have died on its way back
  if (copy.returned_in <= present_.synced) copy.returned_durably = copy.returned;
  ++copy.returned;
  copy.returned_in = batch;
  copy.ended_seen = copy.queue->ended;
  copy.holder = kNone;
  return true;
}

std::uint32_t Copies::purge_started(Queue* queue) {
  const std::uint32_t purge = ++queue->purges;
  queue->purging.push_back({purge, present_.building()});
  queue->returned.clear();
  for (const CopyId id : live_) {
    Copy& copy = copies_[id];
    if (copy.queue != queue || copy.state == Copy::State::kGone) continue;
    if (copy.state != Copy::State::kDoubtful || copy.purged_by == 0) copy.purged_by = purge;
    copy.state = Copy::State::kDoubtful;
  }
  return purge;
}

void Copies::purge_answered(Queue* queue, std::uint32_t purge, bool undisturbed) {
  std::erase_if(queue->purging, [&](const Purging& p) { return p.number == purge; });
  if (!undisturbed) return;
  for (const CopyId id : live_) {
    Copy& copy = copies_[id];
    const bool taken = copy.state == Copy::State::kDoubtful && copy.purged_by != 0 && copy.purged_by <= purge;
    if (copy.queue == queue && taken) copy.state = Copy::State::kGone;
  }
}

bool Copies::is_left(const Copy& copy) const {
  const bool exists = copy.state == Copy::State::kClaimed || copy.state == Copy::State::kCertain;
  const bool may_be_gone = !copy.stored && !copy.doomed && copy.mortal();
  return exists && (copy.acked_in == 0 || copy.doomed) && !copy.queue->deleted && !may_be_gone;
}

std::size_t Copies::left() const {
  return static_cast<std::size_t>(std::ranges::count_if(live_, [&](CopyId id) { return is_left(copies_[id]); }));
}

std::string Copies::example_left() const {
  const auto it = std::ranges::find_if(live_, [&](CopyId id) { return is_left(copies_[id]); });
  if (it == live_.end()) return {};
  std::ostringstream text;
  text << describe(copies_[*it], catalog_);
  return text.str();
}

}  // namespace escrow::sim::model
