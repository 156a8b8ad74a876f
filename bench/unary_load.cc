#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "bench/fail.h"
#include "bench/latencies.h"
#include "bench/load.h"

namespace escrow::bench {
namespace {

template <class Response>
using Reader = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>>;

class UnaryLoad {
 public:
  explicit UnaryLoad(const LoadOptions& options)
      : options_(options), connection_(connect(options)), requests_(options), slots_(options.in_flight) {}

  void run() {
    start_ = SteadyClock::now();
    counting_from_ = start_ + seconds(options_.warm_up_seconds);
    end_ = counting_from_ + seconds(options_.seconds);
    for (Slot& slot : slots_) prepare(slot);
    void* tag = nullptr;
    bool ok = false;
    while (open_ > 0 && queue_.Next(&tag, &ok)) answered(*static_cast<Slot*>(tag));
    report();
  }

 private:
  /// A transaction on its way. Everything but the context is used again for the next one.
  struct Slot {
    std::optional<grpc::ClientContext> context;
    v1::PrepareRequest prepare;
    v1::PrepareResponse prepared;
    v1::CommitRequest commit;
    v1::CommitResponse committed;
    Reader<v1::PrepareResponse> prepare_reader;
    Reader<v1::CommitResponse> commit_reader;
    grpc::Status status;
    SteadyClock::time_point since;
    bool committing = false;
  };

  static SteadyClock::duration seconds(double count) {
    return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(count));
  }

  void begin(Slot& slot, bool committing) {
    slot.context.emplace();
    connection_->authorize(*slot.context);
    slot.committing = committing;
    slot.since = SteadyClock::now();
  }

  void prepare(Slot& slot) {
    ++open_;
    requests_.prepare(slot.prepare);
    begin(slot, false);
    slot.prepare_reader = connection_->coordinator().AsyncPrepare(&*slot.context, slot.prepare, &queue_);
    slot.prepare_reader->Finish(&slot.prepared, &slot.status, &slot);
  }

  void commit(Slot& slot) {
    Requests::commit(slot.prepare, slot.prepared.epoch(), slot.commit);
    begin(slot, true);
    slot.commit_reader = connection_->coordinator().AsyncCommit(&*slot.context, slot.commit, &queue_);
    slot.commit_reader->Finish(&slot.committed, &slot.status, &slot);
  }

  void answered(Slot& slot) {
    const auto now = SteadyClock::now();
    if (!slot.status.ok()) fail(slot.committing ? "Commit" : "Prepare", slot.status.error_message());
    const bool counts = now >= counting_from_ && now < end_;
    if (counts) (slot.committing ? commits_ : prepares_).add(now - slot.since);
    if (!slot.committing) {
      commit(slot);
      return;
    }
    --open_;
    if (now < end_) prepare(slot);
  }

  void report() {
    std::printf(
        "unary, %zu in flight: %.0f transactions/s; Prepare median %.0f us, p99 %.0f us; "
        "Commit median %.0f us, p99 %.0f us\n",
        options_.in_flight, static_cast<double>(commits_.size()) / options_.seconds, prepares_.quantile(0.5),
        prepares_.quantile(0.99), commits_.quantile(0.5), commits_.quantile(0.99));
    std::printf("figure unary_transactions_per_s %.0f\n", static_cast<double>(commits_.size()) / options_.seconds);
  }

  const LoadOptions options_;
  const std::unique_ptr<client::internal::Connection> connection_;
  Requests requests_;
  std::vector<Slot> slots_;
  grpc::CompletionQueue queue_;
  std::size_t open_ = 0;
  SteadyClock::time_point start_;
  SteadyClock::time_point counting_from_;
  SteadyClock::time_point end_;
  Latencies prepares_;
  Latencies commits_;
};

}  // namespace

void run_unary(const LoadOptions& options) { UnaryLoad(options).run(); }

}  // namespace escrow::bench
