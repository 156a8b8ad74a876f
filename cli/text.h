// Values of the API as text and as JSON, and back.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "client/cpp/field_table.h"

namespace escrow::cli {

/// RFC 3339 in UTC, with milliseconds.
std::string to_text(Timestamp time);
/// In the two largest units: 3d4h, 12m3s, 250ms.
std::string to_text(std::chrono::milliseconds age);
/// A number with ms, s, m, h or d.
Result<std::chrono::milliseconds> parse_duration(const std::string& text);
/// RFC 3339.
Result<Timestamp> parse_time(const std::string& text);

nlohmann::ordered_json to_json(const client::FieldTable& table);
/// From `name=value` each. true, false, numbers and lists of these are what they look like; "…" and everything else is text.
Result<client::FieldTable> parse_fields(const std::vector<std::string>& fields);

/// From a JSON object, whose values are booleans, numbers and text, and arrays of them.
Result<client::FieldTable> parse_table(const std::string& json);

/// Bytes as JSON has them: {"body": text} or, when they are no UTF-8, {"body_base64": …}.
void add_body(const std::string& body, nlohmann::ordered_json& out);

}  // namespace escrow::cli
