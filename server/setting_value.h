// Values of settings as text and back. Every function exists for each type of server/settings.h, Target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace escrow::server {

// Rejects with a message that says what is expected.
Result<void> parse_value(std::string_view text, std::string& value);
Result<void> parse_value(std::string_view text, bool& value);
Result<void> parse_value(std::string_view text, double& value);
Result<void> parse_value(std::string_view text, std::uint16_t& value);
Result<void> parse_value(std::string_view text, std::uint32_t& value);
Result<void> parse_value(std::string_view text, std::size_t& value);
Result<void> parse_value(std::string_view text, Duration& value);
/// Separated by commas.
Result<void> parse_value(std::string_view text, std::vector<std::string>& value);

// Sizes and durations in the largest unit that leaves no fraction.
std::string format_value(const std::string& value);
std::string format_value(bool value);
std::string format_value(double value);
std::string format_value(std::uint16_t value);
std::string format_value(std::uint32_t value);
std::string format_value(std::size_t value);
std::string format_value(Duration value);
std::string format_value(const std::vector<std::string>& value);

/// With the quotes and escapes of TOML's basic strings where TOML has no such type.
std::string quote_toml(std::string_view text);
inline std::string format_toml(const std::string& value) { return quote_toml(value); }
inline std::string format_toml(std::size_t value) { return quote_toml(format_value(value)); }
inline std::string format_toml(Duration value) { return quote_toml(format_value(value)); }
std::string format_toml(const std::vector<std::string>& value);
template <class T>
std::string format_toml(T value) {
  return format_value(value);
}

inline std::string_view value_type_name(const std::string&) { return "text"; }
inline std::string_view value_type_name(bool) { return "boolean"; }
inline std::string_view value_type_name(double) { return "number"; }
inline std::string_view value_type_name(std::uint16_t) { return "port"; }
inline std::string_view value_type_name(std::uint32_t) { return "count"; }
inline std::string_view value_type_name(std::size_t) { return "size"; }
inline std::string_view value_type_name(Duration) { return "duration"; }
inline std::string_view value_type_name(const std::vector<std::string>&) { return "list"; }

// For the limits of a setting.
inline double to_number(Duration value) { return static_cast<double>(value.count()); }
template <class T>
double to_number(T value) {
  return static_cast<double>(value);
}
inline bool within(const std::string&, double, double) { return true; }
inline bool within(bool, double, double) { return true; }
inline bool within(const std::vector<std::string>&, double, double) { return true; }
template <class T>
bool within(T value, double minimum, double maximum) {
  return to_number(value) >= minimum && to_number(value) <= maximum;
}
inline void set_number(std::string&, double) {}
inline void set_number(std::vector<std::string>&, double) {}
inline void set_number(Duration& value, double number) { value = Duration(static_cast<std::int64_t>(number)); }
template <class T>
void set_number(T& value, double number) {
  value = static_cast<T>(number);
}

}  // namespace escrow::server
