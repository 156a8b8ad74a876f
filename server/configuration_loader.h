// Where the configuration comes from: standard values, overridden by one TOML file, overridden by the environment,
// overridden by flags. Every value remembers its source.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "server/configuration.h"
#include "server/settings.h"

namespace escrow::server {

/// Values not yet checked. Nothing here is read from the process, so that tests can say what it would be.
struct ConfigurationSources {
  /// --config. Empty: ESCROW_CONFIG, then the usual places.
  std::optional<std::string> file;
  /// All variables of the environment.
  std::map<std::string, std::string> environment;
  std::vector<std::pair<const Setting*, std::string>> flags;
  /// Effective user is root.
  bool root = false;
};

/// Of this process.
std::map<std::string, std::string> process_environment();

struct LoadedConfiguration {
  Configuration configuration;
  /// Where each of settings() comes from, as a person says it: "default", "flag --grpc-port".
  std::vector<std::string> origins;
  /// The file that was read; empty: there was none.
  std::string file;
  /// Variables that look like ours but are not. Not an error: other programs have ESCROW_ variables too, Kubernetes sets
  /// some for a service of the name.
  std::vector<std::string> warnings;
};

/// CONFIGURATION_WRONG with everything that is wrong, a line for each.
Result<LoadedConfiguration> load_configuration(const ConfigurationSources& sources);

/// What is in effect as a TOML file, with the source of every value as a comment.
std::string to_toml(const LoadedConfiguration& loaded);
/// The table for docs/configuration.md.
std::string to_markdown();

}  // namespace escrow::server
