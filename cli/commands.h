// The commands of `escrow`, each of which adds itself to the program.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/session.h"

namespace escrow::cli {

// Callbacks run after everything was parsed. They throw Session::Failed.
void add_tx_commands(CLI::App& app, Session& session);
void add_schedule_commands(CLI::App& app, Session& session);
void add_delayed_commands(CLI::App& app, Session& session);
void add_queue_commands(CLI::App& app, Session& session);
void add_policy_commands(CLI::App& app, Session& session);
void add_dlq_commands(CLI::App& app, Session& session);
void add_exchange_commands(CLI::App& app, Session& session);
void add_publish_command(CLI::App& app, Session& session);
void add_consume_command(CLI::App& app, Session& session);
void add_hash_password_command(CLI::App& app);
/// Last, because it completes all the others.
void add_completion_command(CLI::App& app);

}  // namespace escrow::cli
