// How the engine applies the commands about policies.
#include <utility>

#include "engine/engine.h"

namespace escrow::engine {
namespace {

constexpr auto kAbsent = static_cast<std::uint8_t>(audit::Existence::kAbsent);
constexpr auto kPresent = static_cast<std::uint8_t>(audit::Existence::kPresent);

audit::Subject subject_of(bool operator_policy) {
  return operator_policy ? audit::Subject::kOperatorPolicy : audit::Subject::kPolicy;
}

/// For the ledger: what it was set to, but for the values of its keys.
std::string describe(const broker::Policy& policy) {
  std::string text = "pattern '" + policy.pattern + "', priority " + std::to_string(policy.priority) + ", apply-to " +
                     std::string(to_string(policy.apply_to)) + ", keys";
  for (const auto& [name, value] : policy.definition) text += " " + name;
  return text;
}

}  // namespace

void Engine::apply(const Command& command, const SetPolicy& body) {
  const broker::Policy& policy = body.policy;
  const bool existed = broker_.policies().find(policy.vhost, policy.name, policy.operator_policy) != nullptr;
  const Result<bool> changed = broker_.set_policy(policy, moment());
  if (!changed) return reply(command, changed.error());
  if (*changed) {
    touch();
    audit(subject_of(policy.operator_policy), existed ? kPresent : kAbsent, kPresent, command.actor, describe(policy),
          policy.vhost, policy.name);
  }
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command& command, const DeletePolicy& body) {
  const Result<bool> deleted = broker_.delete_policy(body, moment());
  if (!deleted) return reply(command, deleted.error());
  if (*deleted) {
    touch();
    audit(subject_of(body.operator_policy), kPresent, kAbsent, command.actor, "", body.vhost, body.name);
  }
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command& command, const ListPolicies& body) {
  if (auto vhost = broker_.topology().vhost(body.vhost); !vhost) return reply(command, vhost.error());
  reply(command, Reply(broker_.policies().list(body.vhost, body.operator_policy, body.after, body.limit)));
}

}  // namespace escrow::engine
