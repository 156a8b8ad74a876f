// The simulator: `sim` runs the regression seeds, then random ones for a while; see docs/simulation.md.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace escrow::sim {
namespace {

/// The seeds of normal runs come from here, so that a run can be repeated; --explore takes the time instead.
constexpr std::uint64_t kFirstSeed = 1;

struct Options {
  std::optional<std::uint64_t> seed;
  std::string seeds_file;
  double seconds = 0;
  std::uint64_t from_seed = kFirstSeed;
  bool explore = false;
  std::size_t events = 200;
};

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t commands = 0;
  std::uint64_t crashes = 0;
};

// A broken invariant aborts the process: then this says which seed it was.
std::atomic<std::uint64_t> running_seed;

void say_seed(int) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "aborted with seed %llu\n",
                                 static_cast<unsigned long long>(running_seed.load()));
  if (write(STDERR_FILENO, text, static_cast<std::size_t>(size)) < 0) return;
}

/// True: no rule was broken.
bool run(std::uint64_t seed, std::size_t events, Totals& totals) {
  running_seed = seed;
  Trace trace(events);
  World world(seed, trace);
  world.run();
  ++totals.seeds;
  totals.commands += world.commands();
  totals.crashes += world.crashes();
  if (world.verdict().ok()) return true;
  for (const std::string& line : trace.lines()) std::printf("%s\n", line.c_str());
  std::printf("FAILED seed %llu: %s\n", static_cast<unsigned long long>(seed), world.verdict().rule().c_str());
  return false;
}

/// Runs it again with a trace if it fails.
bool run_quietly(std::uint64_t seed, const Options& options, Totals& totals) {
  running_seed = seed;
  Trace silent(0);
  World world(seed, silent);
  world.run();
  ++totals.seeds;
  totals.commands += world.commands();
  totals.crashes += world.crashes();
  if (world.verdict().ok()) return true;
  Totals again;
  if (run(seed, options.events, again))
    std::printf("seed %llu failed once, and not again\n", static_cast<unsigned long long>(seed));
  return false;
}

/// One seed a line; what follows a # is a comment.
std::vector<std::uint64_t> read_seeds(const std::string& path) {
  std::vector<std::uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::string number = line.substr(0, line.find('#'));
    if (number.find_first_of("0123456789") != std::string::npos) seeds.push_back(std::stoull(number));
  }
  return seeds;
}

/// Rates are per second of processor time: what one core does, whoever else is on the machine.
void report(const Totals& totals) {
  const double seconds = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  std::printf("%llu seeds, %llu commands, %llu crashes in %.1f s of processor time: %.0f commands/s, %.1f seeds/s\n",
              static_cast<unsigned long long>(totals.seeds), static_cast<unsigned long long>(totals.commands),
              static_cast<unsigned long long>(totals.crashes), seconds, static_cast<double>(totals.commands) / seconds,
              static_cast<double>(totals.seeds) / seconds);
}

int run_all(const Options& options) {
  using SteadyClock = std::chrono::steady_clock;
  const auto start = SteadyClock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(SteadyClock::now() - start).count(); };
  Totals totals;
  bool ok = true;
  if (options.seed) {
    ok = run(*options.seed, options.events, totals);
  } else {
    if (!options.seeds_file.empty()) {
      for (const std::uint64_t seed : read_seeds(options.seeds_file)) ok = ok && run_quietly(seed, options, totals);
    }
    std::uint64_t seed = options.from_seed;
    if (options.explore) seed = static_cast<std::uint64_t>(SteadyClock::now().time_since_epoch().count());
    for (; ok && elapsed() < options.seconds; ++seed) ok = run_quietly(seed, options, totals);
  }
  report(totals);
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace escrow::sim

int main(int argc, char** argv) {
  escrow::sim::Options options;
  CLI::App app{"Simulates whole runs of the engine from seeds, and checks them against a model."};
  app.add_option("--seed", options.seed, "run this seed alone, and print the last events if it fails");
  app.add_option("--seeds", options.seeds_file, "run the seeds of this file first");
  app.add_option("--seconds", options.seconds, "then run one seed after the other for so long");
  app.add_option("--from-seed", options.from_seed, "the first of them");
  app.add_flag("--explore", options.explore, "… or a new one each time");
  app.add_option("--events", options.events, "events to print of a run that fails");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGABRT, escrow::sim::say_seed);
  return escrow::sim::run_all(options);
}
