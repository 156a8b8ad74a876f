#include "broker/core/carbon_copies.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/core/field_text.h"
#include "model/properties.h"

namespace escrow::broker {
namespace {

Result<void> gather(std::string_view headers, std::string_view name, std::vector<std::string>& keys) {
  const std::optional<FieldValue> value = find_in_table(headers, name);
  if (!value) return {};
  if (!std::holds_alternative<FieldArray>(value->kind)) {
    return Error{ErrorCode::kInvalidArgument,
                 "ARGUMENT_INVALID",
                 "invalid message: {unacceptable_type_in_header,\"" + std::string(name) + "\"," +
                     std::string(type_name(*value)) + "}",
                 {{"argument", std::string(name)}}};
  }
  std::ranges::move(copy_keys(*value), std::back_inserter(keys));
  return {};
}

}  // namespace

std::vector<std::string> copy_keys(const FieldValue& header) {
  std::vector<std::string> keys;
  const auto* const array = std::get_if<FieldArray>(&header.kind);
  if (array == nullptr) return keys;
  for (const FieldValue& key : *array) {
    if (key.as_string() != nullptr) keys.push_back(*key.as_string());
  }
  return keys;
}

Result<CarbonCopies> carbon_copies(std::string_view properties) {
  CarbonCopies copies;
  const Result<PropertiesView> view = scan_properties(properties);
  if (!view || !view->headers) return copies;
  if (auto gathered = gather(view->headers->bytes, "CC", copies.keys); !gathered) return std::move(gathered).error();
  if (auto gathered = gather(view->headers->bytes, "BCC", copies.keys); !gathered) return std::move(gathered).error();
  copies.blind = find_in_table(view->headers->bytes, "BCC").has_value();
  return copies;
}

std::string without_bcc(std::string_view properties) {
  Result<Properties> decoded = decode_properties(properties);
  if (!decoded || !decoded->headers) return std::string(properties);
  decoded->headers->erase("BCC");
  Result<std::string> encoded = encode_properties(*decoded);
  return encoded ? *std::move(encoded) : std::string(properties);
}

}  // namespace escrow::broker
