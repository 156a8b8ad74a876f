// fault_power_loss [--cycles N] [--seed S] [--lying-syncs P]
//
// Runs cycles with the seeds S, S+1, …. Exits with 1 and prints the seed when one breaks a promise of the store.
// With a lying disk it is the other way round: it exits with 1 if no cycle finds out.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fault/power_loss.h"

int main(int argc, char** argv) {
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
  const auto start = std::chrono::steady_clock::now();
  escrow::PowerLossReport sum;
  std::uint64_t caught = 0;
  for (std::uint64_t i = 0; i < cycles; ++i) {
    const escrow::PowerLossReport report = escrow::run_power_loss_cycle(seed + i, options);
    sum.power_losses += report.power_losses;
    sum.in_recovery += report.in_recovery;
    sum.sets += report.sets;
    sum.lost_sets += report.lost_sets;
    sum.flushes += report.flushes;
    if (!report.ok) {
      ++caught;
      if (options.lying_syncs == 0 || caught == 1) {
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed + i), report.problem.c_str());
      }
      if (options.lying_syncs == 0) return 1;
    }
    if ((i + 1) % 100 == 0 || i + 1 == cycles) {
      std::printf("%llu cycles: %llu power losses (%llu during recovery), %llu sets, %llu unacknowledged ones lost, "
                  "%llu times flushed or compacted, %.1f s\n",
                  static_cast<unsigned long long>(i + 1), static_cast<unsigned long long>(sum.power_losses),
                  static_cast<unsigned long long>(sum.in_recovery), static_cast<unsigned long long>(sum.sets),
                  static_cast<unsigned long long>(sum.lost_sets), static_cast<unsigned long long>(sum.flushes),
                  std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      std::fflush(stdout);
    }
  }
  if (options.lying_syncs == 0) return 0;
  std::printf("%llu cycles found the disk lying\n", static_cast<unsigned long long>(caught));
  return caught == 0 ? 1 : 0;
}
