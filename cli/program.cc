#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/session.h"

namespace escrow::cli {
namespace {

/// Flags of the program may follow the command: escrow queue list --json.
void fall_through(CLI::App& app) {
  app.fallthrough();
  for (CLI::App* command : app.get_subcommands({})) fall_through(*command);
}

/// What the server, or gRPC, cannot know: which flags are about it.
std::string explain(const Error& error, const Session& session) {
  if (error.reason == "UNAVAILABLE") {
    return "no answer from " + session.server() + " (--server or ESCROW_SERVER names another one): " + error.message;
  }
  if (error.reason == "CREDENTIALS_WRONG") {
    return "the server takes no user '" + session.user() +
           "' with this password: see --user, --password-file, ESCROW_USER and ESCROW_PASSWORD";
  }
  return error.message;
}

void report(const Error& error, const Session& session) {
  const std::string message = explain(error, session);
  if (session.json()) {
    Json json{{"error", error.reason}, {"message", message}};
    for (const auto& [key, value] : error.metadata) json["metadata"][key] = value;
    std::fputs((json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n").c_str(), stderr);
  } else {
    std::fprintf(stderr, "escrow: %s (%s)\n", message.c_str(), error.reason.c_str());
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app("Looks at an Escrow server and works with it.", "escrow");
  Session session;
  session.add_flags(app);
  app.require_subcommand(1);
  app.set_version_flag("--version", "escrow " ESCROW_VERSION);
  add_tx_commands(app, session);
  add_schedule_commands(app, session);
  add_delayed_commands(app, session);
  add_queue_commands(app, session);
  add_dlq_commands(app, session);
  add_exchange_commands(app, session);
  add_policy_commands(app, session);
  add_publish_command(app, session);
  add_consume_command(app, session);
  add_hash_password_command(app);
  add_completion_command(app);
  fall_through(app);
  try {
    app.parse(argc, argv);
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    // The parser would only say that there is no command.
    const std::vector<std::string> unknown = app.remaining(true);
    if (error.get_name() == "RequiredError" && !unknown.empty()) {
      report(usage("there is no command '" + unknown.front() + "': see --help"), session);
      return kUsage;
    }
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    report(usage(std::string(error.what()) + ": see --help"), session);
    return kUsage;
  } catch (const Session::Failed& failed) {
    report(failed.error, session);
    return exit_code(failed.error);
  }
}

}  // namespace escrow::cli
