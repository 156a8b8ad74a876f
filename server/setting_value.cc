#include "server/setting_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "server/configuration.h"

namespace escrow::server {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first; the last is 1.
constexpr std::array<Unit, 4> kSizes{{{"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"", 1}}};
constexpr std::array<Unit, 6> kTimes{
    {{"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000}, {"us", 1}}};

template <class T>
Result<void> parse_number(std::string_view text, T& value, const char* expected) {
  T parsed{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return configuration_wrong("'" + std::string(text) + "' is not " + expected);
  }
  value = parsed;
  return {};
}

template <std::size_t kCount>
Result<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, kCount>& units,
                                      const char* expected) {
  const Error wrong = configuration_wrong("'" + std::string(text) + "' is not " + expected);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc()) return wrong;
  std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (name.starts_with(' ')) name.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / unit.factor) return wrong;
    return number * unit.factor;
  }
  return wrong;
}

template <std::size_t kCount>
std::string format_with_unit(std::uint64_t value, const std::array<Unit, kCount>& units) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && (value != 0 || unit.factor == 1)) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

}  // namespace

Result<void> parse_value(std::string_view text, std::string& value) {
  value = text;
  return {};
}

Result<void> parse_value(std::string_view text, bool& value) {
  if (text != "true" && text != "false") return configuration_wrong("'" + std::string(text) + "' is not true or false");
  value = text == "true";
  return {};
}

Result<void> parse_value(std::string_view text, double& value) {
  if (auto parsed = parse_number(text, value, "a number"); !parsed) return parsed;
  if (!std::isfinite(value)) return configuration_wrong("'" + std::string(text) + "' is not a finite number");
  return {};
}

Result<void> parse_value(std::string_view text, std::uint16_t& value) {
  return parse_number(text, value, "a port from 0 to 65535");
}

Result<void> parse_value(std::string_view text, std::uint32_t& value) {
  return parse_number(text, value, "a number of things");
}

Result<void> parse_value(std::string_view text, std::size_t& value) {
  const Result<std::uint64_t> parsed = parse_with_unit(text, kSizes, "a size: bytes, or a number with KiB, MiB or GiB");
  if (!parsed) return parsed.error();
  value = *parsed;
  return {};
}

Result<void> parse_value(std::string_view text, Duration& value) {
  const Result<std::uint64_t> parsed = parse_with_unit(text, kTimes, "a duration: a number with us, ms, s, m, h or d");
  if (!parsed) return parsed.error();
  value = Duration(static_cast<std::int64_t>(*parsed));
  return {};
}

Result<void> parse_value(std::string_view text, std::vector<std::string>& value) {
  value.clear();
  if (text.empty()) return {};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (comma == begin) return configuration_wrong("'" + std::string(text) + "' has an empty name between commas");
    value.emplace_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return {};
}

std::string format_value(const std::string& value) { return value; }
std::string format_value(bool value) { return value ? "true" : "false"; }
std::string format_value(double value) {
  std::array<char, 32> buffer;
  const auto [end, failed] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return failed == std::errc() ? std::string(buffer.data(), end) : std::to_string(value);
}
std::string format_value(std::uint16_t value) { return std::to_string(value); }
std::string format_value(std::uint32_t value) { return std::to_string(value); }
std::string format_value(std::size_t value) { return format_with_unit(value, kSizes); }
std::string format_value(Duration value) {
  if (value == Duration::zero()) return "0s";
  return format_with_unit(static_cast<std::uint64_t>(value.count()), kTimes);
}

std::string format_value(const std::vector<std::string>& value) {
  std::string out;
  for (const std::string& item : value) out += (out.empty() ? "" : ",") + item;
  return out;
}

std::string format_toml(const std::vector<std::string>& value) {
  std::string out;
  for (const std::string& item : value) out += (out.empty() ? "" : ", ") + quote_toml(item);
  return "[" + out + "]";
}

std::string quote_toml(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append("\\").push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00").push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 0xf]);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

}  // namespace escrow::server
