#include "broker/core/exchange.h"

#include <algorithm>

#include "base/bytes.h"
#include "broker/core/headers_match.h"
#include "broker/core/queue.h"
#include "model/properties.h"

namespace escrow::broker {

namespace {

std::string value_of(const Binding& binding) {
  std::string value;
  ByteWriter(value).u64(binding.queue->log().id()).string(binding.routing_key);
  encode_table(binding.arguments, value);
  return value;
}

}  // namespace

bool Exchange::bind(Binding binding) {
  const auto [place, added] = by_value_.try_emplace(value_of(binding));
  if (!added) return false;
  place->second = bindings_.insert(bindings_.end(), std::move(binding));
  index(&bindings_.back());
  return true;
}

bool Exchange::unbind(const Binding& binding) {
  const auto found = by_value_.find(value_of(binding));
  if (found == by_value_.end()) return false;
  unindex(&*found->second);
  bindings_.erase(found->second);
  by_value_.erase(found);
  return true;
}

std::vector<Binding> Exchange::unbind_all(const Queue* queue) {
  std::vector<Binding> removed;
  for (auto it = bindings_.begin(); it != bindings_.end();) {
    if (it->queue != queue) {
      ++it;
      continue;
    }
    unindex(&*it);
    by_value_.erase(value_of(*it));
    removed.push_back(std::move(*it));
    it = bindings_.erase(it);
  }
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
      for (const Binding& binding : bindings_) queues.push_back(binding.queue);
      return;
    case ExchangeType::kTopic:
      by_pattern_.match(message.routing_key, [&](const Binding* binding) { queues.push_back(binding->queue); });
      return;
    case ExchangeType::kHeaders: {
      const Result<Properties> properties = decode_properties(message.properties);
      if (!properties) return;
      const FieldTable* headers = properties->headers ? &*properties->headers : nullptr;
      for (const Binding& binding : bindings_) {
        if (headers_match(binding.arguments, headers)) queues.push_back(binding.queue);
      }
      return;
    }
  }
}

}  // namespace escrow::broker
