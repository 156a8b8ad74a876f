#include "broker/core/policy_codec.h"

#include <utility>

#include "base/bytes.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;
enum Kind : std::uint8_t { kPolicy = 9, kOperatorPolicy = 10 };

}  // namespace

std::string encode_policy_key(std::string_view vhost, std::string_view name, bool operator_policy) {
  std::string out;
  ByteWriter(out).u8(operator_policy ? kOperatorPolicy : kPolicy).string(vhost).string(name);
  return out;
}

std::string encode_policy_value(const Policy& policy) {
  std::string out;
  ByteWriter(out)
      .u8(kVersion)
      .string(policy.pattern)
      .u32(static_cast<std::uint32_t>(policy.priority))
      .u8(static_cast<std::uint8_t>(policy.apply_to));
  encode_table(policy.definition, out);
  return out;
}

std::optional<Policy> decode_policy(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  const std::uint8_t kind = k.u8();
  if ((kind != kPolicy && kind != kOperatorPolicy) || v.u8() != kVersion) return std::nullopt;
  Policy policy;
  policy.operator_policy = kind == kOperatorPolicy;
  policy.vhost = k.string();
  policy.name = k.string();
  policy.pattern = v.string();
  policy.priority = static_cast<std::int32_t>(v.u32());
  policy.apply_to = static_cast<PolicyTarget>(v.u8());
  if (policy.apply_to > PolicyTarget::kExchanges) return std::nullopt;
  std::string_view rest = v.rest();
  Result<FieldTable> definition = decode_table(rest);
  if (!k.done() || !v.ok() || !definition || !rest.empty()) return std::nullopt;
  policy.definition = *std::move(definition);
  return policy;
}

}  // namespace escrow::broker
