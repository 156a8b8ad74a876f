// A policy: arguments for all queues and exchanges whose names match, and what becomes of those that were declared
// (rabbitmq.com/docs/policies, rabbitmq.com/docs/parameters#policies; rabbit_policy.erl, rabbit_policies.erl).
//
// A key of a definition is the queue argument `x-KEY` and has its types and ranges (queue_arguments.h), but for
// alternate-exchange, which is one of exchanges. Where several say something:
//
//   policy and operator policy    numbers: the smaller one      all else: the operator policy's
//   argument and policy           numbers: the smaller one      all else: the argument's
//
// A negative number is no limit, and thus larger than any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/field_table.h"

namespace escrow::broker {

/// What a policy is for. Frozen: on disk.
enum class PolicyTarget : std::uint8_t {
  kAll = 0,
  kQueues = 1,
  kClassicQueues = 2,
  kQuorumQueues = 3,
  kExchanges = 4,
};

/// What may have a policy.
enum class PolicySubject : std::uint8_t { kClassicQueue, kQuorumQueue, kExchange };

bool includes(PolicyTarget target, PolicySubject subject);
/// As RabbitMQ writes it: all, queues, classic_queues, quorum_queues, exchanges.
std::string_view to_string(PolicyTarget target);

struct Policy {
  static constexpr std::size_t kMaxDefinitionBytes = 8 << 10;

  std::string vhost;
  std::string name;
  std::string pattern;  ///< name_pattern.h
  std::int32_t priority = 0;
  PolicyTarget apply_to = PolicyTarget::kAll;
  FieldTable definition;
  bool operator_policy = false;  ///< the operator's, which bounds what policies and clients ask for

  bool operator==(const Policy&) const = default;
};

/// What applies to a queue or an exchange.
struct AppliedPolicy {
  std::string policy;           ///< its name; empty: there is none
  std::string operator_policy;  ///< likewise
  FieldTable definition;        ///< of both
};

/// All but the pattern, and whether there is such a virtual host. kInvalidArgument: MALFORMED, LIMIT_EXCEEDED,
/// DEFINITION_INVALID (metadata: key).
Result<void> check_policy(const Policy& policy);

/// Of valid definitions.
FieldTable merge_definitions(const FieldTable& policy, const FieldTable& operator_policy);

/// What a queue is declared with, and what a definition makes of it: arguments that parse_queue_arguments takes when it
/// takes the declared ones.
FieldTable effective_arguments(const FieldTable& declared, const FieldTable& definition);

struct PolicyList {
  std::vector<Policy> policies;
  bool more = false;
};

}  // namespace escrow::broker
