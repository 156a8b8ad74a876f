#include "broker/core/policies.h"

#include <algorithm>
#include <functional>
#include <tuple>

namespace escrow::broker {
namespace {

constexpr std::string_view kServersNames = "escrow.";

}  // namespace

const Policies::Host* Policies::host(std::string_view vhost) const {
  const auto it = hosts_.find(vhost);
  return it == hosts_.end() ? nullptr : &it->second;
}

void Policies::Kind::rank() {
  ranked.clear();
  for (const auto& [name, entry] : by_name) ranked.push_back(&entry);
  std::ranges::stable_sort(ranked, std::greater<>(), [](const Entry* entry) { return entry->policy.priority; });
}

const Policies::Entry* Policies::Kind::match(std::string_view name, PolicySubject subject) const {
  const auto found = std::ranges::find_if(ranked, [&](const Entry* entry) {
    return includes(entry->policy.apply_to, subject) && entry->pattern.matches(name);
  });
  return found == ranked.end() ? nullptr : *found;
}

Result<bool> Policies::set(Policy policy) {
  if (auto valid = check_policy(policy); !valid) return std::move(valid).error();
  const Policy* current = find(policy.vhost, policy.name, policy.operator_policy);
  if (current != nullptr && *current == policy) return false;
  Result<NamePattern> pattern = NamePattern::compile(policy.pattern);
  if (!pattern) return std::move(pattern).error();
  Host& host = hosts_[policy.vhost];
  Kind& kind = host.kind(policy.operator_policy);
  if (current == nullptr && kind.by_name.size() >= kMaxPerVhost) {
    return Error{ErrorCode::kResourceExhausted,
                 "LIMIT_EXCEEDED",
                 "the limit of policies is reached",
                 {{"limit", "policies"}, {"maximum", std::to_string(kMaxPerVhost)}}};
  }
  host.applied.clear();
  std::string name = policy.name;
  kind.by_name.insert_or_assign(std::move(name), Entry{std::move(policy), *std::move(pattern)});
  kind.rank();
  return true;
}

bool Policies::erase(std::string_view vhost, std::string_view name, bool operator_policy) {
  if (find(vhost, name, operator_policy) == nullptr) return false;
  Host& host = hosts_.find(vhost)->second;
  Kind& kind = host.kind(operator_policy);
  host.applied.clear();
  kind.by_name.erase(kind.by_name.find(name));
  kind.rank();
  return true;
}

const Policy* Policies::find(std::string_view vhost, std::string_view name, bool operator_policy) const {
  const Host* const of_vhost = host(vhost);
  if (of_vhost == nullptr) return nullptr;
  const auto& by_name = of_vhost->kind(operator_policy).by_name;
  const auto it = by_name.find(name);
  return it == by_name.end() ? nullptr : &it->second.policy;
}

PolicyList Policies::list(std::string_view vhost, bool operator_policy, std::string_view after,
                          std::size_t limit) const {
  PolicyList list;
  const Host* const of_vhost = host(vhost);
  if (of_vhost == nullptr) return list;
  const auto& by_name = of_vhost->kind(operator_policy).by_name;
  auto it = by_name.upper_bound(after);
  for (; it != by_name.end() && list.policies.size() < limit; ++it) list.policies.push_back(it->second.policy);
  list.more = it != by_name.end();
  return list;
}

std::size_t Policies::count(std::string_view vhost) const {
  const Host* const of_vhost = host(vhost);
  return of_vhost == nullptr ? 0 : of_vhost->users.ranked.size() + of_vhost->operators.ranked.size();
}

std::shared_ptr<const AppliedPolicy> Policies::match(std::string_view vhost, std::string_view name,
                                                     PolicySubject subject) {
  const auto it = hosts_.find(vhost);
  if (it == hosts_.end() || name.starts_with(kServersNames)) return nullptr;
  Host& host = it->second;
  const Entry* const user = host.users.match(name, subject);
  const Entry* const oper = host.operators.match(name, subject);
  if (user == nullptr && oper == nullptr) return nullptr;
  std::shared_ptr<const AppliedPolicy>& applied = host.applied[{user, oper}];
  if (applied == nullptr) {
    const Policy none;
    const Policy& of_user = user == nullptr ? none : user->policy;
    const Policy& of_operator = oper == nullptr ? none : oper->policy;
    applied = std::make_shared<const AppliedPolicy>(
        AppliedPolicy{of_user.name, of_operator.name, merge_definitions(of_user.definition, of_operator.definition)});
  }
  return applied;
}

std::uint64_t Policies::digest() const {
  std::uint64_t hash = 0;
  for (const auto& [vhost, host] : hosts_) {
    for (const Kind* kind : {&host.users, &host.operators}) {
      for (const auto& [name, entry] : kind->by_name) {
        std::string text = vhost + '\0' + name + '\0' + entry.policy.pattern;
        encode_table(entry.policy.definition, text);
        hash = hash * 31 + std::hash<std::string>()(text) + static_cast<std::uint64_t>(entry.policy.priority);
      }
    }
  }
  return hash;
}

}  // namespace escrow::broker
