#include "tests/sim/model/queue_rules.h"

namespace escrow::sim::model {
namespace {

std::optional<std::int64_t> number(const FieldTable& arguments, std::string_view name) {
  const FieldValue* found = arguments.find(name);
  return found == nullptr ? std::nullopt : std::optional(found->as_integer());
}

std::optional<std::string> text(const FieldTable& arguments, std::string_view name) {
  const FieldValue* found = arguments.find(name);
  return found == nullptr ? std::nullopt : std::optional(*found->as_string());
}

}  // namespace

QueueRules rules_of(const FieldTable& arguments) {
  QueueRules rules;
  if (const auto ms = number(arguments, "x-message-ttl")) rules.ttl = std::chrono::milliseconds(*ms);
  if (const auto length = number(arguments, "x-max-length")) rules.max_length = static_cast<std::uint64_t>(*length);
  if (const auto limit = number(arguments, "x-delivery-limit")) {
    rules.delivery_limit = static_cast<std::uint32_t>(*limit);
  }
  const std::string overflow = text(arguments, "x-overflow").value_or("drop-head");
  if (overflow == "reject-publish") rules.overflow = QueueRules::Overflow::kRefuse;
  if (overflow == "reject-publish-dlx") rules.overflow = QueueRules::Overflow::kRefuseAndBury;
  rules.dead_letter_exchange = text(arguments, "x-dead-letter-exchange");
  rules.dead_letter_key = text(arguments, "x-dead-letter-routing-key");
  return rules;
}

}  // namespace escrow::sim::model
