#include "broker/core/headers_match.h"

#include <optional>
#include <string_view>

#include "broker/core/field_text.h"

namespace escrow::broker {
namespace {

constexpr std::string_view kMatch = "x-match";

std::string_view match_kind(const FieldTable& arguments) {
  const FieldValue* value = arguments.find(kMatch);
  if (value == nullptr) return "all";
  const std::string* text = value->as_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

/// Any number, whatever its type: RabbitMQ compares as Erlang does.
std::optional<double> number(const FieldValue& value) {
  if (const auto* f = std::get_if<float>(&value.kind)) return *f;
  if (const auto* d = std::get_if<double>(&value.kind)) return *d;
  if (value.is_integer()) return static_cast<double>(value.as_integer());
  return std::nullopt;
}

bool matches(const FieldValue& wanted, const FieldTable* headers, std::string_view name) {
  const FieldValue* found = headers == nullptr ? nullptr : headers->find(name);
  if (found == nullptr) return false;
  if (std::holds_alternative<FieldVoid>(wanted.kind)) return true;
  if (wanted.is_integer() && found->is_integer()) return wanted.as_integer() == found->as_integer();
  if (const auto a = number(wanted), b = number(*found); a && b) return *a == *b;
  return wanted == *found;
}

}  // namespace

Result<void> check_headers_binding(const FieldTable& arguments) {
  const std::string_view kind = match_kind(arguments);
  if (kind == "all" || kind == "any" || kind == "all-with-x" || kind == "any-with-x") return {};
  const FieldValue& value = *arguments.find(kMatch);
  std::string text = value_text(value);
  if (value.as_string() != nullptr) {
    text = "Invalid x-match field value <<\"" + text + "\">>; expected all, any, all-with-x, or any-with-x";
  } else {
    text = "Invalid x-match field type " + std::string(type_name(value)) + " (value " + text + "); expected longstr";
  }
  return Error{ErrorCode::kInvalidArgument, "ARGUMENT_INVALID", std::move(text), {{"argument", std::string(kMatch)}}};
}

bool headers_match(const FieldTable& arguments, const FieldTable* headers) {
  const std::string_view kind = match_kind(arguments);
  const bool any = kind.starts_with("any");
  const bool with_x = kind.ends_with("-with-x");
  for (const auto& [name, wanted] : arguments) {
    if (name == kMatch || (!with_x && name.starts_with("x-"))) continue;
    if (matches(wanted, headers, name) == any) return any;
  }
  return !any;
}

}  // namespace escrow::broker
