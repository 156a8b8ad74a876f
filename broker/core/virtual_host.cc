#include "broker/core/virtual_host.h"

namespace escrow::broker {

void BindingSources::remove(const Target& target, Exchange* source) {
  const auto of_target = sources_.find(id(target));
  const auto it = of_target->second.find(source);
  if (--it->second > 0) return;
  of_target->second.erase(it);
  if (of_target->second.empty()) sources_.erase(of_target);
}

std::vector<Exchange*> BindingSources::take(const Target& target) {
  std::vector<Exchange*> out;
  const auto node = sources_.extract(id(target));
  if (node.empty()) return out;
  for (const auto& [source, count] : node.mapped()) out.push_back(source);
  return out;
}

Exchange* VirtualHost::exchange(std::string_view name) const {
  const auto it = exchanges.find(name);
  return it == exchanges.end() ? nullptr : it->second.get();
}

Queue* VirtualHost::queue(std::string_view name) const {
  const auto it = queues.find(name);
  return it == queues.end() ? nullptr : it->second.get();
}

}  // namespace escrow::broker
