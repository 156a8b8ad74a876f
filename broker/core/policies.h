// The policies of all virtual hosts, and which of them apply to a name.
//
// Of the policies that match it is the one with the highest priority, and likewise one of the operator policies; of several
// with the same priority the first by name, so that it is the same one every time. Policies do not add up.
//
// Names that begin with `escrow.` are the server's and have no policy: what is parked must not expire.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/name_pattern.h"
#include "broker/core/policy.h"

namespace escrow::broker {

/// Not thread-safe.
class Policies {
 public:
  /// Limit of a virtual host, for policies and for operator policies each.
  static constexpr std::size_t kMaxPerVhost = 200;

  /// Replaces the one of the same name. False: nothing changed. As check_policy and NamePattern::compile;
  /// kResourceExhausted, LIMIT_EXCEEDED.
  Result<bool> set(Policy policy);
  /// False: nothing changed, there is none.
  bool erase(std::string_view vhost, std::string_view name, bool operator_policy);

  /// nullptr: there is none.
  const Policy* find(std::string_view vhost, std::string_view name, bool operator_policy) const;
  /// In order of name, after `after`.
  PolicyList list(std::string_view vhost, bool operator_policy, std::string_view after, std::size_t limit) const;
  /// Patterns that a name is compared with at most.
  std::size_t count(std::string_view vhost) const;

  /// nullptr: none. The same object for all to which the same policies apply, until one of the virtual host changes.
  std::shared_ptr<const AppliedPolicy> match(std::string_view vhost, std::string_view name, PolicySubject subject);

  /// Depends on all there is.
  std::uint64_t digest() const;

 private:
  struct Entry {
    Policy policy;
    NamePattern pattern;
  };
  struct Kind {
    std::map<std::string, Entry, std::less<>> by_name;
    std::vector<const Entry*> ranked;  // who comes first wins

    void rank();
    /// nullptr: none.
    const Entry* match(std::string_view name, PolicySubject subject) const;
  };
  struct Host {
    Kind users;
    Kind operators;
    std::map<std::pair<const Entry*, const Entry*>, std::shared_ptr<const AppliedPolicy>> applied;

    Kind& kind(bool operator_policy) { return operator_policy ? operators : users; }
    const Kind& kind(bool operator_policy) const { return operator_policy ? operators : users; }
  };
  const Host* host(std::string_view vhost) const;

  std::map<std::string, Host, std::less<>> hosts_;
};

}  // namespace escrow::broker
