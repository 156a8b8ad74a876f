#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

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

void report(const Error& error, const Session& session) {
  if (session.json()) {
    Json json{{"error", error.reason}, {"message", error.message}};
    for (const auto& [key, value] : error.metadata) json["metadata"][key] = value;
    std::fputs((json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n").c_str(), stderr);
  } else {
    std::fprintf(stderr, "escrow: %s (%s)\n", error.message.c_str(), error.reason.c_str());
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app("Looks at an Escrow server and works with it.", "escrow");
  Session session;
  session.add_flags(app);
  app.require_subcommand(1);
  add_tx_commands(app, session);
  add_queue_commands(app, session);
  add_exchange_commands(app, session);
  add_publish_command(app, session);
  add_consume_command(app, session);
  add_hash_password_command(app);
  add_completion_command(app);
  fall_through(app);
  try {
    app.parse(argc, argv);
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kUsage;
  } catch (const Session::Failed& failed) {
    report(failed.error, session);
    return exit_code(failed.error);
  }
}

}  // namespace escrow::cli
