#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "bench/fail.h"
#include "bench/latencies.h"
#include "bench/load.h"

namespace escrow::bench {
namespace {

/// One stream. A transaction is a slot; its tag is 2 x slot for Prepare, 2 x slot + 1 for Commit.
class TransactLoad {
 public:
  explicit TransactLoad(const LoadOptions& options)
      : options_(options), connection_(connect(options)), requests_(options), slots_(options.in_flight) {}

  void run() {
    const auto start = SteadyClock::now();
    counting_from_ = start + seconds(options_.warm_up_seconds);
    end_ = counting_from_ + seconds(options_.seconds);
    connection_->authorize(context_);
    stream_ = connection_->coordinator().AsyncTransact(&context_, &queue_, tag(Event::kStarted));
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) todo_.push_back(slot * 2);
    open_ = slots_.size();
    while (open_ > 0) handle_next();
    stream_->Finish(&status_, tag(Event::kFinished));
    context_.TryCancel();
    report();
    queue_.Shutdown();
    void* ignored = nullptr;
    for (bool ok = false; queue_.Next(&ignored, &ok);) continue;
  }

 private:
  enum class Event : std::uintptr_t { kStarted = 1, kRead, kWritten, kFinished };
  static void* tag(Event event) { return reinterpret_cast<void*>(event); }  // NOLINT: gRPC's tags are pointers

  struct Slot {
    v1::PrepareRequest prepare;
    std::uint64_t epoch = 0;
    SteadyClock::time_point since;
  };

  static SteadyClock::duration seconds(double count) {
    return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(count));
  }

  void handle_next() {
    void* event = nullptr;
    bool ok = false;
    if (!queue_.Next(&event, &ok) || !ok) broken();
    switch (static_cast<Event>(reinterpret_cast<std::uintptr_t>(event))) {
      case Event::kStarted:
        writing_ = false;
        stream_->Read(&response_, tag(Event::kRead));
        break;
      case Event::kRead:
        for (const auto& result : response_.results()) answered(result);
        stream_->Read(&response_, tag(Event::kRead));
        break;
      case Event::kWritten:
        writing_ = false;
        break;
      case Event::kFinished:
        break;
    }
    write();
  }

  [[noreturn]] void broken() {
    stream_->Finish(&status_, tag(Event::kFinished));
    void* event = nullptr;
    bool ok = false;
    while (event != tag(Event::kFinished) && queue_.Next(&event, &ok)) continue;
    fail("Transact", status_.error_message());
  }

  void answered(const v1::TransactResponse::Result& result) {
    if (result.has_error()) fail("Transact", result.error().message());
    Slot& slot = slots_[result.tag() / 2];
    if (result.has_prepare()) {
      slot.epoch = result.prepare().epoch();
      todo_.push_back(result.tag() + 1);
      return;
    }
    const auto now = SteadyClock::now();
    if (now >= counting_from_ && now < end_) transactions_.add(now - slot.since);
    if (now < end_) {
      todo_.push_back(result.tag() - 1);
    } else {
      --open_;
    }
  }

  /// What has gathered while the last frame was on its way.
  void write() {
    if (writing_ || todo_.empty()) return;
    frame_.mutable_operations()->Clear();  // keeps the operations and their strings for use again
    const auto now = SteadyClock::now();
    const std::size_t count = std::min(todo_.size(), options_.operations_per_frame);
    for (std::size_t i = 0; i < count; ++i) add(todo_[i], now);
    todo_.erase(todo_.begin(), todo_.begin() + static_cast<std::ptrdiff_t>(count));
    writing_ = true;
    stream_->Write(frame_, tag(Event::kWritten));
    ++frames_;
  }

  void add(std::uint64_t operation_tag, SteadyClock::time_point now) {
    Slot& slot = slots_[operation_tag / 2];
    auto& operation = *frame_.add_operations();
    operation.set_tag(operation_tag);
    if (operation_tag % 2 == 1) {
      Requests::commit(slot.prepare, slot.epoch, *operation.mutable_commit());
      return;
    }
    requests_.prepare(slot.prepare);
    *operation.mutable_prepare() = slot.prepare;
    slot.since = now;
  }

  void report() {
    const double rate = static_cast<double>(transactions_.size()) / options_.seconds;
    std::printf(
        "Transact, %zu in flight: %.0f transactions/s, %.0f operations a frame; transaction median %.1f ms, "
        "p99 %.1f ms\n",
        options_.in_flight, rate,
        2.0 * rate * (options_.seconds + options_.warm_up_seconds) / static_cast<double>(frames_),
        transactions_.quantile(0.5) / 1000, transactions_.quantile(0.99) / 1000);
    std::printf("figure transact_transactions_per_s %.0f\n", rate);
  }

  const LoadOptions options_;
  const std::unique_ptr<client::internal::Connection> connection_;
  Requests requests_;
  std::vector<Slot> slots_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::TransactRequest, v1::TransactResponse>> stream_;
  grpc::Status status_;
  v1::TransactRequest frame_;
  v1::TransactResponse response_;
  std::vector<std::uint64_t> todo_;  // tags of operations to be sent
  bool writing_ = true;              // nothing can be written before the stream has started
  std::size_t open_ = 0;
  std::uint64_t frames_ = 0;
  SteadyClock::time_point counting_from_;
  SteadyClock::time_point end_;
  Latencies transactions_;
};

}  // namespace

void run_transact(const LoadOptions& options) { TransactLoad(options).run(); }

}  // namespace escrow::bench
