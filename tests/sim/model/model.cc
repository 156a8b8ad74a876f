#include "tests/sim/model/model.h"

#include <algorithm>
#include <type_traits>

#include "base/invariant.h"
#include "broker/core/topology.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {

Model::Model(Verdict& verdict, Trace& trace, const Catalog& catalog, const Present& present,
             const engine::EngineOptions& options)
    : verdict_(verdict),
      catalog_(catalog),
      ledger_(verdict),
      journal_(verdict, catalog),
      declarations_(verdict),
      delays_(verdict, catalog),
      copies_(verdict, catalog, present, delays_),
      forwarding_(verdict, catalog, copies_, delays_),
      consumers_(verdict, trace, catalog, present, copies_),
      transactions_(verdict, catalog, present, declarations_, options.checks, options.decided_retention),
      checks_(verdict, catalog, present, transactions_, options.check_receipt_timeout, options.check_answer_timeout) {}

Model::Port& Model::port(PortNumber number) {
  if (number >= ports_.size()) ports_.resize(number + 1);
  return ports_[number];
}

void Model::submitted(PortNumber number, const engine::Command& command) {
  if (command.request >= asked_.size()) asked_.resize(command.request + 1);
  Asked& asked = asked_[command.request];
  asked.port = number;
  std::visit([&](const auto& body) { ask(asked, command, body); }, command.body);
  asked.open = asked.kind != Kind::kSilent;
  if (asked.open) ++port(number).open_requests;
}

void Model::may_fail(Asked& asked, std::optional<ErrorCode> error) {
  asked.kind = error ? Kind::kExpected : Kind::kSilent;
  asked.expected.error = error;
}

template <class Body>
void Model::ask(Asked& asked, const engine::Command& command, const Body& body) {
  constexpr bool about_transaction = std::is_same_v<Body, coordinator::Prepare> ||
                                     std::is_same_v<Body, coordinator::Decide> ||
                                     std::is_same_v<Body, engine::GetTransaction>;
  asked.kind = Kind::kExpected;
  if constexpr (about_transaction) {
    asked.kind = Kind::kTransaction;
    if constexpr (std::is_same_v<Body, engine::GetTransaction>) {
      transactions_.asked(command.request, body);
    } else {
      transactions_.asked(command.request, body, command.actor);
    }
  } else if constexpr (std::is_same_v<Body, engine::OpenCheckbacks>) {
    checks_.opened(asked.port, body, command.actor);
  } else if constexpr (std::is_same_v<Body, engine::CheckReceipt>) {
    asked.kind = Kind::kSilent;
    checks_.received(asked.port, body);
  } else if constexpr (std::is_same_v<Body, engine::CheckAnswer>) {
    asked.kind = Kind::kSilent;
    checks_.answered(asked.port, body);
  } else if constexpr (std::is_same_v<Body, engine::GrantCredit> || std::is_same_v<Body, engine::Settle>) {
    may_fail(asked, consumers_.asked(body));
  } else if constexpr (requires { declarations_.asked(body, command.actor); }) {
    asked.expected = declarations_.asked(body, command.actor);
  } else {
    ESCROW_INVARIANT(false, "no client of the simulation gives this command");
  }
}

void Model::ask(Asked& asked, const engine::Command& command, const engine::DeleteQueue& body) {
  asked.kind = Kind::kExpected;
  const Queue* queue = declarations_.applied().queue(body.name);
  asked.expected = declarations_.asked(body, command.actor);
  if (asked.expected.change) consumers_.queue_deleted(queue);
}

void Model::ask(Asked& asked, const engine::Command&, const engine::ListQueues&) {
  asked.kind = Kind::kQueueList;
  asked.number = static_cast<std::uint32_t>(lists_.size());
  std::vector<std::string>& list = lists_.emplace_back();
  for (const auto& [name, queue] : declarations_.applied().queues()) list.push_back(name);
}

void Model::ask(Asked& asked, const engine::Command& command, const engine::PurgeQueue& body) {
  Queue* queue = declarations_.applied().queue(body.name);
  if (queue == nullptr) {
    asked.kind = Kind::kExpected;
    asked.expected.error = ErrorCode::kNotFound;
    return;
  }
  asked.kind = Kind::kPurge;
  asked.number = static_cast<std::uint32_t>(purges_.size());
  const bool alone = queue->consumers == 0 && queue->purging.empty();
  purges_.push_back({queue, body.name, command.actor, copies_.purge_started(queue), queue->attached, alone});
}

void Model::ask(Asked& asked, const engine::Command& command, const engine::Publish& body) {
  asked.kind = Kind::kPublish;
  copies_.published(command.request, body, declarations_.applied());
}

void Model::ask(Asked& asked, const engine::Command&, const engine::Consume& body) {
  Queue* queue = declarations_.applied().queue(body.queue);
  asked.kind = Kind::kConsume;
  if (queue == nullptr) asked.expected.error = ErrorCode::kNotFound;
  // The queue for parked messages may be there already, though the model did not hear of it yet.
  if (queue == nullptr && body.queue == declarations_.parked()->name) queue = declarations_.parked();
  asked.number = consumers_.asked(asked.port, body, queue).value_or(kNone);
}

void Model::ask(Asked& asked, const engine::Command&, const engine::ClosePort&) {
  asked.kind = Kind::kSilent;
  port(asked.port).closing = true;
  consumers_.port_closed(asked.port);
  checks_.port_closed(asked.port);
}

void Model::replied(PortNumber number, std::uint64_t request, const Result<engine::Reply>& reply) {
  if (!verdict_.require(request < asked_.size(), "an answer to a request that was never made")) return;
  Asked& asked = asked_[request];
  verdict_.require(asked.port == number, "an answer went to somebody else's port");
  const bool open = std::exchange(asked.open, false);
  if (!verdict_.require(open, "request ", request,
                        " was answered twice, or should not be answered: ", reply.ok() ? "" : reply.error().message)) {
    return;
  }
  --port(number).open_requests;
  check_answer(asked, request, reply);
}

void Model::closed(PortNumber number) {
  const Port& it = port(number);
  verdict_.require(it.closing, "a port was closed that nobody wanted to close");
  verdict_.require(it.open_requests == 0, "a port was closed with ", it.open_requests, " requests unanswered");
}

void Model::durable(const Store& store) {
  ledger_.read_on(store, [&](const audit::Record& record) { recorded(record, store); });
  auto passage = journal_.take_durable(store.last_batch(), declarations_.durable(), [this](const std::string& name) {
    if (name == declarations_.parked()->name) declarations_.park();
    return declarations_.durable().queue(name);
  });
  if (passage && verdict_.ok()) {
    forwarding_.passed(*std::move(passage), declarations_.take_versions(), declarations_.parked());
  }
}

void Model::recorded(const audit::Record& record, const Store& store) {
  if (record.subject == audit::Subject::kTransaction) {
    const std::optional<ContentId> content = transactions_.recorded(record, store);
    if (!content) return;
    if (copies_.committed(catalog_.content(*content), record.time, declarations_.durable(), declarations_.parked())) {
      declarations_.park();
    }
    return;
  }
  if (record.after == static_cast<std::uint8_t>(audit::Existence::kPurged)) return purge_recorded(record);
  declarations_.recorded(record);
}

void Model::purge_recorded(const audit::Record& record) {
  const auto purge = std::ranges::find_if(
      purges_, [&](const Purge& p) { return !p.recorded && p.name == record.key2 && p.actor == record.actor; });
  if (!verdict_.require(purge != purges_.end(), "a purge of '", record.key2, "' that nobody asked for")) return;
  purge->recorded = true;
}

void Model::crashed(const Store& store) {
  durable(store);
  const Stored stored(store, catalog_, verdict_);
  if (!verdict_.ok()) return;
  verdict_.require(stored.head.audit == ledger_.tip(), "the head and the ledger disagree");
  compare_topology(stored);
  compare_counts(stored);
  transactions_.compare(stored);
  copies_.crashed(stored, declarations_.durable());
  consumers_.crashed();
  transactions_.crashed();
  checks_.crashed();
  journal_.crashed();
  delays_.crashed();
  declarations_.crashed();
  for (; first_of_life_ < asked_.size(); ++first_of_life_) asked_[first_of_life_].open = false;
  for (Purge& purge : purges_) purge.recorded = true;
}

void Model::compare_topology(const Stored& stored) {
  std::set<std::string> expected;
  const std::string vhost(kVhost);
  for (const auto& [name, exchange] : declarations_.durable().exchanges()) {
    if (!name.starts_with("amq.")) expected.insert(broker::encode_exchange_key(vhost, name));
    for (const Binding& b : exchange.bindings) {
      expected.insert(broker::encode_binding_key(vhost, name, {b.queue->name}, b.routing_key, b.arguments));
    }
  }
  for (const auto& [name, queue] : declarations_.durable().queues()) {
    expected.insert(broker::encode_queue_key(vhost, name));
  }
  verdict_.require(stored.topology == expected, "the topology on disk has ", stored.topology.size(),
                   " entries that are not the ", expected.size(), " of the ledger");
}

/// What came into a queue is in it, or has left it for a reason.
void Model::compare_counts(const Stored& stored) {
  verdict_.require(stored.delayed == delays_.waiting(), stored.delayed, " messages are kept back on disk, ",
                   delays_.waiting(), " should be");
  for (const StoredQueue& found : stored.queues) {
    const Queue* queue = declarations_.durable().queue(found.name);
    if (!verdict_.require(queue != nullptr, "queue '", found.name, "' is stored, but not in the ledger")) return;
    const Tally& tally = queue->tally;
    verdict_.require(found.messages.size() == tally.left(), "queue '", found.name, "' has ", found.messages.size(),
                     " messages on disk; ", tally.enqueued, " came, ", tally.acknowledged, " were acknowledged, ",
                     tally.dead_lettered, " dead-lettered, ", tally.expired, " expired, ", tally.dropped, " dropped, ",
                     tally.purged, " purged");
  }
}

void Model::finished(const Store& store) {
  durable(store);
  const Stored stored(store, catalog_, verdict_);
  if (!verdict_.ok()) return;
  ledger_.check_whole(store, stored.head.audit);
  compare_topology(stored);
  compare_counts(stored);
  transactions_.compare(stored);
  verdict_.require(stored.open.empty(), "a transaction is still open");
  verdict_.require(stored.bodies() == 0, stored.bodies(), " bodies are left though no message is");
  for (const StoredQueue& queue : stored.queues) {
    verdict_.require(queue.messages.empty(), "queue '", queue.name, "' still holds messages");
  }
}

}  // namespace escrow::sim::model
