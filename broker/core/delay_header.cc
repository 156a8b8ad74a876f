#include "broker/core/delay_header.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/invariant.h"
#include "broker/core/queue_arguments.h"
#include "model/properties.h"

namespace escrow::broker {
namespace {

constexpr std::int64_t kMax = QueueArguments::kMaxDurationMs;

std::int64_t from_float(double value) {
  if (!(value >= 1)) return 0;  // NaN neither
  return value >= static_cast<double>(kMax) ? kMax : static_cast<std::int64_t>(value);
}

std::int64_t from_text(const std::string& text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (stopped == end && error == std::errc()) return value;
  double floating = 0;
  const auto [after, failed] = std::from_chars(text.data(), end, floating);
  return after == end && failed == std::errc() ? from_float(floating) : 0;
}

std::int64_t value_of(const FieldValue& header) {
  if (header.is_integer()) return header.as_integer();
  if (const auto* text = header.as_string()) return from_text(*text);
  if (const auto* f = std::get_if<float>(&header.kind)) return from_float(*f);
  if (const auto* d = std::get_if<double>(&header.kind)) return from_float(*d);
  return 0;
}

}  // namespace

std::int64_t delay_ms(std::string_view properties) {
  PropertiesView view;
  if (!scan_properties(properties, view) || !view.headers) return 0;
  const std::optional<FieldValue> header = find_in_table(view.headers->bytes, kDelayHeader);
  return header ? std::clamp<std::int64_t>(value_of(*header), 0, kMax) : 0;
}

std::string after_delay(std::string_view properties) {
  Result<Properties> decoded = decode_properties(properties);
  ESCROW_INVARIANT(decoded && decoded->headers, "a message with a delay has headers");
  decoded->headers->set(std::string(kDelayHeader), {-delay_ms(properties)});
  Result<std::string> encoded = encode_properties(*decoded);
  ESCROW_INVARIANT(encoded.ok(), "what was decoded can be encoded");
  return *std::move(encoded);
}

}  // namespace escrow::broker
