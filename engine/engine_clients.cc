// How the engine applies what the broker's clients do with their channels and consumers, and hands out what they get.
#include <utility>

#include "engine/engine.h"

namespace escrow::engine {

void Engine::apply(const Command& command, const OpenChannel& body) {
  port_connections_.try_emplace(command.port, body.connection);
  broker_.open_channel(body);
}

void Engine::apply(const Command& command, const CloseChannel& body) {
  broker_.close_channel(body.channel, moment());
  take_broker_effects();
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command&, const SetPrefetch& body) { broker_.set_prefetch(body.channel, body.messages); }

void Engine::apply(const Command& command, const Consume& body) {
  const Result<broker::ConsumerId> consumer = broker_.consume(body);
  if (!consumer) return reply(command, consumer.error());
  consumers_.emplace(*consumer, command.port);
  port_consumers_[command.port].insert(*consumer);
  reply(command, Reply(Consuming{*consumer}));
}

void Engine::apply(const Command& command, const Cancel& body) {
  forget_consumer(body.consumer);
  broker_.cancel(body.consumer, moment());
  take_broker_effects();
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command& command, const GrantCredit& body) {
  if (auto granted = broker_.grant(body.consumer, body.credit, body.bytes); !granted) reply(command, granted.error());
}

void Engine::apply(const Command&, const GrantBytes& body) { broker_.grant_bytes(body.connection, body.bytes); }

void Engine::apply(const Command& command, const Settle& body) {
  const Result<void> settled =
      broker_.settle(body.consumer, body.first, body.last, body.settlement, moment(), body.failure);
  if (!settled) return reply(command, settled.error());
}

void Engine::apply(const Command& command, const SettleTag& body) {
  if (auto settled = broker_.settle(body, moment()); !settled) return reply(command, settled.error());
}

void Engine::apply(const Command& command, const Fetch& body) {
  const std::uint64_t job = next_job_++;
  if (auto started = broker_.fetch(body, job, moment()); !started) return reply(command, started.error());
  jobs_.emplace(job, command);
}

void Engine::forget_consumer(broker::ConsumerId consumer) {
  const auto it = consumers_.find(consumer);
  if (it == consumers_.end()) return;
  port_consumers_[it->second].erase(consumer);
  consumers_.erase(it);
}

void Engine::close_clients(Port* port) {
  if (const auto it = port_consumers_.find(port); it != port_consumers_.end()) {
    for (const broker::ConsumerId consumer : it->second) {
      consumers_.erase(consumer);
      broker_.cancel(consumer, moment());
    }
    port_consumers_.erase(it);
  }
  // What it waits for will not come.
  std::erase_if(jobs_, [&](const auto& job) {
    const bool fetch = job.second.port == port && std::holds_alternative<Fetch>(job.second.body);
    if (fetch) answered(port);
    return fetch;
  });
  if (const auto it = port_connections_.find(port); it != port_connections_.end()) {
    broker_.close_connection(it->second, moment());
    port_connections_.erase(it);
  }
}

void Engine::take_deliveries(broker::BrokerEffects& effects) {
  const auto put = [this](Port* port, Outbox::Effect effect, broker::BatchNumber after) {
    if (after > head_.batch) dirty_ = true;
    outbox_.put(port, std::move(effect), after);
  };
  for (broker::Delivery& delivery : effects.deliveries) {
    const auto it = consumers_.find(delivery.consumer);
    if (it == consumers_.end()) continue;  // cancelled meanwhile; what it holds comes back
    const broker::BatchNumber after = delivery.after;
    put(it->second, std::move(delivery), after);
  }
  for (broker::Fetched& fetched : effects.fetched) {
    const auto job = jobs_.extract(fetched.request);
    if (job.empty()) continue;
    const Command& command = job.mapped();
    const broker::BatchNumber after = fetched.delivery.after;
    ++commands_in_batch_;
    answered(command.port);
    put(command.port, Outbox::ReplyTo{command.request, Reply(std::move(fetched))}, after);
  }
  for (const broker::ConsumerId consumer : effects.removed) forget_consumer(consumer);
  for (const broker::ConsumerId consumer : effects.cancelled) {
    const auto it = consumers_.find(consumer);
    if (it == consumers_.end()) continue;
    outbox_.put(it->second, Outbox::Cancelled{consumer}, visible_batch());
    forget_consumer(consumer);
  }
}

}  // namespace escrow::engine
