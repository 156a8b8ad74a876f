// fault_power_loss [--cycles N] [--seed S] [--lying-syncs P]
//
// Runs cycles with the seeds S, S+1, …. Exits with 1 and prints the seed when one breaks a promise of the
// store. With a lying disk it is the other way round: it exits with 1 if no cycle finds out.
//
// Every cycle is a process of its own, started without address randomisation: RocksDB's memtables grow by
// chance, and chance comes from addresses. So a seed replays exactly, and a cycle that aborts is reported
// like any other.
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/fault/power_loss.h"

namespace escrow {
namespace {

void run_without_address_randomisation(char** argv) {
  const int now = personality(0xffffffff);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) return;
  execv("/proc/self/exe", argv);  // if it fails, seeds replay only nearly
}

/// The counts, then the problem: what fits into one write to a pipe.
struct Answer {
  PowerLossCounts counts;
  char problem[1024] = {};
};

PowerLossReport run_in_child(std::uint64_t seed, const PowerLossOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    const PowerLossReport report = run_power_loss_cycle(seed, options);
    Answer answer;
    answer.counts = report.counts;
    std::strncpy(answer.problem, report.problem.c_str(), sizeof answer.problem - 1);
    _exit(write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
  }
  close(ends[1]);
  Answer answer;
  const bool answered = read(ends[0], &answer, sizeof answer) == sizeof answer;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!answered) return {{}, "the process died with status " + std::to_string(status)};
  return {answer.counts, answer.problem};
}

void print_progress(std::uint64_t cycles, const PowerLossCounts& sum, double seconds) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu cycles: %llu power losses (%llu during recovery), %llu sets, %llu unacknowledged ones lost, "
      "%llu times flushed or compacted, %.1f s\n",
      number(cycles), number(sum.power_losses), number(sum.in_recovery), number(sum.sets),
      number(sum.lost_sets), number(sum.flushes), seconds);
  std::fflush(stdout);
}

int run(std::uint64_t seed, std::uint64_t cycles, const PowerLossOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const bool lying = options.lying_syncs > 0;
  PowerLossCounts sum;
  std::uint64_t caught = 0;
  for (std::uint64_t i = 0; i < cycles; ++i) {
    const PowerLossReport report = run_in_child(seed + i, options);
    sum.add(report.counts);
    if (!report.problem.empty()) {
      ++caught;
      if (caught == 1) {
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed + i), report.problem.c_str());
      }
      if (!lying) return 1;
    }
    if ((i + 1) % 100 == 0 || i + 1 == cycles) {
      print_progress(i + 1, sum,
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  }
  if (!lying) return 0;
  std::printf("%llu cycles found the disk lying\n", static_cast<unsigned long long>(caught));
  return caught == 0 ? 1 : 0;
}

}  // namespace
}  // namespace escrow

int main(int argc, char** argv) {
  escrow::run_without_address_randomisation(argv);
  std::uint64_t cycles = 1'000;
  std::uint64_t seed = 1;
  escrow::PowerLossOptions options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--cycles") {
      cycles = std::strtoull(value, nullptr, 10);
    } else if (name == "--seed") {
      seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--lying-syncs") {
      options.lying_syncs = std::strtod(value, nullptr);
    } else {
      std::fprintf(stderr, "usage: fault_power_loss [--cycles N] [--seed S] [--lying-syncs P]\n");
      return 2;
    }
  }
  return escrow::run(seed, cycles, options);
}
