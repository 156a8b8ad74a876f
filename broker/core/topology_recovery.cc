// Recovery of the topology from what the normal path stored. Whatever the normal path would not have stored is damage.
#include "broker/core/names.h"
#include "broker/core/queue_arguments.h"
#include "broker/core/topology.h"

namespace escrow::broker {

Result<void> Topology::recover(std::string_view key, std::string_view value, const MakeQueue& make) {
  Result<StoredTopology> decoded = decode_topology(key, value);
  if (!decoded) return std::move(decoded).error();
  router_.forget();
  return std::visit([&](auto& stored) { return recover(std::move(stored), make); }, *decoded);
}

Result<void> Topology::recover(StoredVhost stored, const MakeQueue&) {
  if (!check_name("vhost", stored.name) || vhosts_.contains(stored.name)) return topology_damaged();
  add_vhost(stored.name);
  return {};
}

Result<void> Topology::recover(StoredExchange stored, const MakeQueue&) {
  const auto host = vhosts_.find(stored.spec.vhost);
  if (host == vhosts_.end() || !check_exchange_arguments(stored.spec)) return topology_damaged();
  if ((stored.spec.type == ExchangeType::kDelayed) != (stored.delay_log != 0)) return topology_damaged();
  std::string name = stored.spec.name;
  auto exchange = std::make_unique<Exchange>(std::move(stored.spec), stored.delay_log);
  if (!host->second.exchanges.try_emplace(std::move(name), std::move(exchange)).second) return topology_damaged();
  ++exchange_count_;
  return {};
}

Result<void> Topology::recover(StoredQueue stored, const MakeQueue& make) {
  const QueueSpec& spec = stored.spec;
  const auto host = vhosts_.find(spec.vhost);
  if (host == vhosts_.end() || host->second.queue(spec.name) != nullptr) return topology_damaged();
  if (!parse_queue_arguments(spec.vhost, spec.name, spec.arguments)) return topology_damaged();
  std::string name = spec.name;
  host->second.queues.emplace(std::move(name), make(std::move(stored.spec), stored.log));
  ++queue_count_;
  return {};
}

Result<void> Topology::recover(StoredBinding stored, const MakeQueue&) {
  const auto host = vhosts_.find(stored.vhost);
  if (host == vhosts_.end()) return topology_damaged();
  Exchange* from = host->second.exchange(stored.source);
  const std::optional<Target> to = find(host->second, {stored.destination, stored.destination_kind});
  if (from == nullptr || !to) return topology_damaged();
  Binding binding{std::move(stored.routing_key), std::move(stored.arguments), to->queue, to->exchange};
  if (!from->check_binding(binding) || !from->bind(std::move(binding))) return topology_damaged();
  host->second.sources.add(*to, from);
  return {};
}

}  // namespace escrow::broker
