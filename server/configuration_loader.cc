#include "server/configuration_loader.h"

#include <toml++/toml.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "server/setting_value.h"

namespace escrow::server {
namespace {

constexpr std::string_view kPrefix = "ESCROW_";
constexpr std::string_view kFileVariable = "ESCROW_CONFIG";
/// Variables of other programs of the project.
constexpr std::string_view kForeignVariables[] = {"ESCROW_SERVER", "ESCROW_USER", "ESCROW_PASSWORD"};
constexpr const char* kSystemFile = "/etc/escrow/escrow.toml";

std::string variable(const ConfigurationSources& sources, std::string_view name) {
  const auto found = sources.environment.find(std::string(name));
  return found == sources.environment.end() ? std::string() : found->second;
}

/// Below the directory that `name` gives, or else below HOME; empty: there is neither.
std::string xdg_path(const ConfigurationSources& sources, const char* name, const char* below_home) {
  if (const std::string directory = variable(sources, name); directory.starts_with('/')) return directory + "/escrow";
  const std::string home = variable(sources, "HOME");
  return home.empty() ? std::string() : home + below_home + "/escrow";
}

/// Collects what is wrong instead of stopping at it.
class Loader {
 public:
  explicit Loader(const ConfigurationSources& sources) : sources_(sources) {}

  Result<LoadedConfiguration> load() {
    for (const Setting& setting : settings()) {
      set(setting, setting.standard, "default");
    }
    if (const std::optional<std::string> file = find_file()) read_file(*file);
    read_environment();
    for (const auto& [setting, text] : sources_.flags) set(*setting, text, "flag " + setting->flag());
    if (loaded_.configuration.data_dir.empty()) loaded_.configuration.data_dir = standard_data_dir();
    if (loaded_.configuration.data_dir.empty()) wrong("data.dir: not set, and HOME says nothing either");
    // What goes together is checked when every value is one.
    auto valid = faults_.none() ? check(loaded_.configuration) : faults_.result();
    if (!valid) return std::move(valid).error();
    return std::move(loaded_);
  }

 private:
  void wrong(const std::string& message) { faults_.add(message); }

  void set(const Setting& setting, std::string_view text, std::string origin) {
    if (auto done = setting.set(loaded_.configuration, text); !done) {
      return wrong(done.error().message + " (" + origin + ")");
    }
    const auto index = static_cast<std::size_t>(&setting - settings().data());
    loaded_.origins.resize(settings().size());
    loaded_.origins[index] = std::move(origin);
  }

  std::string standard_data_dir() const {
    if (sources_.root) return "/var/lib/escrow";
    return xdg_path(sources_, "XDG_DATA_HOME", "/.local/share");
  }

  std::optional<std::string> find_file() const {
    if (sources_.file) return sources_.file;
    if (const std::string file = variable(sources_, kFileVariable); !file.empty()) return file;
    std::vector<std::string> places;
    if (!sources_.root) places.push_back(xdg_path(sources_, "XDG_CONFIG_HOME", "/.config") + "/escrow.toml");
    places.emplace_back(kSystemFile);
    for (const std::string& place : places) {
      std::error_code ignored;
      if (std::filesystem::exists(place, ignored)) return place;
    }
    return std::nullopt;
  }

  void read_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream content;
    content << in.rdbuf();
    if (!in) return wrong(path + ": the configuration file cannot be read");
    loaded_.file = path;
    try {
      read_table(toml::parse(content.str(), path), "");
    } catch (const toml::parse_error& error) {
      std::ostringstream message;
      message << path << ":" << error.source().begin.line << ": " << error.description();
      wrong(message.str());
    }
  }

  std::string at(const toml::node& node) const { return loaded_.file + ":" + std::to_string(node.source().begin.line); }

  void read_table(const toml::table& table, const std::string& section) {
    for (const auto& [key, node] : table) {
      const std::string name = section.empty() ? std::string(key.str()) : section + "." + std::string(key.str());
      if (name == kUsersSection && node.is_table()) {
        read_users(*node.as_table());
      } else if (name == kPermissionsSection && node.is_table()) {
        read_permissions(*node.as_table());
      } else if (const Setting* setting = find_setting(name)) {
        read_value(*setting, node);
      } else if (node.is_table() && section.empty() && is_section(name)) {
        read_table(*node.as_table(), name);
      } else {
        wrong(at(node) + ": there is no setting '" + name + "'; did you mean '" + nearest_setting(name) + "'?");
      }
    }
  }

  static bool is_section(std::string_view name) {
    for (const Setting& setting : settings()) {
      if (setting.section() == name) return true;
    }
    return false;
  }

  void read_users(const toml::table& users) {
    for (const auto& [name, node] : users) {
      if (const auto hash = node.value<std::string>(); hash && node.is_string()) {
        loaded_.configuration.users.push_back({std::string(name.str()), *hash});
      } else {
        wrong(at(node) + ": users: the value is a password hash in quotes, as `escrow hash-password` prints it");
      }
    }
  }

  void read_permissions(const toml::table& users) {
    for (const auto& [user, of_user] : users) {
      const toml::table* const vhosts = of_user.as_table();
      if (vhosts == nullptr) {
        wrong(at(of_user) + ": permissions: sections are written [permissions.USER.\"VHOST\"]");
        continue;
      }
      for (const auto& [vhost, patterns] : *vhosts) {
        if (!patterns.is_table()) {
          wrong(at(patterns) + ": permissions: sections are written [permissions.USER.\"VHOST\"]");
          continue;
        }
        read_patterns({std::string(user.str()), std::string(vhost.str()), {}, {}, {}}, *patterns.as_table());
      }
    }
  }

  void read_patterns(Permission permission, const toml::table& patterns) {
    for (const auto& [key, node] : patterns) {
      std::string* const pattern = key == "configure" ? &permission.configure
                                   : key == "write"   ? &permission.write
                                   : key == "read"    ? &permission.read
                                                      : nullptr;
      if (pattern == nullptr) {
        wrong(at(node) + ": permissions: there is no '" + std::string(key.str()) + "', only configure, write and read");
      } else if (!node.is_string()) {
        wrong(at(node) + ": permissions: " + std::string(key.str()) + " is a regular expression in quotes");
      } else {
        *pattern = node.as_string()->get();
      }
    }
    loaded_.configuration.permissions.push_back(std::move(permission));
  }

  /// nullopt: it is no array of texts, or one of them cannot be in a list.
  static std::optional<std::string> read_list(const toml::array& array) {
    std::string out;
    for (const toml::node& item : array) {
      if (!item.is_string()) return std::nullopt;
      const std::string& text = item.as_string()->get();
      if (text.empty() || text.find(',') != std::string::npos) return std::nullopt;
      out += (out.empty() ? "" : ",") + text;
    }
    return out;
  }

  void read_value(const Setting& setting, const toml::node& node) {
    const bool list_type = std::holds_alternative<std::vector<std::string> Configuration::*>(setting.target);
    const bool number_type = std::holds_alternative<double Configuration::*>(setting.target);
    const bool integer_type = std::holds_alternative<std::uint16_t Configuration::*>(setting.target) ||
                              std::holds_alternative<std::uint32_t Configuration::*>(setting.target);
    const bool size_type = std::holds_alternative<std::size_t Configuration::*>(setting.target);
    std::optional<std::string> text;
    if (node.is_integer() && (number_type || integer_type || size_type)) {
      text = std::to_string(node.as_integer()->get());
    } else if (node.is_floating_point() && number_type) {
      text = format_value(node.as_floating_point()->get());
    } else if (node.is_boolean() && setting.is_switch()) {
      text = format_value(node.as_boolean()->get());
    } else if (node.is_array() && list_type) {
      text = read_list(*node.as_array());
    } else if (node.is_string() && !number_type && !integer_type && !list_type && !setting.is_switch()) {
      text = node.as_string()->get();
    }
    if (text) return set(setting, *text, at(node));
    wrong(at(node) + ": " + std::string(setting.name) + ": this is no " + std::string(setting.type()));
  }

  void read_environment() {
    for (const auto& [name, value] : sources_.environment) {
      if (!name.starts_with(kPrefix) || name == kFileVariable) continue;
      const auto by_name = [&](const Setting& setting) { return setting.environment() == name; };
      if (const auto found = std::ranges::find_if(settings(), by_name); found != settings().end()) {
        set(*found, value, "environment " + name);
      } else if (std::ranges::find(kForeignVariables, name) == std::end(kForeignVariables)) {
        loaded_.warnings.push_back("the environment variable " + name + " is no setting and is passed over");
      }
    }
  }

  const ConfigurationSources& sources_;
  LoadedConfiguration loaded_;
  Faults faults_;
};

}  // namespace

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view both(*entry);
    const std::size_t equal = both.find('=');
    if (equal != std::string_view::npos) out.emplace(both.substr(0, equal), both.substr(equal + 1));
  }
  return out;
}

Result<LoadedConfiguration> load_configuration(const ConfigurationSources& sources) { return Loader(sources).load(); }

std::string to_toml(const LoadedConfiguration& loaded) {
  constexpr std::size_t kCommentColumn = 44;
  std::string out;
  std::string_view section;
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const Setting& setting = settings()[i];
    if (setting.section() != section) {
      section = setting.section();
      out += "\n[" + std::string(section) + "]\n";
    }
    std::string line = std::string(setting.key()) + " = " + setting.get_toml(loaded.configuration);
    line.append(line.size() < kCommentColumn ? kCommentColumn - line.size() : 1, ' ');
    out += line + "# " + loaded.origins[i] + "\n";
  }
  if (!loaded.configuration.users.empty()) {
    out += "\n[" + std::string(kUsersSection) + "]  # " + loaded.file + "; hashes are not shown\n";
    for (const auto& user : loaded.configuration.users) out += "# " + quote_toml(user.name) + " = …\n";
  }
  for (const Permission& permission : loaded.configuration.permissions) {
    out += "\n[" + std::string(kPermissionsSection) + "." + quote_toml(permission.user) + "." +
           quote_toml(permission.vhost) + "]  # " + loaded.file + "\n";
    out += "configure = " + quote_toml(permission.configure) + "\n";
    out += "write = " + quote_toml(permission.write) + "\n";
    out += "read = " + quote_toml(permission.read) + "\n";
  }
  return out;
}

std::string to_markdown() {
  std::string out = "| setting | type | default | environment | flag | what it is |\n|---|---|---|---|---|---|\n";
  for (const Setting& setting : settings()) {
    std::string help(setting.help);
    if (!setting.choices.empty()) help += " One of: " + std::string(setting.choices) + ".";
    const std::string standard = setting.standard.empty() ? "" : "`" + std::string(setting.standard) + "`";
    out += "| `" + std::string(setting.name) + "` | " + std::string(setting.type()) + " | " + standard + " | `" +
           setting.environment() + "` | `" + setting.flag() + "` | " + help + " |\n";
  }
  return out;
}

}  // namespace escrow::server
