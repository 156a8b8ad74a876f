#include "tests/sim/model/forwarding.h"

#include <algorithm>

#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {

namespace {
/// Queues in a row in which a message dies as soon as it has come.
constexpr int kDeathsInARow = 8;
}  // namespace

void Forwarding::passed(Passage passage, std::vector<const Topology*> topologies, Queue* parked) {
  passage_ = std::move(passage);
  topologies_ = std::move(topologies);
  parked_ = parked;
  stored_before_.clear();
  come_in();
  for (const Departure& departure : passage_.departures) {
    stored_before_.try_emplace(departure.queue, departure.queue->tally.left());
    if (verdict_.ok() && departure.copy != kNone) depart(*departure.queue, departure.copy);
  }
  for (const DelayDeparture& departure : passage_.delay_departures) {
    if (verdict_.ok() && departure.delayed != kNone) release(departure);
  }
  if (verdict_.ok()) look_for_lost();
}

/// What clients sent.
void Forwarding::come_in() {
  for (Arrival& arrival : passage_.arrivals) {
    if (!verdict_.require(arrival.queue != nullptr, "a batch writes to a queue that nobody knows")) return;
    stored_before_.try_emplace(arrival.queue, arrival.queue->tally.left());
    *arrival.copy = copies_.arrived(arrival, passage_.time);
    arrival.explained = *arrival.copy != kNone;
  }
  for (DelayArrival& arrival : passage_.delay_arrivals) {
    *arrival.delayed = delays_.arrived(arrival, passage_.time);
    arrival.explained = *arrival.delayed != kNone;
  }
}

/// Nothing is there that was not sent, and nothing is missing.
void Forwarding::look_for_lost() {
  for (std::size_t i = 0; i < passage_.arrivals.size() && verdict_.ok(); ++i) {
    const Arrival& arrival = passage_.arrivals[i];
    const Token token = arrival.message.token;
    verdict_.require(arrival.explained || explain_unwritten(token, {i, false}), "message ", token,
                     " is stored at place ", arrival.message.seq, " of queue '", arrival.queue->name,
                     "', where nobody enqueued it",
                     arrival.message.changed ? ", and nothing in this batch brought it: " : "",
                     arrival.message.changed ? deaths_in_words(arrival.message.changed->view()) : "");
  }
  for (std::size_t i = 0; i < passage_.delay_arrivals.size() && verdict_.ok(); ++i) {
    const DelayArrival& arrival = passage_.delay_arrivals[i];
    const Token token = arrival.message.token;
    verdict_.require(arrival.explained || explain_unwritten(token, {i, true}), "exchange '", arrival.exchange,
                     "' keeps message ", token, " back, which nobody sent to it");
  }
  for (const CopyId id : copies_.expected()) {
    const Copy copy = copies_[id];
    if (!verdict_.ok() || copy.batch > passage_.batch || !copy.queue->rules.dead_letter_exchange) continue;
    // All that arrived is explained: what died now has died again, unseen, where that was the end.
    if (buried(copy, reasons(copy), std::nullopt)) copies_.may_be_gone(id);
  }
  if (!verdict_.ok()) return;
  copies_.check_committed();
  delays_.check_committed(*topologies_.front());
}

/// What a delayed exchange keeps back goes on when its time has come, or goes with the exchange.
void Forwarding::release(const DelayDeparture& departure) {
  const Delayed delayed = delays_[departure.delayed];
  delays_.left(departure.delayed);
  const bool due = passage_.time.until >= delayed.earliest;
  Trail trail;
  if (due && follow(delayed.token, delayed.form, false, trail, 0)) return take(trail);
  if (departure.exchange_gone) return;
  verdict_.require(due, "message ", delayed.token, " was released by exchange '", delayed.form.exchange,
                   "' before its time");
  verdict_.require(!due, "message ", delayed.token, " was released by exchange '", delayed.form.exchange,
                   "', and the batch does not have it where it has to be");
}

void Forwarding::depart(Queue& queue, CopyId id) {
  const Copy copy = copies_[id];
  copies_.left(id);
  Tally& tally = queue.tally;
  if (copy.acked_in != 0 && !copy.doomed) {
    verdict_.require(copy.acked_in <= passage_.batch || copy.acked_in == kUnknownBatch, describe(copy, catalog_),
                     " is gone before it was acknowledged");
    ++tally.acknowledged;
    return;
  }
  const std::vector<DeathReason> possible = reasons(copy);
  if (queue.rules.dead_letter_exchange) {
    if (buried(copy, possible, std::nullopt)) {
      ++tally.dead_lettered;
      return;
    }
  } else if (!possible.empty() && !queue.deleted) {
    ++(possible.front() == DeathReason::kExpired ? tally.expired : tally.dropped);
    return;
  }
  ++tally.purged;
  if (queue.deleted || copy.state == Copy::State::kDoubtful) return;
  verdict_.require(possible.empty(), describe(copy, catalog_), " died (",
                   possible.empty() ? "" : name_of(possible.front()),
                   "), and the batch does not have its dead letters where they have to be");
  verdict_.require(!possible.empty(), describe(copy, catalog_), " is gone, and nobody has taken it",
                   copy.holder == kNone ? "" : " (a consumer still has it)");
}

std::vector<DeathReason> Forwarding::reasons(const Copy& copy) {
  std::vector<DeathReason> possible;
  if (copy.doomed) possible.push_back(*copy.doomed);
  if (copy.holder != kNone || (copy.acked_in != 0 && !copy.doomed)) return possible;
  const QueueRules& rules = copy.queue->rules;
  if (const auto end = copy.end(); end && *end <= passage_.time.until) possible.push_back(DeathReason::kExpired);
  const std::uint32_t unseen = copy.queue->ended - copy.ended_seen;
  if (rules.delivery_limit && unseen > 0 && copy.returned + unseen > *rules.delivery_limit) {
    possible.push_back(DeathReason::kDeliveryLimit);
  }
  const bool overflows = rules.drops_head() || (rules.overflow == QueueRules::Overflow::kRefuseAndBury && !copy.stored);
  if (overflows && !copy.doomed && may_have_been_full(copy.queue)) possible.push_back(DeathReason::kMaxLength);
  return possible;
}

/// At most so many messages were in it at once.
bool Forwarding::may_have_been_full(const Queue* queue) {
  if (!queue->purging.empty()) return true;
  const auto before = stored_before_.find(queue);
  std::uint64_t most = before == stored_before_.end() ? queue->tally.left() : before->second;
  for (const Arrival& arrival : passage_.arrivals) most += arrival.queue == queue ? 1 : 0;
  return most > *queue->rules.max_length || most + copies_.unwritten(queue) > *queue->rules.max_length;
}

bool Forwarding::explain_unwritten(Token token, Place place) {
  for (CopyId id = copies_.first_of(token); id != kNone; id = copies_[id].next) {
    const Copy copy = copies_[id];
    if (copy.stored || copy.state == Copy::State::kGone || !copy.queue->rules.dead_letter_exchange) continue;
    if (!buried(copy, reasons(copy), place)) continue;
    copies_.left(id);
    return true;
  }
  return false;
}

/// What is seen of it counts for more than that it may have gone unseen.
bool Forwarding::buried(const Copy& copy, const std::vector<DeathReason>& possible, std::optional<Place> explains) {
  std::optional<Trail> best;
  for (const DeathReason reason : possible) {
    Trail trail;
    const bool there = died(copy.token, copies_.form(copy), *copy.queue, reason, trail, 0);
    const bool wanted = !explains || std::ranges::find(trail, *explains, &Found::place) != trail.end();
    if (there && wanted && (!best || trail.size() > best->size())) best = trail;
    undo(trail, 0);
  }
  if (best) take(*best);
  return best.has_value();
}

bool& Forwarding::explained(Place place) {
  return place.delayed ? passage_.delay_arrivals[place.arrival].explained : passage_.arrivals[place.arrival].explained;
}

void Forwarding::take(Trail& trail) {
  for (auto& [place, form] : trail) {
    explained(place) = true;
    if (place.delayed) {
      DelayArrival& arrival = passage_.delay_arrivals[place.arrival];
      *arrival.delayed = delays_.add(arrival, std::move(form));
    } else {
      Arrival& arrival = passage_.arrivals[place.arrival];
      *arrival.copy = copies_.arrived_on(arrival, std::move(form), passage_.time);
    }
  }
}

void Forwarding::undo(Trail& trail, std::size_t size) {
  for (; trail.size() > size; trail.pop_back()) explained(trail.back().place) = false;
}

bool Forwarding::died(Token token, const Form& form, const Queue& queue, DeathReason reason, Trail& trail, int depth) {
  return depth < kDeathsInARow &&
         follow(token, after_death(form, queue.name, queue.rules, reason, passage_.time), true, trail, depth + 1);
}

bool Forwarding::follow(Token token, const Form& form, bool dead, Trail& trail, int depth) {
  const std::size_t before = trail.size();
  for (const Topology* topology : topologies_) {
    const Targets expected = targets(form, dead, *topology);
    const auto there = [&](Queue* queue) { return found_at(token, form, queue, trail, depth); };
    const bool kept_back = !expected.delayed || found_delayed(token, form, trail);
    if (kept_back && std::ranges::all_of(expected.queues, there)) return true;
    undo(trail, before);
  }
  return false;
}

bool Forwarding::found_delayed(Token token, const Form& form, Trail& trail) {
  for (std::size_t i = 0; i < passage_.delay_arrivals.size(); ++i) {
    DelayArrival& arrival = passage_.delay_arrivals[i];
    if (arrival.explained || arrival.message.token != token) continue;
    Form shown = form;
    if (!delays_.arrived_on(arrival, shown, passage_.time)) continue;
    arrival.explained = true;
    trail.push_back({{i, true}, std::move(shown)});
    return true;
  }
  // The exchange may have gone in the same batch.
  return topologies_.front()->exchange(form.exchange) == nullptr;
}

bool Forwarding::found_at(Token token, const Form& form, Queue* queue, Trail& trail, int depth) {
  for (std::size_t i = 0; i < passage_.arrivals.size(); ++i) {
    Arrival& arrival = passage_.arrivals[i];
    if (arrival.explained || arrival.queue != queue || arrival.message.token != token || !arrival.message.changed) {
      continue;
    }
    Form shown = form;
    if (!shows(shown, arrival.message.changed->view())) continue;
    arrival.explained = true;
    trail.push_back({{i, false}, std::move(shown)});
    return true;
  }
  // It may have come and gone in the same batch.
  const QueueRules& rules = queue->rules;
  std::optional<Duration> lifetime = rules.ttl;
  if (const auto& own = form.properties.expiration) {
    const Duration milliseconds = std::chrono::milliseconds(std::stoll(*own));
    lifetime = std::min(lifetime.value_or(milliseconds), milliseconds);
  }
  const bool expires = lifetime && passage_.time.from + *lifetime <= passage_.time.until;
  for (const auto& [dies, reason] :
       {std::pair{expires, DeathReason::kExpired}, {rules.drops_head(), DeathReason::kMaxLength}}) {
    if (!dies) continue;
    if (!rules.dead_letter_exchange || died(token, form, *queue, reason, trail, depth)) return true;
  }
  return queue->deleted || !queue->purging.empty();
}

Forwarding::Targets Forwarding::targets(const Form& form, bool dead, const Topology& topology) const {
  Message message;
  message.exchange = form.exchange;
  message.routing_key = form.routing_key;
  if (auto properties = encode_properties(form.properties)) message.properties = *std::move(properties);
  Targets found;
  found.delayed = topology.delays(message.view());
  if (found.delayed) return found;
  std::vector<Queue*>& queues = found.queues;
  topology.route(message.view(), queues);
  std::size_t circles = 0;
  if (dead) circles = std::erase_if(queues, [&](const Queue* queue) { return goes_round(form, queue->name); });
  if ((queues.empty() || circles > 0) && std::ranges::find(queues, parked_) == queues.end()) queues.push_back(parked_);
  return found;
}

}  // namespace escrow::sim::model
