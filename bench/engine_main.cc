// The engine by itself, on a real disk: how fast messages enter queues, how much memory a backlog takes, and how soon a
// restart is ready. Publish commands go in through the inbox as they would from a network edge; every one is durable
// before it is answered.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine_thread.h"
#include "model/properties.h"
#include "storage/rocks_store.h"

namespace {

using namespace escrow;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

long resident_mib() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  long resident = 0;
  statm >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE) >> 20;
}

/// Answers release places in the window.
class BenchPort final : public engine::Port {
 public:
  void reply(std::uint64_t, Result<engine::Reply> reply) override {
    if (!reply) std::fprintf(stderr, "refused: %s\n", reply.error().message.c_str()), std::abort();
    release();
  }
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}
  void flush() override {}
  void closed() override { release(); }

  void acquire(int window) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return in_flight_ < window; });
    ++in_flight_;
  }
  void wait_for_all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return in_flight_ == 0; });
  }

 private:
  void release() {
    {
      const std::scoped_lock lock(mutex_);
      --in_flight_;
    }
    changed_.notify_one();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  int in_flight_ = 0;
};

struct Options {
  std::string directory;
  double seconds = 30;
  std::uint64_t count = 0;
  int queues = 1;
  int batch = 1000;
  int window = 3;
  int size = 256;
  bool reopen = false;
  std::size_t batch_bytes = engine::EngineOptions{}.batch_bytes;
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {
    auto start = Clock::now();
    auto store = RocksStore::open(options.directory, {});
    if (!store) fail(store.error());
    store_ = std::move(*store);
    engine::EngineThreadOptions engine_options;
    engine_options.engine.batch_bytes = options.batch_bytes;
    auto engine = engine::EngineThread::start(*store_, clock_, engine_options, 1);
    if (!engine) fail(engine.error());
    engine_ = std::move(*engine);
    std::printf("ready after %.2f s, %ld MiB resident\n", seconds_since(start), resident_mib());
  }

  void declare() {
    for (int i = 0; i < options_.queues; ++i) {
      names_.push_back("bench." + std::to_string(i));
      send(engine::DeclareQueue{{"/", names_.back(), {}}}, 100);
    }
    port_.wait_for_all();
  }

  void publish() {
    const auto body = std::make_shared<const std::string>(static_cast<std::size_t>(options_.size), 'x');
    const auto start = Clock::now();
    std::uint64_t sent = 0;
    double reported = 0;
    std::uint64_t reported_count = 0;
    while (options_.count != 0 ? sent < options_.count : seconds_since(start) < options_.seconds) {
      engine::Publish publish;
      publish.owner = body;
      publish.messages.reserve(static_cast<std::size_t>(options_.batch));
      for (int i = 0; i < options_.batch; ++i) {
        publish.messages.push_back({"/",
                                    "",
                                    names_[(sent + static_cast<std::uint64_t>(i)) % names_.size()],
                                    kPersistentProperties,
                                    *body,
                                    {}});
      }
      sent += static_cast<std::uint64_t>(options_.batch);
      send(std::move(publish), options_.window);
      if (const double now = seconds_since(start); now - reported >= 5) {
        std::printf("  %5.1f s  %8.0f messages/s  %ld MiB resident\n", now,
                    static_cast<double>(sent - reported_count) / (now - reported), resident_mib());
        std::fflush(stdout);
        reported = now;
        reported_count = sent;
      }
    }
    port_.wait_for_all();
    const double took = seconds_since(start);
    std::printf(
        "%d queues, %d messages a command: %.0f messages/s over %.1f s, %.0f messages a batch, %ld MiB resident\n",
        options_.queues, options_.batch, static_cast<double>(sent) / took, took,
        static_cast<double>(sent) / static_cast<double>(engine_->counters().batches), resident_mib());
  }

 private:
  [[noreturn]] static void fail(const Error& error) {
    std::fprintf(stderr, "%s: %s\n", error.reason.c_str(), error.message.c_str());
    std::exit(1);
  }
  void send(engine::CommandBody body, int window) {
    port_.acquire(window);
    engine_->inbox().post(engine::Command{&port_, 0, "bench", std::move(body)});
  }

  Options options_;
  SystemClock clock_;
  std::unique_ptr<RocksStore> store_;
  BenchPort port_;
  std::unique_ptr<engine::EngineThread> engine_;
  std::vector<std::string> names_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Escrow's engine on this disk: enqueue rate, memory of a backlog, time to recover");
  app.add_option("--directory", options.directory, "empty or new directory for the store")->required();
  app.add_option("--seconds", options.seconds, "how long to publish")->capture_default_str();
  app.add_option("--count", options.count, "publish this many messages instead");
  app.add_option("--queues", options.queues, "spread over this many queues")->capture_default_str();
  app.add_option("--batch", options.batch, "messages a command")->capture_default_str();
  app.add_option("--window", options.window, "commands on the way")->capture_default_str();
  app.add_option("--batch-bytes", options.batch_bytes, "at most so much in a batch of the engine")
      ->capture_default_str();
  app.add_option("--size", options.size, "bytes of a body")->capture_default_str();
  app.add_flag("--reopen", options.reopen, "only recover what is there, and say how long it took");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(options.directory);
  Bench bench(options);
  if (options.reopen) return 0;
  bench.declare();
  bench.publish();
  return 0;
}
