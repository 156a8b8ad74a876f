#include "broker/core/equivalence.h"

#include <algorithm>
#include <optional>
#include <span>

#include "broker/core/consistent_hash.h"
#include "broker/core/field_text.h"
#include "broker/core/names.h"
#include "broker/core/queue_arguments.h"

namespace escrow::broker {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string with_type(const FieldValue* value) {
  if (value == nullptr) return "none";
  return "the value '" + value_text(*value) + "' of type '" + std::string(type_name(*value)) + "'";
}

std::optional<double> floating(const FieldValue& value) {
  if (const auto* f = std::get_if<float>(&value.kind)) return *f;
  if (const auto* d = std::get_if<double>(&value.kind)) return *d;
  return std::nullopt;
}

bool same(const FieldValue& a, const FieldValue& b) {
  if (a.is_integer() && b.is_integer()) return a.as_integer() == b.as_integer();
  if (floating(a) && floating(b)) return floating(a) == floating(b);
  const auto* const list = std::get_if<FieldArray>(&a.kind);
  const auto* const other = std::get_if<FieldArray>(&b.kind);
  if (list != nullptr && other != nullptr) return std::ranges::equal(*list, *other, same);
  return a == b;
}

bool is_text(const FieldValue* value, std::string_view text) {
  return value != nullptr && value->as_string() != nullptr && *value->as_string() == text;
}

/// Compares one property after the other and keeps the first difference.
class Comparison {
 public:
  explicit Comparison(std::string thing) : thing_(std::move(thing)) {}

  void text(const char* property, std::string_view current, std::string_view received) {
    if (current != received) differs(property, quoted(current), quoted(received));
  }

  void flag(const char* property, bool current, bool received) {
    text(property, current ? "true" : "false", received ? "true" : "false");
  }

  void argument(std::string_view name, const FieldTable& current_table, const FieldTable& received_table) {
    const FieldValue* current = current_table.find(name);
    const FieldValue* received = received_table.find(name);
    if (current != nullptr && received != nullptr) {
      if (!same(*current, *received)) differs(name, quoted(value_text(*current)), quoted(value_text(*received)));
      return;
    }
    if (current == received) return;
    // A queue without a type is a classic one.
    if (name == "x-queue-type" && (is_text(current, "classic") || is_text(received, "classic"))) return;
    differs(name, with_type(current), with_type(received));
  }

  Result<void> outcome() && { return std::move(outcome_); }

 private:
  void differs(std::string_view property, const std::string& current, const std::string& received) {
    if (!outcome_) return;
    outcome_ = Error{ErrorCode::kFailedPrecondition,
                     "DECLARATION_DIFFERS",
                     "inequivalent arg " + quoted(property) + " for " + thing_ + ": received " + received +
                         " but current is " + current,
                     {{"property", std::string(property)}}};
  }

  std::string thing_;
  Result<void> outcome_;
};

}  // namespace

Result<void> check_equivalent(const ExchangeSpec& current, const ExchangeSpec& received) {
  Comparison comparison(describe("exchange", current.name, current.vhost));
  comparison.text("type", to_string(current.type), to_string(received.type));
  comparison.flag("durable", current.durable, received.durable);
  comparison.flag("auto_delete", current.auto_delete, received.auto_delete);
  comparison.flag("internal", current.internal, received.internal);
  comparison.argument(kAlternateExchange, current.arguments, received.arguments);
  for (const std::string_view name : kDeduplicationArguments) {
    comparison.argument(name, current.arguments, received.arguments);
  }
  if (current.type == ExchangeType::kDelayed) {
    comparison.argument(kDelayedType, current.arguments, received.arguments);
  }
  if (routing_type(current) == ExchangeType::kConsistentHash) {
    comparison.argument(kHashHeader, current.arguments, received.arguments);
    comparison.argument(kHashProperty, current.arguments, received.arguments);
  }
  return std::move(comparison).outcome();
}

Result<void> check_equivalent(const QueueSpec& current, const QueueSpec& received) {
  if (current.exclusive != received.exclusive) return queue_locked(current.name, current.vhost);
  Comparison comparison(describe("queue", current.name, current.vhost));
  comparison.flag("durable", current.durable, received.durable);
  comparison.flag("auto_delete", current.auto_delete, received.auto_delete);
  for (const std::string_view name : compared_queue_arguments()) {
    comparison.argument(name, current.arguments, received.arguments);
  }
  return std::move(comparison).outcome();
}

}  // namespace escrow::broker
