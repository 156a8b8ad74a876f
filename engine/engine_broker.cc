// How the engine applies the broker's commands.
#include <utility>

#include "base/invariant.h"
#include "broker/core/names.h"
#include "engine/engine.h"

namespace escrow::engine {
namespace {

constexpr auto kAbsent = static_cast<std::uint8_t>(audit::Existence::kAbsent);
constexpr auto kPresent = static_cast<std::uint8_t>(audit::Existence::kPresent);

Result<Reply> done(const Result<void>& result) {
  if (!result) return result.error();
  return Reply(Done{});
}

/// Bindings that messages are compared with between two looks at the inbox.
constexpr std::uint64_t kMaxRouteWork = 200'000;
/// Beyond it, a read of what is due ends.
constexpr std::size_t kDelayedBytesPerRead = 512 << 10;

std::string describe(const Bind& body) {
  return body.source + " -> " + body.destination + " (" + body.binding.routing_key + ")";
}

}  // namespace

void Engine::apply(const Command& command, const DeclareVhost& body) {
  const Result<bool> declared = broker_.topology().declare_vhost(body.name);
  if (!declared) return reply(command, declared.error());
  if (*declared) {
    touch();
    audit(audit::Subject::kVhost, kAbsent, kPresent, command.actor, "", body.name, "");
  }
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command& command, const DeclareExchange& body) {
  const Result<broker::Exchange*> found = broker_.topology().exchange(body.spec.vhost, body.spec.name);
  if (body.passive && body.spec.name.empty()) return reply(command, broker::default_exchange_refused());
  if (body.passive) return reply(command, found ? Result<Reply>(Done{}) : found.error());
  const bool existed = found.ok();
  if (!existed && body.refusal && broker_.topology().vhost(body.spec.vhost)) return reply(command, *body.refusal);
  const Result<void> declared = broker_.declare_exchange(body.spec);
  if (declared && !existed && body.spec.durable) {
    touch();
    audit(audit::Subject::kExchange, kAbsent, kPresent, command.actor, "", body.spec.vhost, body.spec.name);
  }
  reply(command, done(declared));
}

void Engine::apply(const Command& command, const DeleteExchange& body) {
  const Result<broker::Exchange*> found = broker_.topology().exchange(body.vhost, body.name);
  const bool existed = found && (*found)->spec().durable;
  const Result<std::uint64_t> deleted = broker_.delete_exchange(body);
  if (!deleted) return reply(command, deleted.error());
  if (existed) {
    touch();
    audit(audit::Subject::kExchange, kPresent, kAbsent, command.actor,
          *deleted == 0 ? "" : std::to_string(*deleted) + " delayed messages", body.vhost, body.name);
  }
  audit_auto_deleted(command.actor);
  reply(command, Reply(Done{}));
}

void Engine::audit_auto_deleted(const std::string& actor) {
  for (const broker::ExchangeSpec& gone : broker_.topology().take_auto_deleted()) {
    if (!gone.durable) continue;
    touch();
    audit(audit::Subject::kExchange, kPresent, kAbsent, actor, "auto-delete", gone.vhost, gone.name);
  }
}

void Engine::apply(const Command& command, const DeclareQueue& body) {
  const bool existed = broker_.topology().queue(body.spec.vhost, body.spec.name).ok();
  const Result<broker::QueueInfo> declared = broker_.declare_queue(body, moment());
  if (!declared) return reply(command, declared.error());
  if (!existed && body.spec.durable) {
    touch();
    audit(audit::Subject::kQueue, kAbsent, kPresent, command.actor, "", body.spec.vhost, body.spec.name);
  }
  reply(command, Reply(*declared));
}

void Engine::apply(const Command& command, const DeleteQueue& body) {
  const Result<broker::Queue*> found = broker_.topology().queue(body.vhost, body.name);
  const bool existed = found && (*found)->spec().durable;
  const Result<std::uint64_t> deleted = broker_.delete_queue(body, moment());
  if (!deleted) return reply(command, deleted.error());
  if (existed) {
    touch();
    audit(audit::Subject::kQueue, kPresent, kAbsent, command.actor, std::to_string(*deleted) + " messages", body.vhost,
          body.name);
  }
  audit_auto_deleted(command.actor);
  reply(command, Reply(MessageCount{*deleted}));
  take_broker_effects();  // consumers hear of it afterwards, as from RabbitMQ
}

void Engine::apply(const Command& command, const PurgeQueue& body) {
  const std::uint64_t job = next_job_++;
  if (auto started = broker_.purge(body, job, moment()); !started) return reply(command, started.error());
  jobs_.emplace(job, command);
}

void Engine::apply(const Command& command, const Bind& body) {
  const broker::Destination to{body.destination, body.destination_kind};
  broker::Topology& topology = broker_.topology();
  // Whose queue it is matters only when the binding is possible otherwise.
  const Result<broker::Exchange*> from = topology.exchange(body.vhost, body.source);
  const bool possible = from && (body.remove ? topology.has_binding(body.vhost, body.source, to, body.binding)
                                             : (*from)->check_binding(body.binding).ok());
  if (to.kind == broker::DestinationKind::kQueue && possible) {
    const auto queue = broker_.accessible(body.vhost, body.destination, body.connection);
    if (!queue && queue.error().code != ErrorCode::kNotFound) return reply(command, queue.error());
  }
  const bool stored = topology.stores_binding(body.vhost, body.source, to);
  const Result<bool> changed = body.remove ? topology.unbind(body.vhost, body.source, to, body.binding)
                                           : topology.bind(body.vhost, body.source, to, body.binding);
  if (!changed) return reply(command, changed.error());
  if (*changed && stored) {
    touch();
    audit(audit::Subject::kBinding, body.remove ? kPresent : kAbsent, body.remove ? kAbsent : kPresent, command.actor,
          "", body.vhost, describe(body));
  }
  audit_auto_deleted(command.actor);
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command& command, const ListQueues& body) {
  const Result<broker::VirtualHost*> vhost = broker_.topology().vhost(body.vhost);
  if (!vhost) return reply(command, vhost.error());
  QueueList list;
  auto it = (*vhost)->queues.upper_bound(body.after);
  for (; it != (*vhost)->queues.end() && list.queues.size() < body.limit; ++it) {
    const broker::Queue& queue = *it->second;
    list.queues.push_back({queue.spec(), broker_.info(queue), queue.policy()});
  }
  list.more = it != (*vhost)->queues.end();
  reply(command, Reply(std::move(list)));
}

void Engine::apply(Command& command, const Publish& body) {
  const std::size_t messages = body.messages.size();
  publishing_.emplace(Publishing{std::move(command), {}, false});
  publishing_->outcomes.reserve(messages);
  publish_some();
}

void Engine::publish_some() {
  ESCROW_INVARIANT(publishing_.has_value(), "there is something to publish");
  auto& [command, outcomes, unroutable] = *publishing_;
  const std::vector<MessageView>& messages = std::get<Publish>(command.body).messages;
  const broker::Moment at = moment();
  const std::uint64_t work_before = broker_.topology().route_work();
  while (outcomes.size() < messages.size()) {
    if (full_batch() || broker_.topology().route_work() - work_before >= kMaxRouteWork) return;
    const MessageView& message = messages[outcomes.size()];
    Result<std::uint32_t> queues = broker_.publish(message, at);
    if (broker_.persisted()) touch();
    if (!queues && command.scope != nullptr && queues.error().reason != broker::kQueueFull) {
      const Command failed = std::move(command);
      publishing_.reset();
      return reply(failed, queues.error());
    }
    if (!queues || *queues == 0) unroutable = true;
    if (queues && *queues > 0) ++counters_.published;
    outcomes.add(queues);
  }
  Published published{std::move(outcomes), {}};
  if (unroutable) published.publish = std::move(std::get<Publish>(command.body));
  reply(command, Reply(std::move(published)));
  publishing_.reset();
}

void Engine::apply(const Command& command, const CheckAhead& body) {
  Result<void> possible =
      body.settle ? broker_.check(*body.settle) : broker_.topology().check_publish(body.vhost, body.exchange);
  if (possible && body.refusal) possible = *body.refusal;
  reply(command, done(possible));
}

Result<void> Engine::check_commit(const CommitTx& body) {
  for (const MessageView& message : body.publish.messages) {
    if (auto taken = broker_.topology().check_publish(message.vhost, message.exchange); !taken) return taken.error();
  }
  for (const SettleTag& settle : body.settles) {
    if (auto known = broker_.check(settle); !known) return known;
  }
  return {};
}

void Engine::apply(const Command& command, const CommitTx& body) {
  if (auto possible = check_commit(body); !possible) return reply(command, possible.error());
  // One that is there twice is settled once.
  for (const SettleTag& settle : body.settles) static_cast<void>(broker_.settle(settle, moment()));
  Published published;
  const broker::Moment at = moment();
  for (const MessageView& message : body.publish.messages) {
    published.outcomes.add(broker_.publish(message, at));
  }
  touch();
  published.publish = body.publish;
  reply(command, Reply(std::move(published)));
}

void Engine::load_page(const broker::QueueLog::LoadRequest& request) {
  read_after(request.after, [this, request](const Store& store) -> Backend::Completion {
    auto found = store.get(Table::kPages, page_key(request.log, request.page));
    return [this, request, found = std::move(found)] {
      // A page that is gone meanwhile was settled or purged while the read was under way.
      ESCROW_INVARIANT(found.ok(), "a page of the store cannot be read");
      const Result<void> loaded = broker_.load(request, *found ? std::string_view(**found) : std::string_view());
      ESCROW_INVARIANT(loaded.ok(), "a page of the store cannot be decoded");
    };
  });
}

void Engine::load_body(BodyRef body) {
  read_after(0, [this, body](const Store& store) -> Backend::Completion {
    std::string bytes;
    bytes.reserve(body.size);
    const auto it = store.scan(Table::kBodies, body_key(body.id, 0), body_key(body.id + 1, 0));
    for (; it->valid(); it->next()) bytes.append(it->value());
    const bool whole = it->status().ok() && (bytes.size() == body.size || bytes.empty());
    return [this, body, whole, bytes = std::move(bytes)]() mutable {
      // Empty: the message is gone meanwhile, and with it the body.
      ESCROW_INVARIANT(whole, "a body of the store cannot be read");
      broker_.load(body, std::move(bytes));
    };
  });
}

void Engine::load_delays(const broker::DelayLog::LoadRequest& request) {
  read_after(request.after, [this, request](const Store& store) -> Backend::Completion {
    broker::DelayLog::Loaded loaded;
    std::size_t bytes = 0;
    const auto it = store.scan(Table::kDelayed, delay_key(request.log, request.from), log_key(request.log + 1));
    for (; it->valid(); it->next()) {
      const std::optional<broker::DelayKey> key = decode_delay_key(it->key());
      ESCROW_INVARIANT(key.has_value(), "a key of delayed messages cannot be decoded");
      if (key->due >= request.until || bytes >= kDelayedBytesPerRead) {
        loaded.next = *key;
        break;
      }
      std::string_view value = it->value();
      bytes += value.size();
      auto messages = broker::Fragment::decode(value);
      ESCROW_INVARIANT(messages && value.empty(), "delayed messages of the store cannot be decoded");
      loaded.entries.push_back({*key, *std::move(messages)});
    }
    ESCROW_INVARIANT(it->status().ok(), "delayed messages of the store cannot be read");
    return [this, log = request.log, loaded = std::move(loaded)]() mutable { broker_.load(log, std::move(loaded)); };
  });
}

}  // namespace escrow::engine
