// The stored form of policies, in the table of the topology (topology_codec.h), whose kinds these continue.
//
//   key    u8 kind │ string vhost │ string name      value
//   9 policy                                         u8 version = 1 │ string pattern │ u32 priority, two's complement
//   10 operator policy                               │ u8 apply-to │ table definition
//
// To which queues and exchanges a policy applies is not stored: recovery finds it out again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/core/policy.h"

namespace escrow::broker {

std::string encode_policy_key(std::string_view vhost, std::string_view name, bool operator_policy);
std::string encode_policy_value(const Policy& policy);
/// nullopt: it is something else.
std::optional<Policy> decode_policy(std::string_view key, std::string_view value);

}  // namespace escrow::broker
