#include "tests/sim/clients/administrator.h"

#include "tests/sim/vocabulary.h"

namespace escrow::sim {

using broker::ExchangeType;

namespace {
const std::string kHost(kVhost);
}

void Administrator::set_up() {
  connect(Transport::kStream);
  for (const KnownExchange& known : kExchanges) {
    if (!known.reserved && random_.chance(0.8)) {
      post(engine::DeclareExchange{{kHost, std::string(known.name), known.type, {}}});
    }
  }
  for (const KnownExchange& known : kDelayedExchanges) {
    if (around_.profile.delays && random_.chance(0.8)) declare_delayed(known);
  }
  for (const std::string_view queue : kQueues) {
    if (random_.chance(0.8)) post(engine::DeclareQueue{{kHost, std::string(queue), draw_arguments()}});
  }
  for (int i = 0; i < 25; ++i) bind(false);
  leave();
}

void Administrator::act() {
  if (finishing_) return;
  if (!connected()) connect(Transport::kUnary);
  if (!ready()) return;
  change();
  if (random_.chance(0.1)) leave();
}

void Administrator::change() {
  switch (random_.below(10)) {
    case 0:
      return declare_exchange();
    case 1: {
      const std::string name(draw_exchange().name);
      post(engine::DeleteExchange{kHost, name, random_.chance(0.5)});
      return;
    }
    case 2:
    case 3:
      return declare_queue();
    case 4: {
      const std::string name = random_.chance(0.05) ? "amq.gen" : draw_queue();
      post(engine::DeleteQueue{kHost, name, random_.chance(0.5), false});
      return;
    }
    case 5:
      post(engine::PurgeQueue{kHost, draw_queue()});
      return;
    case 6:
    case 7:
      return bind(false);
    case 8:
      return bind(true);
    default:
      post(engine::ListQueues{kHost, "", 100});
      return;
  }
}

std::string Administrator::draw_queue() { return std::string(any_of(kQueues)); }

FieldTable Administrator::draw_arguments() {
  if (!around_.profile.deaths || random_.chance(0.4)) return {};
  return any_of(mortal_queues());
}

const KnownExchange& Administrator::draw_exchange() {
  if (around_.profile.delays && random_.chance(0.3)) return any_of(kDelayedExchanges);
  return any_of(kExchanges);
}

void Administrator::declare_delayed(const KnownExchange& exchange) {
  FieldTable arguments;
  arguments.set("x-delayed-type", {std::string(broker::to_string(exchange.type))});
  post(engine::DeclareExchange{{kHost, std::string(exchange.name), ExchangeType::kDelayed, std::move(arguments)}});
}

void Administrator::declare_exchange() {
  if (around_.profile.delays && random_.chance(0.3)) return declare_delayed(any_of(kDelayedExchanges));
  const KnownExchange& known = any_of(kExchanges);
  const ExchangeType type = random_.chance(0.1) ? ExchangeType::kFanout : known.type;
  const std::string name = random_.chance(0.05) ? "amq.mine" : std::string(known.name);
  post(engine::DeclareExchange{{kHost, name, type, {}}});
}

void Administrator::declare_queue() {
  broker::QueueSpec spec{kHost, random_.chance(0.05) ? "escrow.mine" : draw_queue(), draw_arguments()};
  // Compared, and without effect.
  if (random_.chance(0.1)) spec.arguments.set("x-queue-mode", FieldValue{std::string("lazy")});
  post(engine::DeclareQueue{std::move(spec)});
}

void Administrator::bind(bool remove) {
  const KnownExchange& known = draw_exchange();
  broker::Binding binding;
  binding.routing_key = any_of(kBindingKeys);
  if (known.type == ExchangeType::kHeaders) binding.arguments = any_of(headers_bindings());
  const std::string source = random_.chance(0.02) ? "" : std::string(known.name);
  post(engine::Bind{kHost, source, draw_queue(), std::move(binding), remove});
}

void Administrator::take_stock() {
  if (!connected()) connect(Transport::kUnary);
  if (ready()) post(engine::ListQueues{kHost, "", 100});
}

}  // namespace escrow::sim
