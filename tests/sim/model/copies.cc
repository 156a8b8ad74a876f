#include "tests/sim/model/copies.h"

#include <algorithm>

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

Copy& Copies::add(Token token, Queue* queue) {
  const auto id = static_cast<CopyId>(copies_.size());
  Copy& copy = copies_.emplace_back();
  copy.token = token;
  copy.queue = queue;
  copy.publisher = catalog_.sent(token).publisher;
  copy.ended_seen = queue->ended;
  copy.next = std::exchange(message(token).first, id);
  live_.push_back(id);
  return copy;
}

void Copies::published(std::uint64_t request, const engine::Publish& body, const Topology& topology) {
  OpenPublish open;
  for (const MessageView& view : body.messages) {
    const Token token = *catalog_.find(view.body);
    if (open.count++ == 0) open.first = token;
    if (!topology.accepts(view.exchange)) {
      message(token).queues = -1;
      continue;
    }
    topology.route(view, route_);
    message(token).queues = static_cast<std::int32_t>(route_.size());
    for (Queue* queue : route_) {
      Copy& copy = add(token, queue);
      copy.order = catalog_.sent(token).sequence;
      copy.batch = present_.building();
    }
  }
  open_publishes_.emplace(request, open);
}

void Copies::publish_answered(std::uint64_t request, const engine::Published& answer) {
  const OpenPublish open = open_publishes_.extract(request).mapped();
  if (!verdict_.require(answer.outcomes.size() == open.count, "a publish of ", open.count, " messages has ",
                        answer.outcomes.size(), " outcomes")) {
    return;
  }
  for (std::uint32_t i = 0; i < open.count; ++i) {
    const MessageState& state = message(open.first + i);
    const Result<std::uint32_t>& outcome = answer.outcomes[i];
    const std::int32_t queues = outcome.ok() ? static_cast<std::int32_t>(*outcome) : -1;
    verdict_.require(queues == state.queues, "message ", open.first + i, " matches ", state.queues,
                     " queues and went to ", queues, " (-1: refused)");
    for (CopyId id = state.first; id != kNone; id = copies_[id].next) {
      verdict_.require(copies_[id].batch <= present_.synced, "a publish was confirmed before it was durable");
      if (copies_[id].state == Copy::State::kClaimed) copies_[id].state = Copy::State::kCertain;
    }
  }
}

bool Copies::committed(const Content& content, const Topology& topology, Queue* parked) {
  bool used_parked = false;
  for (Token token = content.first; token < content.first + content.count; ++token) {
    const Sent& sent = catalog_.sent(token);
    const Message whole = catalog_.message(token);
    topology.route(whole.view(), route_);
    if (route_.empty()) {
      route_.push_back(parked);
      used_parked = true;
    }
    ++commits_;
    for (Queue* queue : route_) {
      Copy& copy = add(token, queue);
      copy.publisher = sent.publisher;
      copy.order = commits_;
      // It came into the queue when its batch was being built, and may have been given out and back since.
      copy.ended_seen = queue->ended_before_seal;
      copy.state = queue->purging > 0 ? Copy::State::kDoubtful : Copy::State::kCertain;
    }
  }
  return used_parked;
}

CopyId Copies::find(Token token, const Queue* queue) const {
  CopyId best = kNone;
  for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
    const Copy& copy = copies_[id];
    if (copy.queue != queue || copy.state == Copy::State::kGone) continue;
    if (best == kNone) best = id;
    if (copy.acked_in == 0 && copy.holder == kNone) return id;
  }
  return best;
}

bool Copies::exists(Token token, const Queue* queue) const {
  for (CopyId id = messages_[token].first; id != kNone; id = copies_[id].next) {
    if (copies_[id].queue == queue) return true;
  }
  return false;
}

CopyId Copies::delivered(Token token, Queue* queue, std::uint32_t holder, bool redelivered,
                         std::uint32_t delivery_count) {
  message(token);
  const CopyId id = find(token, queue);
  if (!verdict_.require(id != kNone, "message ", token, " was delivered from queue '", queue->name,
                        "', where it must not be: ", exists(token, queue) ? "it is gone" : "nobody enqueued it")) {
    return kNone;
  }
  Copy& copy = copies_[id];
  verdict_.require(copy.batch <= present_.synced, describe(copy, catalog_), " was delivered before it was durable");
  verdict_.require(copy.acked_in == 0, describe(copy, catalog_), " was acknowledged and came back");
  verdict_.require(copy.holder == kNone, describe(copy, catalog_), " was delivered to two consumers at once");
  check_flags(copy, redelivered, delivery_count);
  if (copy.state == Copy::State::kClaimed || queue->purging == 0) copy.state = Copy::State::kCertain;
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

void Copies::delivered_too_late(Token token, Queue* queue) {
  message(token);
  verdict_.require(exists(token, queue), "message ", token, " was delivered from queue '", queue->name,
                   "', where nobody enqueued it");
  const CopyId id = find(token, queue);
  if (id != kNone) copies_[id].seen = true;
}

void Copies::acked(CopyId id, BatchNumber batch) {
  copies_[id].acked_in = batch;
  copies_[id].holder = kNone;
}

void Copies::returned(CopyId id, BatchNumber batch) {
  Copy& copy = copies_[id];
  if (copy.returned_in <= present_.synced) copy.returned_durably = copy.returned;
  ++copy.returned;
  copy.returned_in = batch;
  copy.ended_seen = copy.queue->ended;
  copy.holder = kNone;
}

void Copies::purge_started(Queue* queue) {
  ++queue->purging;
  for (const CopyId id : live_) {
    Copy& copy = copies_[id];
    if (copy.queue == queue && copy.state != Copy::State::kGone) copy.state = Copy::State::kDoubtful;
  }
}

void Copies::purge_answered(Queue* queue, bool undisturbed) {
  if (queue->purging > 0) --queue->purging;
  if (!undisturbed) return;
  for (const CopyId id : live_) {
    Copy& copy = copies_[id];
    if (copy.queue == queue && copy.state == Copy::State::kDoubtful) copy.state = Copy::State::kGone;
  }
}

bool Copies::is_left(const Copy& copy) const {
  const bool exists = copy.state == Copy::State::kClaimed || copy.state == Copy::State::kCertain;
  return exists && copy.acked_in == 0 && !copy.queue->deleted;
}

std::size_t Copies::left() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(live_, [&](CopyId id) { return is_left(copies_[id]); }));
}

std::string Copies::example_left() const {
  const auto it = std::ranges::find_if(live_, [&](CopyId id) { return is_left(copies_[id]); });
  if (it == live_.end()) return {};
  std::ostringstream text;
  text << describe(copies_[*it], catalog_);
  return text.str();
}

}  // namespace escrow::sim::model
