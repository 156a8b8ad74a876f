// Kills the real server under load, again and again on one data directory, and compares what it shows
// afterwards with what clients were told. All clients live in this process and remember everything; see the
// ledgers for the rules.
//
// A round: start (sometimes killed before it is ready) ─▶ verify at rest ─▶ load ─▶ SIGKILL, SIGTERM, or
// SIGKILL in the middle of what SIGTERM began. Sometimes everything is drained and verified before the load,
// or after it. At the end: drain, verify, stop, start, verify.
//
// Which signal comes when, and what clients do, follows from the seed; what meets what does not, so a seed
// makes a finding likely to return, not certain. Exits with 1 when something is wrong.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <thread>

#include "tests/fault/crash_consumer.h"
#include "tests/fault/crash_verify.h"
#include "tests/support/server_process.h"

namespace escrow::crash {
namespace {

using std::chrono::milliseconds;

struct Options {
  ServerProcess::Options server;
  int rounds = 10;
  std::uint64_t seed = 0;
  std::string signal = "mixed";
};

constexpr milliseconds kStartPatience{30'000};
constexpr milliseconds kStopPatience{20'000};
constexpr std::chrono::seconds kDrainPatience{60};
/// Checks come soon and often, and never end in doubt.
constexpr const char* kFlags[] = {"--checks-base-interval=200ms", "--checks-factor=1.2", "--checks-max-interval=2s",
                                  "--checks-receipt-timeout=1s", "--checks-max-attempts=200"};
constexpr const char* kSmallMemory[] = {"--limits-page-memory=1MiB", "--limits-transaction-memory=1MiB",
                                        "--store-memtables=8MiB", "--store-block-cache=1MiB"};
/// Groups whose transactions are listed after each restart; at the end it is all of them.
constexpr int kRecentGroups = 2;

/// The clients of a life; joined by their destruction, for which the life must be finished or the server
/// gone.
class Clients {
 public:
  Clients(Life& life, Random& random) : life_(life), random_(random) {}

  void start_consumers() {
    consume({.queue = kOrdered});
    consume({.queue = kShared, .prefetch = 50, .requeue = 0.05, .reject = 0.03});
    consume({.queue = kShared, .prefetch = 50, .requeue = 0.05, .reject = 0.03, .leave = 0.01});
    consume({.queue = kLeft, .prefetch = 500, .requeue = 0.01, .leave = 0.02});
  }
  void start_checkbacks(int groups) {
    for (int group = 0; group < groups; ++group) {
      const std::string name = group_of_round(group * kRoundsPerGroup);
      add_to(checkbacks_, [this, name](Random random) { run_checkbacks(life_, name, random); });
    }
  }
  void start_load() {
    const auto add = [this](auto run) { add_to(load_, run); };
    add([this](Random random) { run_repetitions(life_, random); });
    for (int i = 0; i < 3; ++i) add([this](Random random) { run_unary_transactions(life_, random); });
    for (int i = 0; i < 2; ++i) add([this](Random random) { run_publish(life_, random); });
    add([this](Random random) { run_transact(life_, random); });
    add([this](Random random) { run_publish_stream(life_, random); });
  }

  void finish_load() {
    life_.stop_load();
    load_.clear();
  }

  bool drain(int groups) {
    for (auto& consumer : consumers_) consumer->set_draining(true);
    for (const Queue queue : {kRight, kParked}) {
      if (!queue_exists(life_, queue)) continue;
      consume({.queue = queue});
      consumers_.back()->set_draining(true);
    }
    const bool is_drained = verify_drained(life_, groups, kDrainPatience);
    for (auto& consumer : consumers_) consumer->set_draining(false);
    return is_drained;
  }

 private:
  void consume(const ConsumerHabits& habits) {
    consumers_.push_back(std::make_unique<CrashConsumer>(life_, habits, random_.split("consumer")));
  }
  template <class Function>
  void add_to(std::vector<std::jthread>& threads, Function run) {
    threads.emplace_back([run, random = random_.split("client")] { run(random); });
  }

  Life& life_;
  Random& random_;
  std::vector<std::unique_ptr<CrashConsumer>> consumers_;
  std::vector<std::jthread> checkbacks_;
  std::vector<std::jthread> load_;
};

class Test {
 public:
  explicit Test(const Options& options)
      : options_(options), random_(options.seed), messages_(findings_), transactions_(findings_, messages_) {}

  /// False: something is wrong.
  bool run() {
    while (findings_.count() == 0 && round_ < options_.rounds) run_round();
    if (findings_.count() == 0) run_last_rounds();
    const MessageLedger::Counts counts = messages_.counts();
    std::printf(
        "%zu transactions, %zu of them decided; %s messages, %s deliveries, %s of them flagged redelivered; "
        "%s acks "
        "known to be durable\n",
        transactions_.size(), transactions_.decided_count(), text(counts.messages).c_str(),
        text(counts.deliveries).c_str(), text(counts.redeliveries).c_str(), text(counts.durable_acks).c_str());
    return findings_.count() == 0;
  }
  const Findings& findings() const { return findings_; }

 private:
  static std::string text(std::uint64_t number) { return std::to_string(number); }
  int groups() const { return round_ / kRoundsPerGroup + 1; }

  void run_round() {
    findings_.begin_round(++round_);
    const auto server = start(random_.chance(0.2));
    if (server == nullptr) return;
    Life life(server->target(), findings_, messages_, transactions_);
    if (round_ == 1) {
      if (const auto error = declare_topology(life.connection())) findings_.add("declaring failed: " + *error);
    }
    const auto before = messages_.counts();
    const std::size_t transactions_before = transactions_.size();
    verify_at_rest(life, groups(), kRecentGroups, round_ - 1);
    const milliseconds lived(random_.between(200, 2000));
    const bool drains_first = round_ > 1 && random_.chance(0.25);
    const bool drains_last = random_.chance(0.15);
    const std::string how = choose_end();
    bool is_orderly = false;
    {
      Clients clients(life, random_);
      clients.start_consumers();
      clients.start_checkbacks(groups());
      if (drains_first) clients.drain(groups());
      clients.start_load();
      if (server->wait_end(lived)) findings_.add("the server ended by itself");
      if (drains_last && findings_.count() == 0) {
        clients.finish_load();
        clients.drain(groups());
      }
      is_orderly = end(life, *server, how);
    }
    messages_.end_life(is_orderly);
    const auto after = messages_.counts();
    std::printf("round %d: %s%.2f s of load, %s%s; %zu transactions, %s messages, %s deliveries\n", round_,
                drains_first ? "drained, " : "", std::chrono::duration<double>(lived).count(),
                drains_last ? "drained, " : "", how.c_str(), transactions_.size() - transactions_before,
                text(after.messages - before.messages).c_str(), text(after.deliveries - before.deliveries).c_str());
    std::fflush(stdout);
  }

  /// Everything must come out, and after that nothing must come back.
  void run_last_rounds() {
    for (const bool is_last : {false, true}) {
      findings_.begin_round(++round_);
      const auto server = start(false);
      if (server == nullptr) return;
      Life life(server->target(), findings_, messages_, transactions_);
      verify_at_rest(life, groups(), groups(), round_ - 1);
      if (!is_last) {
        Clients clients(life, random_);
        clients.start_consumers();
        clients.start_checkbacks(groups());
        clients.drain(groups());
        life.finish();
      }
      messages_.end_life(end(life, *server, "SIGTERM"));
    }
  }

  std::unique_ptr<ServerProcess> start(bool with_a_crash) {
    messages_.begin_life();
    ServerProcess::Options options = options_.server;
    for (const char* flag : kFlags) options.flags.emplace_back(flag);
    // With little memory pages and transactions are read back, and the store writes table files all the time.
    if (random_.chance(0.5))
      options.flags.insert(options.flags.end(), std::begin(kSmallMemory), std::end(kSmallMemory));
    if (with_a_crash) {
      ServerProcess first(options);
      first.wait_end(milliseconds(random_.between(0, 80)));
      first.signal(SIGKILL);
      first.join();
    }
    auto server = std::make_unique<ServerProcess>(options);
    if (server->wait_ready(kStartPatience)) return server;
    findings_.add("the server does not start; see " + options_.server.log_file);
    return nullptr;
  }

  std::string choose_end() {
    const double draw = random_.fraction();
    if (options_.signal == "kill") return "SIGKILL";
    if (options_.signal == "term") return "SIGTERM";
    return draw < 0.6 ? "SIGKILL" : draw < 0.85 ? "SIGTERM" : "SIGTERM, SIGKILL";
  }

  /// True: it ended in an orderly way.
  bool end(Life& life, ServerProcess& server, const std::string& how) {
    life.end();
    bool is_orderly = how == "SIGTERM";
    server.signal(how == "SIGKILL" ? SIGKILL : SIGTERM);
    if (is_orderly) {
      if (!server.wait_end(kStopPatience)) findings_.add("the server does not end after SIGTERM"), is_orderly = false;
    } else if (how != "SIGKILL") {
      server.wait_end(milliseconds(random_.between(0, 50)));
    }
    server.signal(SIGKILL);
    const int code = server.join();
    if (how == "SIGTERM" && is_orderly && code != 0) {
      findings_.add("after SIGTERM the server ended with " + std::to_string(code));
      is_orderly = false;
    }
    return is_orderly;
  }

  const Options options_;
  Random random_;
  Findings findings_;
  MessageLedger messages_;
  TransactionLedger transactions_;
  int round_ = 0;
};

}  // namespace
}  // namespace escrow::crash

int main(int argc, char** argv) {
  using namespace escrow::crash;
  Options options;
  options.seed = std::random_device{}();
  std::string directory;
  CLI::App app("Kills escrowd under load and verifies what it shows afterwards");
  app.add_option("--server", options.server.program, "the program escrowd")->required();
  app.add_option("--directory", directory, "for data and log; new or empty")->required();
  app.add_option("--rounds", options.rounds)->capture_default_str();
  app.add_option("--seed", options.seed, "of an earlier run, to repeat it as far as that is possible");
  app.add_option("--signal", options.signal, "how the server ends")
      ->check(CLI::IsMember({"mixed", "kill", "term"}))
      ->capture_default_str();
  app.add_option("--flag", options.server.flags,
                 "another flag for the server, such as --flag=--limits-page-memory=1MiB");
  CLI11_PARSE(app, argc, argv);
  // An idle client of gRPC looks at its connection only this often, and a server that stops waits for it.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100", 1);  // NOLINT(concurrency-mt-unsafe)
  options.server.data_directory = directory + "/data";
  options.server.log_file = directory + "/escrowd.log";
  std::filesystem::create_directories(directory);
  std::printf("%d rounds with seed %llu\n", options.rounds, static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  Test test(options);
  if (test.run()) return 0;
  std::printf("%d findings with seed %llu; data and log are in %s\n", test.findings().count(),
              static_cast<unsigned long long>(options.seed), directory.c_str());
  return 1;
}
