#include "cli/text.h"

#include <google/protobuf/util/time_util.h>
#include <sodium.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "cli/session.h"

namespace escrow::cli {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::string base64(const std::string& bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string out(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    kVariant);
  out.pop_back();  // the terminating zero
  return out;
}

bool is_utf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

struct ToJson {
  Json operator()(const client::FieldVoid&) const { return nullptr; }
  Json operator()(const client::FieldDecimal& v) const { return {{"scale", v.scale}, {"unscaled", v.unscaled}}; }
  Json operator()(const client::FieldBytes& v) const { return {{"base64", base64(v.bytes)}}; }
  Json operator()(const std::string& v) const { return is_utf8(v) ? Json(v) : Json{{"base64", base64(v)}}; }
  Json operator()(Timestamp v) const { return to_text(v); }
  Json operator()(const client::FieldTable& v) const { return to_json(v); }
  Json operator()(const client::FieldArray& v) const {
    Json out = Json::array();
    for (const client::FieldValue& item : v) out.push_back(std::visit(ToJson{}, item.kind));
    return out;
  }
  template <class T>
  Json operator()(T v) const {
    static_assert(std::is_arithmetic_v<T>);
    return v;
  }
};

/// nullopt: null, an object, or an array of such.
std::optional<client::FieldValue> from_json(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return std::nullopt;
  client::FieldArray array;
  for (const Json& item : value) {
    std::optional<client::FieldValue> field = from_json(item);
    if (!field) return std::nullopt;
    array.push_back(*std::move(field));
  }
  return array;
}

client::FieldValue parse_value(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  return from_json(value).value_or(text);
}

}  // namespace

std::string to_text(Timestamp time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  const std::time_t whole = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 32> buffer;
  std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction;
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(ms));
  return std::string(buffer.data()) + fraction.data();
}

std::string to_text(std::chrono::milliseconds age) {
  std::int64_t left = age.count();
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    if (left < kUnits[i].ms && i + 1 < kUnits.size()) continue;
    std::string out = std::to_string(left / kUnits[i].ms) + std::string(kUnits[i].name);
    left %= kUnits[i].ms;
    // Seconds are exact enough.
    if (i + 2 < kUnits.size() && left >= kUnits[i + 1].ms) {
      out += std::to_string(left / kUnits[i + 1].ms) + std::string(kUnits[i + 1].name);
    }
    return out;
  }
  return "0ms";
}

Result<std::chrono::milliseconds> parse_duration(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& known : kUnits) {
    if (failed == std::errc() && unit == known.name && number >= 0 && number < INT64_MAX / known.ms) {
      return std::chrono::milliseconds(number * known.ms);
    }
  }
  return usage("'" + text + "' is not a duration: a number with ms, s, m, h or d");
}

Result<Timestamp> parse_time(const std::string& text) {
  google::protobuf::Timestamp time;
  if (google::protobuf::util::TimeUtil::FromString(text, &time)) {
    return from_micros(google::protobuf::util::TimeUtil::TimestampToMicroseconds(time));
  }
  return usage("'" + text + "' is not a time such as 2030-01-31T08:00:00Z");
}

Json to_json(const client::FieldTable& table) {
  Json out = Json::object();
  for (const auto& [name, value] : table) out[name] = std::visit(ToJson{}, value.kind);
  return out;
}

Result<client::FieldTable> parse_fields(const std::vector<std::string>& fields) {
  client::FieldTable out;
  for (const std::string& field : fields) {
    const std::size_t equal = field.find('=');
    if (equal == std::string::npos || equal == 0) return usage("'" + field + "' is not name=value");
    out.insert_or_assign(field.substr(0, equal), parse_value(field.substr(equal + 1)));
  }
  return out;
}

Result<client::FieldTable> parse_table(const std::string& json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return usage("'" + json + "' is not a JSON object");
  client::FieldTable out;
  for (const auto& [name, value] : object.items()) {
    std::optional<client::FieldValue> field = from_json(value);
    if (!field) return usage("'" + name + "' is not a boolean, a number, a text, or an array of these");
    out.insert_or_assign(name, *std::move(field));
  }
  return out;
}

void add_body(const std::string& body, Json& out) {
  if (is_utf8(body)) {
    out["body"] = body;
  } else {
    out["body_base64"] = base64(body);
  }
}

}  // namespace escrow::cli
