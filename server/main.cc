// escrowd: reads the configuration, runs the server until a signal ends it.
//
// Exit codes: 0 drained after SIGTERM or SIGINT, or the command succeeded; 1 failed for another reason than those that
// follow; 2 command line or configuration wrong; 3 data directory in use, unreadable or damaged; 4 cannot listen.
#include <absl/synchronization/mutex.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "server/configuration_loader.h"
#include "server/logging.h"
#include "server/sd_notify.h"
#include "server/server.h"
#include "server/stop_signals.h"

namespace escrow::server {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongConfiguration = 2;
constexpr int kDataUnusable = 3;
constexpr int kCannotListen = 4;

int exit_code(const Error& error) {
  if (error.reason == "CONFIGURATION_WRONG") return kWrongConfiguration;
  if (error.code == ErrorCode::kDataLoss || error.reason.starts_with("DATA_") ||
      error.reason == "ADMIN_SECRET_UNUSABLE") {
    return kDataUnusable;
  }
  if (error.reason == "ADDRESS_IN_USE" || error.reason == "LISTEN_FAILED") return kCannotListen;
  return kFailed;
}

/// What the command line asks for.
struct CommandLine {
  ConfigurationSources sources;
  enum class Task { kRun, kCheck, kEffective, kReference } task = Task::kRun;
};

void warn_about(const Configuration& c) {
  // Accepted from the first version on, so that no file has to change when they begin to listen.
  std::string silent;
  for (const auto& [name, port] : {std::pair{"management", c.http_port}, {"metrics", c.metrics_port}}) {
    if (port != 0) silent += (silent.empty() ? "" : ", ") + std::string(name) + " on " + std::to_string(port);
  }
  if (!silent.empty()) spdlog::info("configured, but not served by this version yet: {}", silent);
  if (c.dev) spdlog::warn("development server: user guest with password guest may do everything");
  if (c.grpc_port != 0 && !is_loopback(c.grpc_bind) && c.grpc_tls_certificate_file.empty()) {
    spdlog::warn("gRPC listens on {} without TLS: passwords travel in the clear", c.grpc_bind);
  }
  if (c.amqp_port != 0 && !is_loopback(c.amqp_bind)) {
    spdlog::warn("AMQP listens on {} without TLS: passwords travel in the clear; amqps.bind is for AMQP with TLS",
                 c.amqp_bind);
  }
}

/// Does not wait for the log.
[[noreturn]] void exit_at_once(int signal) {
  std::fprintf(stderr, "escrowd: signal %d again: stopping at once\n", signal);
  std::_Exit(kFailed);
}

int run(const LoadedConfiguration& loaded) {
  // Debian's abseil, which gRPC uses, looks for deadlocks at every lock otherwise.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const Logging logging(loaded.configuration.log_level);
  spdlog::info("starting, configuration from {}",
               loaded.file.empty() ? "the environment and flags alone" : loaded.file);
  for (const std::string& warning : loaded.warnings) spdlog::warn("{}", warning);
  warn_about(loaded.configuration);

  Result<std::unique_ptr<Server>> started = Server::start(loaded.configuration);
  if (!started) {
    spdlog::error("{} ({})", started.error().message, started.error().reason);
    return exit_code(started.error());
  }
  std::unique_ptr<Server> server = *std::move(started);
  if (server->admin_secret().created) {
    spdlog::info("the password of user '{}' was generated: it is in {}", kAdministrator, server->admin_secret().path);
  }
  spdlog::info("ready: {}", server->describe());
  sd_notify("READY=1");

  const int signal = wait_for_stop_signal();
  spdlog::info("signal {}: finishing what is under way; once more stops at once", signal);
  sd_notify("STOPPING=1");
  on_next_stop_signal(exit_at_once);
  if (!server->drain()) spdlog::warn("the engine did not become empty in time; nothing acknowledged is lost");
  server.reset();
  spdlog::info("stopped");
  return EXIT_SUCCESS;
}

int perform(const CommandLine& line) {
  if (line.task == CommandLine::Task::kReference) {
    std::fputs(to_markdown().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  const Result<LoadedConfiguration> loaded = load_configuration(line.sources);
  if (!loaded) {
    std::fprintf(stderr, "escrowd: the configuration is wrong:\n%s\n", loaded.error().message.c_str());
    return exit_code(loaded.error());
  }
  switch (line.task) {
    case CommandLine::Task::kCheck:
      for (const std::string& warning : loaded->warnings) std::fprintf(stderr, "escrowd: %s\n", warning.c_str());
      std::printf("the configuration is fine%s\n", loaded->file.empty() ? "" : (": " + loaded->file).c_str());
      return EXIT_SUCCESS;
    case CommandLine::Task::kEffective:
      std::fputs(to_toml(*loaded).c_str(), stdout);
      return EXIT_SUCCESS;
    default:
      return run(*loaded);
  }
}

/// One flag for each row of the table of settings.
void add_settings(CLI::App& app, CommandLine& line) {
  for (const Setting& setting : settings()) {
    const auto remember = [&line, &setting](const std::string& text) {
      line.sources.flags.emplace_back(&setting, text);
    };
    const std::string group = setting.section().empty() ? "Options" : "[" + std::string(setting.section()) + "]";
    if (setting.is_switch()) {
      app.add_flag_function(
             setting.flag(), [remember](std::int64_t count) { remember(count > 0 ? "true" : "false"); },
             std::string(setting.help))
          ->group(group);
    } else {
      app.add_option_function<std::string>(setting.flag(), remember, std::string(setting.help))
          ->type_name(std::string(setting.type()))
          ->default_str(std::string(setting.standard))
          ->group(group);
    }
  }
}

int main_with(int argc, char** argv) {
  CommandLine line;
  line.sources.environment = process_environment();
  line.sources.root = ::geteuid() == 0;

  CLI::App app("Escrow holds messages until the business transactions they belong to are decided.", "escrowd");
  app.option_defaults()->always_capture_default(false);
  app.fallthrough();
  app.set_version_flag("--version", "escrowd " ESCROW_VERSION);
  app.add_option_function<std::string>(
         "--config", [&](const std::string& file) { line.sources.file = file; },
         "TOML file; without it $ESCROW_CONFIG, then ~/.config/escrow/escrow.toml or /etc/escrow/escrow.toml")
      ->type_name("file");
  add_settings(app, line);
  CLI::App* const config = app.add_subcommand("config", "Look at the configuration")->require_subcommand(1);
  config->add_subcommand("check", "Say what is wrong with the configuration, if anything")->callback([&] {
    line.task = CommandLine::Task::kCheck;
  });
  config->add_subcommand("effective", "Print what is in effect, and where each value comes from")->callback([&] {
    line.task = CommandLine::Task::kEffective;
  });
  config->add_subcommand("reference", "Print the table of all settings as Markdown")->callback([&] {
    line.task = CommandLine::Task::kReference;
  });
  for (CLI::App* subcommand : config->get_subcommands({})) subcommand->fallthrough();
  config->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "escrowd: %s: see --help\n", error.what());
    return kWrongConfiguration;
  }
  return perform(line);
}

}  // namespace
}  // namespace escrow::server

int main(int argc, char** argv) {
  escrow::server::block_stop_signals();
  return escrow::server::main_with(argc, argv);
}
