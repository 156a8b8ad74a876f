// Load on a running broker of AMQP 0-9-1, escrowd or another one. Lines that begin with "figure" are for bench/amqp.py.
#include <CLI/CLI.hpp>

#include "bench/amqp_loads.h"

namespace {

using namespace escrow::bench;

void add_server(CLI::App* mode, AmqpServer& server) {
  mode->add_option("--target", server.target, "address:port of the broker")->capture_default_str();
  mode->add_option("--user", server.user)->capture_default_str();
  mode->add_option("--password", server.password)->capture_default_str();
}

/// A body is one frame, and begins with a time.
void add_size(CLI::App* mode, std::size_t& bytes) {
  mode->add_option("--size", bytes, "bytes of a body")->capture_default_str()->check(CLI::Range(8, 100'000));
}

/// What comes while the broker takes nothing has to fit into a buffer.
void add_window(CLI::App* mode, AmqpLoad& load) {
  mode->add_option("--window", load.window, "messages that a producer has on the way")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Messages through AMQP: durable, confirmed, acknowledged");
  app.require_subcommand(1);
  AmqpLoad load;
  auto* pair = app.add_subcommand("pair", "producers and consumers on one queue");
  auto* fanout = app.add_subcommand("fanout", "each message to all of some queues");
  auto* turns = app.add_subcommand("turns", "one producer and one consumer, and some queues in turn");
  for (auto* mode : {pair, fanout, turns}) {
    add_server(mode, load.server);
    add_size(mode, load.body_bytes);
    add_window(mode, load);
    mode->add_option("--rate", load.rate, "messages a producer publishes per second; 0: as many as it can")
        ->capture_default_str();
    mode->add_option("--seconds", load.seconds, "how long to count")->capture_default_str();
    mode->add_option("--warm-up", load.warm_up_seconds, "seconds before that")->capture_default_str();
  }
  pair->add_option("--producers", load.producers)->capture_default_str();
  pair->add_option("--consumers", load.consumers)->capture_default_str();
  for (auto* mode : {fanout, turns}) mode->add_option("--queues", load.queues)->capture_default_str();

  std::uint64_t count = 1'000'000;
  auto* waiting = app.add_subcommand("waiting", "publish messages and leave them there");
  auto* drain = app.add_subcommand("drain", "consume what waiting has left");
  for (auto* mode : {waiting, drain}) add_server(mode, load.server);
  add_size(waiting, load.body_bytes);
  add_window(waiting, load);
  waiting->add_option("--count", count, "messages")->capture_default_str();

  LoneMessages options;
  auto* lone = app.add_subcommand("lone", "one message in flight, beside synced puts");
  add_server(lone, options.server);
  add_size(lone, options.body_bytes);
  lone->add_option("--directory", options.directory, "for the puts: new, on the disk of the broker's data")->required();
  lone->add_option("--slices", options.slices, "of each load")->capture_default_str();
  lone->add_option("--messages", options.messages_per_slice, "in a slice")->capture_default_str();

  int connections = 2000;
  auto* idle = app.add_subcommand("idle", "hold connections until the standard input ends");
  add_server(idle, load.server);
  idle->add_option("--connections", connections)->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  if (*pair) run_pair(load);
  if (*fanout) run_fanout(load);
  if (*turns) run_turns(load);
  if (*waiting) run_waiting(load, count);
  if (*drain) run_drain(load);
  if (*lone) run_lone(options);
  if (*idle) run_idle(load.server, connections);
  return 0;
}
