// What the store does on this machine: synced batches and messages per second, by shape of the load.
//
//   storage_bench [--directory D] [--seconds S] [--sustained S] [--only NAME]
//
// A message is a record of 280 bytes (256 of body). Every batch is numbered, has the engine's head record and
// one fsync. Latencies are those of one commit. RSS is the whole process at its peak, the figures of RocksDB
// and the disk are of the end. The last two columns are microseconds of CPU a message, of the committing
// thread and of the process; they say more than throughput does on a machine that others use as well.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "storage/rocks_store.h"

namespace escrow {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kRecordBytes = 280;
constexpr double kMiB = 1024.0 * 1024.0;

std::string key_of(std::uint64_t log, std::uint64_t sequence) {
  std::string key;
  ByteWriter(key).u64_be(log).u64_be(sequence);
  return key;
}

/// Bodies of business messages: half of it does not repeat.
std::string records(std::size_t messages) {
  std::string bytes;
  std::uint64_t state = 88172645463325252u;
  while (bytes.size() < messages * kRecordBytes) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    char text[32];
    bytes.append(text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "\"id\":%08x,", unsigned(state))));
  }
  bytes.resize(messages * kRecordBytes);
  return bytes;
}

double resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atof(line.c_str() + 6) / 1024.0;
  }
  return 0;
}

double directory_mib(const std::string& directory) {
  double bytes = 0;
  std::error_code gone;  // files go while they are counted
  for (const auto& entry : std::filesystem::directory_iterator(directory, gone)) {
    const auto size = entry.file_size(gone);
    if (!gone) bytes += static_cast<double>(size);
  }
  return bytes / kMiB;
}

double cpu_seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Load {
  const char* name;
  std::size_t messages_per_batch;
  double seconds;
  /// Adds what batch `n` (from 0) writes.
  std::function<void(WriteSet&, std::uint64_t n)> fill;
};

void run(const Load& load, const std::string& parent) {
  const std::string directory = parent + "/storage_bench";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  auto opened = RocksStore::open(directory, RocksStoreOptions{});
  if (!opened.ok()) {
    std::printf("%s\n", opened.error().message.c_str());
    std::exit(1);
  }
  RocksStore& store = **opened;
  std::vector<float> latencies_ms;
  latencies_ms.reserve(1 << 20);
  const std::string head(100, 'h');
  WriteSet set;
  double peak_mib = 0;
  std::uint64_t n = 0;
  const auto start = SteadyClock::now();
  const double thread_cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  const double process_cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  double elapsed = 0;
  for (; elapsed < load.seconds; ++n) {
    set.clear();
    set.set_batch(n + 1, n);
    set.put(Table::kHead, "head", head);
    load.fill(set, n);
    const auto before = SteadyClock::now();
    const auto committed = store.commit(set, Store::Durability::kSync);
    const auto after = SteadyClock::now();
    if (!committed.ok()) {
      std::printf("%s\n", committed.error().message.c_str());
      std::exit(1);
    }
    latencies_ms.push_back(std::chrono::duration<float, std::milli>(after - before).count());
    elapsed = std::chrono::duration<double>(after - start).count();
    if (n % 256 == 0) peak_mib = std::max(peak_mib, resident_mib());
  }
  const double messages = double(n * load.messages_per_batch);
  const double commit_us = (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - thread_cpu) * 1e6 / messages;
  const double all_us = (cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_cpu) * 1e6 / messages;
  const RocksStoreFigures figures = store.figures();
  const double disk = directory_mib(directory);
  std::sort(latencies_ms.begin(), latencies_ms.end());
  const auto quantile = [&](double q) {
    return latencies_ms[static_cast<std::size_t>(q * static_cast<double>(latencies_ms.size() - 1))];
  };
  std::printf("%-28s %9.0f %10.0f %8.3f %8.3f %8.1f %8.1f %7.0f %7.0f %8.0f %8.2f %8.2f\n", load.name,
              double(n) / elapsed, messages / elapsed, quantile(0.5), quantile(0.99), quantile(0.999),
              latencies_ms.back(), peak_mib, double(figures.memtables + figures.block_cache) / kMiB, disk, commit_us,
              all_us);
  std::fflush(stdout);
  opened->reset();
  std::filesystem::remove_all(directory);
}

/// One page per batch, put whole.
Load put_pages(const char* name, std::size_t messages, double seconds) {
  return {name, messages, seconds, [value = records(messages), messages](WriteSet& set, std::uint64_t n) {
            set.put(Table::kPages, key_of(1, n * messages), value);
          }};
}

/// Batches are appended to the log's last page until that holds 64 KiB.
Load append_pages(const char* name, std::size_t messages, double seconds) {
  const std::size_t batches_per_page = std::max<std::size_t>(1, 65536 / (messages * kRecordBytes));
  return {name, messages, seconds,
          [value = records(messages), messages, batches_per_page](WriteSet& set, std::uint64_t n) {
            set.append(Table::kPages, key_of(1, n / batches_per_page * batches_per_page * messages), value);
          }};
}

/// One message for each of `logs` logs, appended to the last page of each, or put as a key of its own.
Load many_logs(const char* name, std::size_t logs, bool append, std::uint64_t distance, double seconds) {
  return {name, logs, seconds, [value = records(1), logs, append, distance](WriteSet& set, std::uint64_t n) {
            constexpr std::uint64_t kPerPage = 65536 / kRecordBytes;
            for (std::uint64_t log = 0; log < logs; ++log) {
              if (append) {
                set.append(Table::kPages, key_of(log, n / kPerPage * kPerPage), value);
                if (distance != 0 && n >= distance && (n - distance) % kPerPage == kPerPage - 1) {
                  set.erase(Table::kPages, key_of(log, (n - distance) / kPerPage * kPerPage));
                }
              } else {
                set.put(Table::kPages, key_of(log, n), value);
                if (distance != 0 && n >= distance) set.erase(Table::kPages, key_of(log, n - distance));
              }
            }
          }};
}

/// One page per batch; what is `distance` batches old is consumed and deleted.
Load consume(const char* name, std::size_t messages, std::uint64_t distance, double seconds) {
  return {name, messages, seconds, [value = records(messages), messages, distance](WriteSet& set, std::uint64_t n) {
            set.put(Table::kPages, key_of(1, n * messages), value);
            if (n >= distance) set.erase(Table::kPages, key_of(1, (n - distance) * messages));
          }};
}

/// How soon the disk comes back: a backlog is written, consumed with an occasional batch, and left alone.
void run_drain(const std::string& parent) {
  const std::string directory = parent + "/storage_bench";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  auto opened = RocksStore::open(directory, RocksStoreOptions{});
  if (!opened.ok()) std::exit(1);
  RocksStore& store = **opened;
  const std::string page = records(1000);
  constexpr std::uint64_t kPages = 8'000;
  WriteSet set;
  const auto commit = [&](Store::Durability durability) {
    if (!store.commit(set, durability).ok()) std::exit(1);
    set.clear();
  };
  for (std::uint64_t n = 0; n < kPages; ++n) {
    set.put(Table::kPages, key_of(1, n), page);
    commit(Store::Durability::kNoSync);
  }
  std::printf("drain: %.0f MiB on disk with the backlog", directory_mib(directory));
  for (std::uint64_t n = 0; n < kPages; ++n) {
    set.erase(Table::kPages, key_of(1, n));
    if (n % 20 == 0) commit(Store::Durability::kSync);
  }
  commit(Store::Durability::kSync);
  std::printf(", %.0f when it is consumed", directory_mib(directory));
  const auto start = SteadyClock::now();
  if (!store.reclaim(Table::kPages, key_of(1, 0), key_of(2, 0)).ok()) std::exit(1);
  std::printf(", %.0f after %.2f s of reclaim\n", directory_mib(directory),
              std::chrono::duration<double>(SteadyClock::now() - start).count());
  opened->reset();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace escrow

int main(int argc, char** argv) {
  using namespace escrow;
  std::string directory = ".";
  std::string only;
  double seconds = 10;
  double sustained = 30;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--directory") directory = argv[i + 1];
    if (option == "--seconds") seconds = std::atof(argv[i + 1]);
    if (option == "--sustained") sustained = std::atof(argv[i + 1]);
    if (option == "--only") only = argv[i + 1];
  }
  std::printf("%-28s %9s %10s %8s %8s %8s %8s %7s %7s %8s %8s %8s\n", "load", "batches/s", "messages/s", "p50 ms",
              "p99 ms", "p99.9 ms", "max ms", "RSS MiB", "db MiB", "disk MiB", "commit", "all");
  const Load loads[] = {
      put_pages("put_1", 1, seconds),
      append_pages("append_1", 1, seconds),
      put_pages("put_100", 100, seconds),
      append_pages("append_100", 100, seconds),
      put_pages("put_1000", 1000, seconds),
      many_logs("many_logs_put", 1000, false, 0, seconds),
      many_logs("many_logs_append", 1000, true, 0, seconds),
      consume("sustained_backlog", 1000, ~std::uint64_t{0}, sustained),
      consume("sustained_consume_20", 1000, 20, sustained),
      consume("sustained_consume_2000", 1000, 2000, sustained),
      many_logs("sustained_many_consume_1000", 1000, true, 1000, sustained),
  };
  for (const Load& load : loads) {
    if (only.empty() || std::string_view(load.name).starts_with(only)) run(load, directory);
  }
  if (only.empty() || only == "drain") run_drain(directory);
  return 0;
}
