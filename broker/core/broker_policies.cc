// Policies that are set and deleted, and what that means for queues and exchanges there are already.
#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "broker/core/broker.h"
#include "broker/core/names.h"
#include "broker/core/policy_codec.h"

namespace escrow::broker {

Result<bool> Broker::set_policy(const Policy& policy, const Moment& moment) {
  if (auto host = topology_.vhost(policy.vhost); !host) return host.error();
  Result<bool> changed = policies_.set(policy);
  if (!changed || !*changed) return changed;
  topology_.policy_changed(encode_policy_key(policy.vhost, policy.name, policy.operator_policy),
                           encode_policy_value(policy));
  policies_changed(policy.vhost, moment);
  return true;
}

Result<bool> Broker::delete_policy(const DeletePolicy& command, const Moment& moment) {
  if (auto host = topology_.vhost(command.vhost); !host) return host.error();
  if (!policies_.erase(command.vhost, command.name, command.operator_policy)) return false;
  topology_.policy_changed(encode_policy_key(command.vhost, command.name, command.operator_policy), std::nullopt);
  policies_changed(command.vhost, moment);
  return true;
}

Result<void> Broker::recover_policy(Policy policy) {
  if (!topology_.vhost(policy.vhost) || !policies_.set(std::move(policy))) return topology_damaged();
  return {};
}

void Broker::policies_changed(const std::string& vhost, const Moment& moment) {
  // One that has not begun sees this change, too; one that has begun is not held up by changes that go on.
  const auto waits = [&](const PolicyJob& job) {
    return job.vhost == vhost && !job.exchanges_done && job.after.empty();
  };
  if (std::ranges::none_of(policy_jobs_, waits)) policy_jobs_.push_back({vhost, false, {}});
  step_policies(moment);
}

bool Broker::step_policies(const Moment& moment) {
  if (policy_jobs_.empty()) return false;
  PolicyJob& job = policy_jobs_.front();
  const VirtualHost& host = **topology_.vhost(job.vhost);
  std::size_t left = std::clamp<std::size_t>(kMatchesPerStep / (policies_.count(job.vhost) + 1), 1, kPolicyPerStep);
  // True: that was the last one.
  const auto go_over = [&](const auto& things, auto apply) {
    auto it = things.upper_bound(job.after);
    for (; it != things.end() && left > 0; ++it, --left) {
      apply(*it->second);
      job.after = it->first;
    }
    return it == things.end();
  };
  if (!job.exchanges_done) {
    job.exchanges_done = go_over(host.exchanges, [&](Exchange& exchange) { apply_policy(exchange); });
    if (job.exchanges_done) job.after.clear();
  }
  if (job.exchanges_done && go_over(host.queues, [&](Queue& queue) { apply_policy(queue, moment); })) {
    policy_jobs_.pop_front();
  }
  return !policy_jobs_.empty();
}

void Broker::apply_policy(Exchange& exchange) {
  const ExchangeSpec& spec = exchange.spec();
  auto policy = policies_.match(spec.vhost, spec.name, PolicySubject::kExchange);
  if (policy == exchange.policy()) return;
  const std::string before = exchange.alternate();
  exchange.apply(std::move(policy));
  if (exchange.alternate() != before) topology_.routes_changed();
  if (!exchange.deduplication()) forget_keys(owner(exchange));
}

void Broker::apply_policy(Queue& queue, const Moment& moment) {
  const QueueSpec& spec = queue.spec();
  const bool quorum = queue.arguments().type == QueueType::kQuorum;
  auto policy =
      policies_.match(spec.vhost, spec.name, quorum ? PolicySubject::kQuorumQueue : PolicySubject::kClassicQueue);
  if (policy == queue.policy()) return;
  const QueueArguments before = queue.arguments();
  const FieldTable definition = policy == nullptr ? FieldTable() : policy->definition;
  Result<QueueArguments> effective =
      parse_queue_arguments(spec.vhost, spec.name, effective_arguments(spec.arguments, definition));
  ESCROW_INVARIANT(effective.ok(), "what is valid by itself is valid together");
  queue.apply(std::move(policy), *std::move(effective));
  if (queue.arguments() == before) return;
  if (queue.arguments().expires_ms != before.expires_ms) {
    end_lease(&queue);
    restart_lease(&queue, moment);
  }
  if (!queue.arguments().deduplication) forget_keys(owner(queue));
  wants_dispatch(&queue);
}

}  // namespace escrow::broker
