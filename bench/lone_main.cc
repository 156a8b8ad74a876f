// One call in flight: how long it takes, beside what it cannot do without, all on this machine in the same
// minute.
//
// A durable call must be written and synced once, and must come and go through gRPC. So slices of three loads
// take turns, and the medians of the slices are compared:
//
//   put    256 bytes into RocksDB, synced, on the disk of --directory
//   echo   the request of a Prepare, sent back by a server that does nothing else (a process of its own)
//   call   Prepare, then Commit, on escrowd
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "bench/echo_server.h"
#include "bench/fail.h"
#include "bench/latencies.h"
#include "bench/load.h"
#include "bench/synced_puts.h"

namespace escrow::bench {
namespace {

constexpr const char* kPrepare = "/escrow.v1.Coordinator/Prepare";
constexpr const char* kCommit = "/escrow.v1.Coordinator/Commit";

struct Options {
  LoadOptions load;
  std::string directory;
  int slices = 21;
  int calls_per_slice = 200;
};

/// Bytes in, bytes out, one call at a time: the same client for escrowd and for the echo.
class LoneCaller {
 public:
  LoneCaller(const std::string& target, const client::internal::Connection& credentials)
      : stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())), credentials_(credentials) {}
  ~LoneCaller() { queue_.Shutdown(); }

  /// The time from the request's bytes to the answer's, which are then in answer().
  SteadyClock::duration call(const char* method, const std::string& request) {
    const auto start = SteadyClock::now();
    const grpc::Slice slice(request);
    const grpc::ByteBuffer bytes(&slice, 1);
    grpc::ClientContext context;
    credentials_.authorize(context);
    grpc::Status status;
    const auto reader = stub_.PrepareUnaryCall(&context, method, bytes, &queue_);
    reader->StartCall();
    reader->Finish(&answer_, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    if (!status.ok()) fail(method, status.error_message());
    return SteadyClock::now() - start;
  }

  template <class Message>
  Message answer() {
    grpc::Slice slice;
    Message message;
    if (!answer_.DumpToSingleSlice(&slice).ok() ||
        !message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()))) {
      fail("answer", "cannot be read");
    }
    return message;
  }

 private:
  grpc::GenericStub stub_;
  const client::internal::Connection& credentials_;
  grpc::CompletionQueue queue_;
  grpc::ByteBuffer answer_;
};

class Bench {
 public:
  Bench(const Options& options, const char* program)
      : options_(options),
        synced_puts_(options.directory, options.load.body_bytes),
        connection_(connect(options.load)),
        echo_server_(program),
        echo_(echo_server_.target(), *connection_),
        escrow_(options.load.target, *connection_),
        requests_(options.load) {}

  void run() {
    // The first slices are for connections, caches and the clock of the processor.
    for (int slice = -2; slice < options_.slices; ++slice) {
      const double put = put_slice();
      const double echo = echo_slice();
      Latencies prepares;
      Latencies commits;
      call_slice(prepares, commits);
      if (slice < 0) continue;
      puts_.add(put);
      echoes_.add(echo);
      prepares_.add(prepares.quantile(0.5));
      commits_.add(commits.quantile(0.5));
    }
    report();
  }

 private:
  double put_slice() {
    Latencies latencies;
    for (int i = 0; i < options_.calls_per_slice; ++i) latencies.add(synced_puts_.put());
    return latencies.quantile(0.5);
  }

  double echo_slice() {
    Latencies latencies;
    v1::PrepareRequest request;
    for (int i = 0; i < options_.calls_per_slice; ++i) {
      requests_.prepare(request);
      latencies.add(echo_.call(kPrepare, request.SerializeAsString()));
    }
    return latencies.quantile(0.5);
  }

  void call_slice(Latencies& prepares, Latencies& commits) {
    v1::PrepareRequest prepare;
    v1::CommitRequest commit;
    for (int i = 0; i < options_.calls_per_slice; ++i) {
      requests_.prepare(prepare);
      prepares.add(escrow_.call(kPrepare, prepare.SerializeAsString()));
      Requests::commit(prepare, escrow_.answer<v1::PrepareResponse>().epoch(), commit);
      commits.add(escrow_.call(kCommit, commit.SerializeAsString()));
    }
  }

  void report() {
    const double put = puts_.quantile(0.5);
    const double echo = echoes_.quantile(0.5);
    const double floor = put + 2 * echo;
    const double prepare = prepares_.quantile(0.5);
    const double commit = commits_.quantile(0.5);
    std::printf(
        "one in flight, medians of %d interleaved slices: synced put %.0f us (slices %.0f to %.0f), echo "
        "%.0f us "
        "(%.0f to %.0f), Prepare %.0f us (%.0f to %.0f), Commit %.0f us (%.0f to %.0f)\n",
        options_.slices, put, puts_.quantile(0), puts_.quantile(1), echo, echoes_.quantile(0), echoes_.quantile(1),
        prepare, prepares_.quantile(0), prepares_.quantile(1), commit, commits_.quantile(0), commits_.quantile(1));
    std::printf("figure lone_put_us %.1f\nfigure lone_echo_us %.1f\nfigure lone_floor_us %.1f\n", put, echo, floor);
    std::printf("figure lone_prepare_us %.1f\nfigure lone_commit_us %.1f\n", prepare, commit);
  }

  const Options options_;
  SyncedPuts synced_puts_;
  const std::unique_ptr<client::internal::Connection> connection_;
  EchoServer echo_server_;
  LoneCaller echo_;
  LoneCaller escrow_;
  Requests requests_;
  // A median per slice.
  Latencies puts_;
  Latencies echoes_;
  Latencies prepares_;
  Latencies commits_;
};

}  // namespace
}  // namespace escrow::bench

int main(int argc, char** argv) {
  using namespace escrow::bench;
  Options options;
  bool echo = false;
  CLI::App app("How long a lone call takes, beside a synced put and two echoes");
  app.add_option("--target", options.load.target, "host:port of the server")->capture_default_str();
  app.add_option("--user", options.load.user)->capture_default_str();
  app.add_option("--password", options.load.password)->capture_default_str();
  app.add_option("--directory", options.directory, "for the puts: new, on the disk of the server's data");
  app.add_option("--slices", options.slices, "of each load")->capture_default_str();
  app.add_option("--calls", options.calls_per_slice, "in a slice")->capture_default_str();
  app.add_flag("--echo", echo, "be the echo server of another process of this program");
  CLI11_PARSE(app, argc, argv);
  if (echo) {
    run_echo_server();
    return 0;
  }
  Bench(options, "/proc/self/exe").run();
  return 0;
}
