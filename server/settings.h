// The table of all settings: one row for each, from which come the TOML file, the environment, the flags, the checks,
// `escrowd config effective` and docs/configuration.md.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "server/configuration.h"

namespace escrow::server {

/// The type of a setting is that of its target:
///   std::string, bool, double   as they are
///   std::uint16_t               a port
///   std::uint32_t               a count
///   std::size_t                 bytes: 4096, 64KiB, 16MiB, 2GiB
///   Duration                    100us, 250ms, 10s, 5m, 2h, 7d
///   std::vector<std::string>    an array in TOML, elsewhere names with commas between them
using Target =
    std::variant<std::string Configuration::*, bool Configuration::*, double Configuration::*,
                 std::uint16_t Configuration::*, std::uint32_t Configuration::*, std::size_t Configuration::*,
                 Duration Configuration::*, std::vector<std::string> Configuration::*>;

/// Both included; bytes in bytes, durations in microseconds. Compared as double: good enough for limits.
struct Range {
  double minimum = 0;
  double maximum = std::numeric_limits<double>::max();
};

struct Setting {
  /// `section.key`, or `key` at the top. In the environment ESCROW_SECTION_KEY, as flag --section-key.
  std::string_view name;
  Target target;
  std::string_view standard;
  std::string_view help;
  Range range = {};
  /// Texts allowed, separated by spaces; empty: any.
  std::string_view choices = {};

  std::string environment() const;
  std::string flag() const;
  std::string_view section() const;
  std::string_view key() const;
  std::string_view type() const;
  bool is_switch() const { return std::holds_alternative<bool Configuration::*>(target); }

  /// Parses, checks and stores. INVALID_ARGUMENT, CONFIGURATION_WRONG.
  Result<void> set(Configuration& configuration, std::string_view text) const;
  /// As set() takes it, in its shortest form.
  std::string get(const Configuration& configuration) const;
  /// The same as TOML writes it.
  std::string get_toml(const Configuration& configuration) const;
};

/// In the order of documentation; settings of one section stand together.
std::span<const Setting> settings();
const Setting* find_setting(std::string_view name);
/// The known name that is most like this one, for error messages.
std::string nearest_setting(std::string_view name);

/// The sections whose keys are not in the table.
inline constexpr std::string_view kUsersSection = "users";
inline constexpr std::string_view kPermissionsSection = "permissions";

}  // namespace escrow::server
