// Policies: arguments for all queues and exchanges whose names match (docs/policies.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/cpp/client.h"
#include "client/cpp/field_table.h"

namespace escrow::client {

enum class PolicyTarget : std::uint8_t {
  kAll = 1,
  kQueues = 2,
  kClassicQueues = 3,
  kQuorumQueues = 4,
  kExchanges = 5,
};

struct Policy {
  std::string name;
  /// A regular expression with the syntax of RE2. It need not match the whole name.
  std::string pattern;
  /// Of several that match, the one with the highest applies.
  std::int32_t priority = 0;
  PolicyTarget apply_to = PolicyTarget::kAll;
  FieldTable definition;
};

struct PolicyPage {
  std::vector<Policy> policies;
  /// Empty: this was the last page.
  std::string next_page_token;
};

/// The policies of one virtual host, or its operator policies. Thread-safe. All calls are idempotent and repeated, with
/// pauses, for ClientOptions::call_timeout.
class Policies {
 public:
  enum class Kind : std::uint8_t { kUsers, kOperators };
  /// `vhost` empty: "/".
  explicit Policies(const Client& client, std::string vhost = {}, Kind kind = Kind::kUsers);

  /// Replaces the one of the same name. INVALID_ARGUMENT: PATTERN_INVALID, DEFINITION_INVALID with the metadata `key`.
  Result<void> set(const Policy& policy) const;
  /// Deleting what does not exist changes nothing.
  Result<void> erase(const std::string& name) const;
  /// One page in order of name. `page_size` at most 1,000, 0 means 100.
  Result<PolicyPage> list(std::uint32_t page_size = 0, const std::string& page_token = {}) const;

 private:
  std::shared_ptr<internal::Connection> connection_;
  std::string vhost_;
  Kind kind_;
};

}  // namespace escrow::client
