#include "broker/core/exchange.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "broker/core/delay_header.h"
#include "broker/core/field_text.h"
#include "broker/core/headers_match.h"
#include "broker/core/names.h"
#include "broker/core/policy.h"
#include "broker/core/queue.h"

namespace escrow::broker {

namespace {

constexpr std::array<std::pair<ExchangeType, std::string_view>, 6> kTypes = {
    {{ExchangeType::kDirect, "direct"},
     {ExchangeType::kFanout, "fanout"},
     {ExchangeType::kTopic, "topic"},
     {ExchangeType::kHeaders, "headers"},
     {ExchangeType::kConsistentHash, "x-consistent-hash"},
     {ExchangeType::kDelayed, "x-delayed-message"}}};

/// Bindings to one target stand together: their names begin with it.
std::string name_of(const Target& target) {
  std::string name;
  ByteWriter(name)
      .u8(target.queue != nullptr ? 0 : 1)
      .string(target.queue != nullptr ? target.queue->spec().name : target.exchange->spec().name);
  return name;
}

std::string name_of(const Binding& binding) {
  std::string name = name_of(binding.target());
  ByteWriter(name).string(binding.routing_key);
  encode_table(binding.arguments, name);
  return name;
}

}  // namespace

std::string_view to_string(ExchangeType type) {
  return std::ranges::find(kTypes, type, [](const auto& known) { return known.first; })->second;
}

Result<ExchangeType> parse_exchange_type(std::string_view name) {
  const auto it = std::ranges::find(kTypes, name, [](const auto& known) { return known.second; });
  if (it != kTypes.end()) return it->first;
  return Error{
      ErrorCode::kInvalidArgument, "EXCHANGE_TYPE_UNKNOWN", "unknown exchange type '" + std::string(name) + "'", {}};
}

namespace {

/// The texts are the plugin's (rabbit_exchange_type_delayed_message.erl, validate).
Result<void> check_delayed_type(const ExchangeSpec& spec) {
  const FieldValue* type = spec.arguments.find(kDelayedType);
  const std::string* name = type == nullptr ? nullptr : type->as_string();
  const char* problem = nullptr;
  if (name == nullptr || !parse_exchange_type(*name)) {
    problem = "Invalid argument, 'x-delayed-type' must be an existing exchange type";
  } else if (*name == to_string(ExchangeType::kDelayed)) {
    problem = "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'";
  }
  if (problem == nullptr) return {};
  return Error{ErrorCode::kInvalidArgument, "ARGUMENT_INVALID", problem, {{"argument", std::string(kDelayedType)}}};
}

}  // namespace

ExchangeType routing_type(const ExchangeSpec& spec) {
  if (spec.type != ExchangeType::kDelayed) return spec.type;
  return *parse_exchange_type(*spec.arguments.find(kDelayedType)->as_string());
}

Result<void> check_exchange_arguments(const ExchangeSpec& spec) {
  const FieldValue* alternate = spec.arguments.find(kAlternateExchange);
  if (alternate != nullptr && alternate->as_string() == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 "ARGUMENT_INVALID",
                 "invalid type '" + std::string(type_name(*alternate)) + "' for arg '" +
                     std::string(kAlternateExchange) + "' in " + describe("exchange", spec.name, spec.vhost),
                 {{"argument", std::string(kAlternateExchange)}}};
  }
  std::optional<DeduplicationWindow> deduplication;
  if (const auto complaint = read_deduplication(spec.arguments, deduplication)) {
    return Error{ErrorCode::kInvalidArgument,
                 "ARGUMENT_INVALID",
                 "invalid arg '" + complaint->argument + "' for " + describe("exchange", spec.name, spec.vhost) + ": " +
                     complaint->text,
                 {{"argument", complaint->argument}}};
  }
  if (spec.type == ExchangeType::kDelayed) {
    if (auto valid = check_delayed_type(spec); !valid) return valid;
  }
  if (routing_type(spec) == ExchangeType::kConsistentHash) {
    if (auto part = parse_hashed_part(spec.arguments); !part) return std::move(part).error();
  }
  return {};
}

const Properties* RoutedMessage::properties() const {
  if (!properties_) properties_ = decode_properties(view_.properties);
  return properties_->ok() ? &**properties_ : nullptr;
}

std::int64_t RoutedMessage::delay_ms() const {
  if (!delay_ms_) delay_ms_ = broker::delay_ms(view_.properties);
  return *delay_ms_;
}

Exchange::Exchange(ExchangeSpec spec, LogId delay_log)
    : spec_(std::move(spec)), delay_log_(delay_log), type_(routing_type(spec_)) {
  apply(nullptr);
  if (type_ == ExchangeType::kConsistentHash) {
    if (Result<HashedPart> part = parse_hashed_part(spec_.arguments)) hashed_ = *std::move(part);
  }
}

void Exchange::apply(std::shared_ptr<const AppliedPolicy> policy) {
  policy_ = std::move(policy);
  const FieldValue* alternate = spec_.arguments.find(kAlternateExchange);
  if (alternate == nullptr && policy_ != nullptr) alternate = policy_->definition.find(kAlternateExchange);
  const std::string* name = alternate == nullptr ? nullptr : alternate->as_string();
  alternate_ = name == nullptr ? std::string() : *name;
  const FieldTable definition = policy_ == nullptr ? FieldTable() : policy_->definition;
  read_deduplication(effective_arguments(spec_.arguments, definition), deduplication_);
}

bool Exchange::has(const Binding& binding) const { return bindings_.contains(name_of(binding)); }

Result<void> Exchange::check_binding(const Binding& binding) const {
  if (type_ == ExchangeType::kHeaders) return check_headers_binding(binding.arguments);
  if (type_ == ExchangeType::kConsistentHash) {
    if (auto weight = parse_hash_weight(binding.routing_key); !weight) return std::move(weight).error();
  }
  return {};
}

bool Exchange::bind(Binding binding) {
  std::string name = name_of(binding);
  const auto [place, added] = bindings_.try_emplace(std::move(name), std::move(binding));
  if (added) index(place->second);
  return added;
}

bool Exchange::unbind(const Binding& binding) {
  const auto found = bindings_.find(name_of(binding));
  if (found == bindings_.end()) return false;
  unindex(found->second);
  bindings_.erase(found);
  return true;
}

std::vector<Binding> Exchange::unbind_all(const Target& target) {
  std::vector<Binding> removed;
  auto it = bindings_.lower_bound(name_of(target));
  while (it != bindings_.end() && it->second.target() == target) {
    unindex(it->second);
    removed.push_back(std::move(it->second));
    it = bindings_.erase(it);
  }
  return removed;
}

void Exchange::index(const Binding& binding) {
  if (type_ == ExchangeType::kDirect) by_key_[binding.routing_key].insert(&binding);
  if (type_ == ExchangeType::kTopic) by_pattern_.insert(binding.routing_key, &binding);
  if (type_ == ExchangeType::kConsistentHash) {
    const Result<std::uint32_t> weight = parse_hash_weight(binding.routing_key);
    shares_[&binding] = {stable_hash(name_of(binding.target())), weight ? *weight : 0};
  }
}

void Exchange::unindex(const Binding& binding) {
  if (type_ == ExchangeType::kTopic) by_pattern_.erase(binding.routing_key, &binding);
  if (type_ == ExchangeType::kConsistentHash) shares_.erase(&binding);
  if (type_ != ExchangeType::kDirect) return;
  const auto same_key = by_key_.find(binding.routing_key);
  same_key->second.erase(&binding);
  if (same_key->second.empty()) by_key_.erase(same_key);
}

void Exchange::route(const RoutedMessage& message, std::vector<Target>& targets) {
  const bool by_all = type_ == ExchangeType::kHeaders || type_ == ExchangeType::kConsistentHash;
  message.add_work(by_all ? bindings_.size() : 1);
  switch (type_) {
    case ExchangeType::kDirect:
      return message.for_each_key([&](std::string_view key) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return;
        for (const Binding* binding : found->second) targets.push_back(binding->target());
      });
    case ExchangeType::kFanout:
      for (const auto& [name, binding] : bindings_) targets.push_back(binding.target());
      return;
    case ExchangeType::kTopic:
      return message.for_each_key([&](std::string_view key) {
        message.add_work(by_pattern_.match(key, [&](const Binding* binding) { targets.push_back(binding->target()); }));
      });
    case ExchangeType::kHeaders:
      return route_by_headers(message, targets);
    case ExchangeType::kConsistentHash:
      return route_by_hash(message, targets);
    case ExchangeType::kDelayed:  // never one to route by
      return;
  }
}

void Exchange::route_by_headers(const RoutedMessage& message, std::vector<Target>& targets) const {
  const Properties* properties = message.properties();
  if (properties == nullptr) return;
  const FieldTable* headers = properties->headers ? &*properties->headers : nullptr;
  for (const auto& [name, binding] : bindings_) {
    if (headers_match(binding.arguments, headers)) targets.push_back(binding.target());
  }
}

void Exchange::route_by_hash(const RoutedMessage& message, std::vector<Target>& targets) const {
  std::uint64_t hash = 0;
  if (hashed_.kind == HashedPart::Kind::kRoutingKey) {
    hash = stable_hash(message.view().routing_key);
  } else {
    const Properties* properties = message.properties();
    hash = stable_hash(properties == nullptr ? std::string() : hashed_.value(*properties));
  }
  const Binding* best = nullptr;
  double best_score = 0;
  for (const auto& [binding, share] : shares_) {
    const double score = hash_score(share.seed, share.weight, hash);
    // Two with the same score are bindings of the same weight to the same target.
    if (best != nullptr && score <= best_score) continue;
    best = binding;
    best_score = score;
  }
  if (best != nullptr) targets.push_back(best->target());
}

bool Exchange::routes_by_key() const {
  if (type_ == ExchangeType::kConsistentHash && hashed_.kind != HashedPart::Kind::kRoutingKey) return false;
  return type_ != ExchangeType::kHeaders && delay_log_ == 0;
}

}  // namespace escrow::broker
