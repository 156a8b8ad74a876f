#include "broker/core/exchange.h"

#include <algorithm>

#include "broker/core/headers_match.h"
#include "model/properties.h"

namespace escrow::broker {

bool Exchange::bind(Binding binding) {
  if (std::ranges::any_of(bindings_, [&](const auto& b) { return *b == binding; })) return false;
  bindings_.push_back(std::make_unique<Binding>(std::move(binding)));
  index(bindings_.back().get());
  return true;
}

bool Exchange::unbind(const Binding& binding) {
  const auto it = std::ranges::find_if(bindings_, [&](const auto& b) { return *b == binding; });
  if (it == bindings_.end()) return false;
  unindex(it->get());
  bindings_.erase(it);
  return true;
}

std::vector<Binding> Exchange::unbind_all(const Queue* queue) {
  std::vector<Binding> removed;
  std::erase_if(bindings_, [&](const auto& binding) {
    if (binding->queue != queue) return false;
    unindex(binding.get());
    removed.push_back(std::move(*binding));
    return true;
  });
  return removed;
}

void Exchange::index(Binding* binding) {
  if (spec_.type == ExchangeType::kDirect) by_key_.emplace(binding->routing_key, binding->queue);
  if (spec_.type == ExchangeType::kTopic) by_pattern_.insert(binding->routing_key, binding);
}

void Exchange::unindex(Binding* binding) {
  if (spec_.type == ExchangeType::kTopic) by_pattern_.erase(binding->routing_key, binding);
  if (spec_.type != ExchangeType::kDirect) return;
  const auto [begin, end] = by_key_.equal_range(binding->routing_key);
  const auto it = std::find_if(begin, end, [&](const auto& entry) { return entry.second == binding->queue; });
  if (it != end) by_key_.erase(it);
}

void Exchange::route(const MessageView& message, std::vector<Queue*>& queues) {
  switch (spec_.type) {
    case ExchangeType::kDirect: {
      const auto [begin, end] = by_key_.equal_range(message.routing_key);
      for (auto it = begin; it != end; ++it) queues.push_back(it->second);
      return;
    }
    case ExchangeType::kFanout:
      for (const auto& binding : bindings_) queues.push_back(binding->queue);
      return;
    case ExchangeType::kTopic:
      by_pattern_.match(message.routing_key, [&](const Binding* binding) { queues.push_back(binding->queue); });
      return;
    case ExchangeType::kHeaders: {
      const Result<Properties> properties = decode_properties(message.properties);
      if (!properties) return;
      const FieldTable* headers = properties->headers ? &*properties->headers : nullptr;
      for (const auto& binding : bindings_) {
        if (headers_match(binding->arguments, headers)) queues.push_back(binding->queue);
      }
      return;
    }
  }
}

}  // namespace escrow::broker
