// fault_power_loss: the simulation on the real store, whose disk loses power. Cycles run with the seeds S,
// S+1, …; the first one that breaks a rule ends it, with its seed, its last events and exit code 1. With a
// lying disk it is the other way round: it exits with 1 if no cycle finds out.
//
// Every cycle is a process of its own, started without address randomisation: RocksDB's memtables grow by
// chance, and chance comes from addresses. So a seed replays exactly, and a cycle that aborts is reported
// like any other.
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "tests/fault/power_loss.h"

namespace escrow {
namespace {

struct Options {
  std::uint64_t cycles = 1'000;
  std::uint64_t from_seed = 1;
  std::optional<std::uint64_t> seed;
  std::size_t events = 200;
  PowerLossOptions power;
};

/// The sum of all cycles.
struct Totals {
  std::uint64_t cycles = 0;
  std::uint64_t commands = 0;
  std::uint64_t digests = 0;
  PowerCounts disk;
};

/// What a cycle's process says: fits into one write to a pipe.
struct Answer {
  Totals totals;
  char problem[1024] = {};
};

using Clock = std::chrono::steady_clock;

void run_without_address_randomisation(char** argv) {
  const int now = personality(0xffffffff);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) return;
  execv("/proc/self/exe", argv);  // if it fails, seeds replay only nearly
}

void add(Totals& sum, const Totals& one) {
  sum.cycles += one.cycles;
  sum.commands += one.commands;
  sum.digests += one.digests;
  sum.disk.losses += one.disk.losses;
  sum.disk.in_recovery += one.disk.in_recovery;
  sum.disk.sets += one.disk.sets;
  sum.disk.operations += one.disk.operations;
  sum.disk.background += one.disk.background;
}

/// In the cycle's process. Prints the last events if there is a problem and `events` > 0.
Answer run_cycle(std::uint64_t seed, const PowerLossOptions& options, std::size_t events) {
  sim::Trace trace(events);
  const PowerLossReport report = run_power_loss_cycle(seed, options, trace);
  Answer answer;
  answer.totals = {1, report.commands, report.digests, report.disk};
  std::strncpy(answer.problem, report.problem.c_str(), sizeof answer.problem - 1);
  if (!report.problem.empty()) {
    for (const std::string& line : trace.lines()) std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  return answer;
}

/// What was wrong; empty: nothing.
std::string run_in_child(std::uint64_t seed, const PowerLossOptions& options, std::size_t events, Totals& totals) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    const Answer answer = run_cycle(seed, options, events);
    _exit(write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
  }
  close(ends[1]);
  Answer answer;
  const bool answered = read(ends[0], &answer, sizeof answer) == sizeof answer;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!answered) return "the process died with status " + std::to_string(status);
  add(totals, answer.totals);
  return answer.problem;
}

void print_totals(const Totals& sum, double seconds) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu cycles: %llu power losses (%llu during recovery) in %llu operations, %llu states compared, %llu "
      "commands, "
      "%llu sets, %llu times flushed or compacted, %.1f s\n",
      number(sum.cycles), number(sum.disk.losses), number(sum.disk.in_recovery), number(sum.disk.operations),
      number(sum.digests), number(sum.commands), number(sum.disk.sets), number(sum.disk.background), seconds);
  std::fflush(stdout);
}

void print_failure(std::uint64_t seed, const std::string& problem) {
  std::printf("FAILED seed %llu: %s\n", static_cast<unsigned long long>(seed), problem.c_str());
  std::fflush(stdout);  // or every later cycle's process would print it again
}

int run_one(std::uint64_t seed, const Options& options) {
  Totals totals;
  const auto start = Clock::now();
  const std::string problem = run_in_child(seed, options.power, options.events, totals);
  print_totals(totals, std::chrono::duration<double>(Clock::now() - start).count());
  if (!problem.empty()) print_failure(seed, problem);
  return problem.empty() ? 0 : 1;
}

int run_all(const Options& options) {
  const auto start = Clock::now();
  const bool lying = options.power.lying_syncs > 0;
  Totals totals;
  std::uint64_t caught = 0;
  for (std::uint64_t i = 0; i < options.cycles; ++i) {
    const std::uint64_t seed = options.from_seed + i;
    const std::string problem = run_in_child(seed, options.power, 0, totals);
    if (!problem.empty() && !lying) return run_one(seed, options);  // again, with its events
    if (!problem.empty() && ++caught == 1) print_failure(seed, problem);
    if ((i + 1) % 100 == 0 || i + 1 == options.cycles) {
      print_totals(totals, std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
  if (!lying) return 0;
  std::printf("%llu cycles found the disk lying\n", static_cast<unsigned long long>(caught));
  return caught == 0 ? 1 : 0;
}

}  // namespace
}  // namespace escrow

int main(int argc, char** argv) {
  if (!getenv("ASLR")) escrow::run_without_address_randomisation(argv);
  escrow::Options options;
  CLI::App app("Simulates runs of the engine on RocksDB, cuts the power of its disk, and checks what is left.");
  app.add_option("--cycles", options.cycles, "how many, one seed each");
  app.add_option("--from-seed", options.from_seed, "the first seed");
  app.add_option("--seed", options.seed, "run this seed alone, and print the last events if it fails");
  app.add_option("--events", options.events, "events to print of a cycle that fails");
  app.add_option("--lying-syncs", options.power.lying_syncs,
                 "probability that the disk lies; succeeds if that is found");
  CLI11_PARSE(app, argc, argv);
  return options.seed ? escrow::run_one(*options.seed, options) : escrow::run_all(options);
}
