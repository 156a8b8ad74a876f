// Load on a running escrowd through gRPC: `grpc unary` or `grpc transact`. Lines that begin with "figure" are
// for bench/run.sh.
#include <CLI/CLI.hpp>

#include "bench/load.h"

int main(int argc, char** argv) {
  using namespace escrow::bench;
  LoadOptions options;
  CLI::App app("Transactions through gRPC: prepared, then committed");
  app.require_subcommand(1);
  auto* unary = app.add_subcommand("unary", "Prepare and Commit, a call each");
  auto* transact = app.add_subcommand("transact", "the stream Transact");
  std::size_t in_flight = 0;
  for (auto* mode : {unary, transact}) {
    mode->add_option("--target", options.target, "host:port of the server")->capture_default_str();
    mode->add_option("--user", options.user)->capture_default_str();
    mode->add_option("--password", options.password)->capture_default_str();
    mode->add_option("--seconds", options.seconds, "how long to count")->capture_default_str();
    mode->add_option("--warm-up", options.warm_up_seconds, "seconds before that")->capture_default_str();
    mode->add_option("--in-flight", in_flight, "calls (unary, 64) or transactions (transact, 4096) on the way");
    mode->add_option("--size", options.body_bytes, "bytes of a body")->capture_default_str();
  }
  transact->add_option("--frame", options.operations_per_frame, "operations a frame, at most 1000")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.in_flight = in_flight != 0 ? in_flight : *transact ? 4096 : 64;
  *transact ? run_transact(options) : run_unary(options);
  return 0;
}
