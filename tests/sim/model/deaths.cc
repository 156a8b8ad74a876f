#include "tests/sim/model/deaths.h"

#include <algorithm>

#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {

namespace {
/// Queues in a row in which a message dies as soon as it has come.
constexpr int kDeathsInARow = 8;
constexpr std::size_t kAny = ~std::size_t{0};
}  // namespace

void Deaths::passed(Passage passage, std::vector<const Topology*> topologies, Queue* parked) {
  passage_ = std::move(passage);
  topologies_ = std::move(topologies);
  parked_ = parked;
  stored_before_.clear();
  for (Arrival& arrival : passage_.arrivals) {
    if (!verdict_.require(arrival.queue != nullptr, "a batch writes to a queue that nobody knows")) return;
    stored_before_.try_emplace(arrival.queue, arrival.queue->tally.left());
    *arrival.copy = copies_.arrived(arrival, passage_.time);
    arrival.explained = *arrival.copy != kNone;
  }
  for (const Departure& departure : passage_.departures) {
    stored_before_.try_emplace(departure.queue, departure.queue->tally.left());
    if (verdict_.ok() && departure.copy != kNone) depart(*departure.queue, departure.copy);
  }
  for (std::size_t i = 0; i < passage_.arrivals.size() && verdict_.ok(); ++i) {
    if (!passage_.arrivals[i].explained) explain_unwritten(i);
  }
  for (const CopyId id : copies_.expected()) {
    const Copy copy = copies_[id];
    if (!verdict_.ok() || copy.batch > passage_.batch || !copy.queue->rules.dead_letter_exchange) continue;
    // All that arrived is explained: what died now has died again, unseen, where that was the end.
    if (buried(copy, reasons(copy), kAny)) copies_.may_be_gone(id);
  }
  if (verdict_.ok()) copies_.check_committed();
}

void Deaths::depart(Queue& queue, CopyId id) {
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
    if (buried(copy, possible, kAny)) {
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

std::vector<DeathReason> Deaths::reasons(const Copy& copy) {
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
bool Deaths::may_have_been_full(const Queue* queue) {
  if (!queue->purging.empty()) return true;
  const auto before = stored_before_.find(queue);
  std::uint64_t most = before == stored_before_.end() ? queue->tally.left() : before->second;
  for (const Arrival& arrival : passage_.arrivals) most += arrival.queue == queue ? 1 : 0;
  return most > *queue->rules.max_length || most + copies_.unwritten(queue) > *queue->rules.max_length;
}

void Deaths::explain_unwritten(std::size_t index) {
  const Arrival& arrival = passage_.arrivals[index];
  const Token token = arrival.message.token;
  for (CopyId id = copies_.first_of(token); id != kNone; id = copies_[id].next) {
    const Copy copy = copies_[id];
    if (copy.stored || copy.state == Copy::State::kGone || !copy.queue->rules.dead_letter_exchange) continue;
    if (!buried(copy, reasons(copy), index)) continue;
    copies_.left(id);
    return;
  }
  verdict_.require(false, "message ", token, " is stored at place ", arrival.message.seq, " of queue '",
                   arrival.queue->name, "', where nobody enqueued it",
                   arrival.message.changed ? ", and no death of this batch brought it: " : "",
                   arrival.message.changed ? deaths_in_words(arrival.message.changed->view()) : "");
}

/// What is seen of it counts for more than that it may have gone unseen.
bool Deaths::buried(const Copy& copy, const std::vector<DeathReason>& possible, std::size_t explains) {
  std::optional<Trail> best;
  for (const DeathReason reason : possible) {
    Trail trail;
    const bool there = follow(copy.token, copies_.form(copy), *copy.queue, reason, trail, 0);
    const bool wanted = explains == kAny || std::ranges::find(trail, explains, &Found::arrival) != trail.end();
    if (there && wanted && (!best || trail.size() > best->size())) best = trail;
    undo(trail, 0);
  }
  if (!best) return false;
  for (Found& found : *best) {
    Arrival& arrival = passage_.arrivals[found.arrival];
    arrival.explained = true;
    *arrival.copy = copies_.arrived_on(arrival, std::move(found.form), passage_.time);
  }
  return true;
}

void Deaths::undo(Trail& trail, std::size_t size) {
  for (; trail.size() > size; trail.pop_back()) passage_.arrivals[trail.back().arrival].explained = false;
}

bool Deaths::follow(Token token, const Form& form, const Queue& died_in, DeathReason reason, Trail& trail, int depth) {
  if (depth > kDeathsInARow) return false;
  const Form letter = after_death(form, died_in.name, died_in.rules, reason, passage_.time);
  const std::size_t before = trail.size();
  for (const Topology* topology : topologies_) {
    const std::vector<Queue*> expected = targets(letter, *topology);
    const auto there = [&](Queue* queue) { return found_at(token, letter, queue, trail, depth); };
    if (std::ranges::all_of(expected, there)) return true;
    undo(trail, before);
  }
  return false;
}

bool Deaths::found_at(Token token, const Form& form, Queue* queue, Trail& trail, int depth) {
  for (std::size_t i = 0; i < passage_.arrivals.size(); ++i) {
    Arrival& arrival = passage_.arrivals[i];
    if (arrival.explained || arrival.queue != queue || arrival.message.token != token || !arrival.message.changed) {
      continue;
    }
    Form shown = form;
    if (!shows(shown, arrival.message.changed->view())) continue;
    arrival.explained = true;
    trail.push_back({i, std::move(shown)});
    return true;
  }
  // It may have come and gone in the same batch.
  const QueueRules& rules = queue->rules;
  const bool expires = rules.ttl && passage_.time.from + *rules.ttl <= passage_.time.until;
  for (const auto& [dies, reason] :
       {std::pair{expires, DeathReason::kExpired}, {rules.drops_head(), DeathReason::kMaxLength}}) {
    if (!dies) continue;
    if (!rules.dead_letter_exchange || follow(token, form, *queue, reason, trail, depth + 1)) return true;
  }
  return queue->deleted || !queue->purging.empty();
}

std::vector<Queue*> Deaths::targets(const Form& form, const Topology& topology) const {
  Message message;
  message.exchange = form.exchange;
  message.routing_key = form.routing_key;
  if (auto properties = encode_properties(form.properties)) message.properties = *std::move(properties);
  std::vector<Queue*> queues;
  topology.route(message.view(), queues);
  const std::size_t circles = std::erase_if(queues, [&](const Queue* queue) { return goes_round(form, queue->name); });
  if ((queues.empty() || circles > 0) && std::ranges::find(queues, parked_) == queues.end()) queues.push_back(parked_);
  return queues;
}

}  // namespace escrow::sim::model
