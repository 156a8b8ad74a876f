#include "broker/core/policy.h"

#include <algorithm>
#include <array>
#include <limits>

#include "broker/core/exchange.h"
#include "broker/core/names.h"
#include "broker/core/queue_arguments.h"

namespace escrow::broker {
namespace {

enum class Merge : std::uint8_t {
  kSmaller,  ///< a number: the smaller one
  kFirst,    ///< who comes first has it
  // Who comes first and has any of these has them all: they are about each other.
  kRetry,
  kDeduplication,
};

struct Key {
  std::string_view name;
  std::string_view argument;  ///< of queues; empty: of exchanges
  Merge merge;
  bool of_operators = false;    ///< operator policies may have it, too
  std::string_view needs = {};  ///< without this argument, it has no meaning
};

constexpr std::array kKeys = {
    Key{"message-ttl", "x-message-ttl", Merge::kSmaller, true},
    Key{"expires", "x-expires", Merge::kSmaller, true},
    Key{"max-length", "x-max-length", Merge::kSmaller, true},
    Key{"max-length-bytes", "x-max-length-bytes", Merge::kSmaller, true},
    Key{"delivery-limit", "x-delivery-limit", Merge::kSmaller, true},
    Key{"overflow", "x-overflow", Merge::kFirst, true},
    Key{"dead-letter-exchange", "x-dead-letter-exchange", Merge::kFirst},
    Key{"dead-letter-routing-key", "x-dead-letter-routing-key", Merge::kFirst, false, "x-dead-letter-exchange"},
    Key{"retry-delays", "x-retry-delays", Merge::kRetry},
    Key{"retry-base-delay", "x-retry-base-delay", Merge::kRetry},
    Key{"retry-factor", "x-retry-factor", Merge::kRetry},
    Key{"retry-max-delay", "x-retry-max-delay", Merge::kRetry},
    Key{"retry-jitter", "x-retry-jitter", Merge::kRetry},
    Key{"retry-attempts", "x-retry-attempts", Merge::kRetry},
    Key{"message-deduplication", "x-message-deduplication", Merge::kDeduplication},
    Key{"cache-size", "x-cache-size", Merge::kDeduplication},
    Key{"cache-ttl", "x-cache-ttl", Merge::kDeduplication},
    Key{kAlternateExchange, "", Merge::kFirst}};

const Key* find_key(std::string_view name) {
  const auto* const key = std::ranges::find(kKeys, name, &Key::name);
  return key == kKeys.end() ? nullptr : key;
}

/// Of two, where `first` wins when they cannot be compared.
const FieldValue& merge(Merge how, const FieldValue& first, const FieldValue& second) {
  if (how != Merge::kSmaller) return first;
  const auto limit = [](const FieldValue& value) {
    return value.as_integer() < 0 ? std::numeric_limits<std::int64_t>::max() : value.as_integer();
  };
  return limit(second) < limit(first) ? second : first;
}

std::string kind(const Policy& policy) { return policy.operator_policy ? "operator policy" : "policy"; }

Error invalid(const Policy& policy, std::string_view key, const std::string& why) {
  return {ErrorCode::kInvalidArgument,
          "DEFINITION_INVALID",
          "invalid definition of " + describe(kind(policy), policy.name, policy.vhost) + ": " + why,
          {{"key", std::string(key)}}};
}

/// The definition as arguments of a queue that lacks nothing else.
FieldTable as_arguments(const FieldTable& definition) {
  FieldTable arguments;
  for (const auto& [name, value] : definition) {
    const Key& key = *find_key(name);
    if (!key.argument.empty()) arguments.set(std::string(key.argument), value);
    if (!key.needs.empty() && arguments.find(key.needs) == nullptr) {
      arguments.set(std::string(key.needs), {std::string()});
    }
  }
  return arguments;
}

Result<void> check_size(const FieldTable& definition) {
  std::string encoded;
  encode_table(definition, encoded);
  if (encoded.size() <= Policy::kMaxDefinitionBytes) return {};
  return Error{ErrorCode::kInvalidArgument,
               "LIMIT_EXCEEDED",
               "the definition takes more than " + std::to_string(Policy::kMaxDefinitionBytes) + " bytes",
               {{"limit", "definition_bytes"}, {"maximum", std::to_string(Policy::kMaxDefinitionBytes)}}};
}

Result<void> check_definition(const Policy& policy) {
  if (auto small = check_size(policy.definition); !small) return small;
  if (policy.definition.empty()) return invalid(policy, "", "it is empty");
  for (const auto& [name, value] : policy.definition) {
    const std::string quoted = "'" + name + "'";
    const Key* key = find_key(name);
    if (key == nullptr) return invalid(policy, name, "no policy has a key " + quoted);
    if (policy.operator_policy && !key->of_operators) {
      return invalid(policy, name, "no operator policy has a key " + quoted);
    }
  }
  const FieldValue* alternate = policy.definition.find(kAlternateExchange);
  if (alternate != nullptr && (alternate->as_string() == nullptr || alternate->as_string()->size() > kMaxNameBytes)) {
    return invalid(policy, kAlternateExchange, "'" + std::string(kAlternateExchange) + "': it is no name");
  }
  if (const auto complaint = check_queue_arguments(as_arguments(policy.definition))) {
    const std::string_view name = std::ranges::find(kKeys, complaint->argument, &Key::argument)->name;
    return invalid(policy, name, "'" + std::string(name) + "': " + complaint->text);
  }
  return {};
}

}  // namespace

bool includes(PolicyTarget target, PolicySubject subject) {
  switch (target) {
    case PolicyTarget::kAll:
      return true;
    case PolicyTarget::kQueues:
      return subject != PolicySubject::kExchange;
    case PolicyTarget::kClassicQueues:
      return subject == PolicySubject::kClassicQueue;
    case PolicyTarget::kQuorumQueues:
      return subject == PolicySubject::kQuorumQueue;
    case PolicyTarget::kExchanges:
      return subject == PolicySubject::kExchange;
  }
  return false;
}

std::string_view to_string(PolicyTarget target) {
  constexpr std::array<std::string_view, 5> kTexts = {"all", "queues", "classic_queues", "quorum_queues", "exchanges"};
  return kTexts[static_cast<std::size_t>(target)];
}

Result<void> check_policy(const Policy& policy) {
  if (auto valid = check_name(kind(policy), policy.name); !valid) return valid;
  return check_definition(policy);
}

FieldTable merge_definitions(const FieldTable& policy, const FieldTable& operator_policy) {
  FieldTable merged = policy;
  for (const auto& [name, value] : operator_policy) {
    const FieldValue* other = policy.find(name);
    merged.set(name, other == nullptr ? value : merge(find_key(name)->merge, value, *other));
  }
  return merged;
}

FieldTable effective_arguments(const FieldTable& declared, const FieldTable& definition) {
  const auto has_any = [&](Merge together) {
    return std::ranges::any_of(
        kKeys, [&](const Key& key) { return key.merge == together && declared.find(key.argument) != nullptr; });
  };
  FieldTable effective = declared;
  for (const auto& [name, value] : definition) {
    const Key& key = *find_key(name);
    const bool together = key.merge == Merge::kRetry || key.merge == Merge::kDeduplication;
    if (key.argument.empty() || (together && has_any(key.merge))) continue;
    const FieldValue* own = declared.find(key.argument);
    effective.set(std::string(key.argument), own == nullptr ? value : merge(key.merge, *own, value));
  }
  for (const Key& key : kKeys) {
    if (!key.needs.empty() && effective.find(key.needs) == nullptr) effective.erase(key.argument);
  }
  return effective;
}

}  // namespace escrow::broker
