#include "rpc/call_queue.h"

#include <grpc/support/time.h>

#include <utility>

#include "base/invariant.h"

namespace escrow::rpc {
namespace {

/// As many commands as make the hop to the engine's thread worth it, however many follow.
constexpr int kCompletionsPerAttendance = 16;

}  // namespace

CallQueue::~CallQueue() {
  // Only now: gRPC wants the server to be shut down before its queues.
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) continue;
}

void CallQueue::start(std::function<void()> first, std::function<void()> attend) {
  attend_ = std::move(attend);
  thread_ = std::thread([this, first = std::move(first)] {
    first();
    run();
  });
}

void CallQueue::run() {
  // Calls that have yet to come end when the server is shut down. What still has calls is not shut down: an
  // operation on a queue that is would end the process.
  Completion* completion = nullptr;
  bool ok = false;
  for (int since = 1; calls_ > 0; ++since) {
    if (!ended(completion, ok)) {
      attend_();
      since = 0;
      wait(completion, ok);
    }
    completion->completed(ok);
    if (since % kCompletionsPerAttendance == 0) attend_();
  }
  attend_();
}

bool CallQueue::ended(Completion*& completion, bool& ok) {
  void* tag = nullptr;
  if (queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC)) != grpc::CompletionQueue::GOT_EVENT) return false;
  completion = static_cast<Completion*>(tag);
  return true;
}

void CallQueue::wait(Completion*& completion, bool& ok) {
  void* tag = nullptr;
  ESCROW_INVARIANT(queue_->Next(&tag, &ok), "a queue with calls is not shut down");
  completion = static_cast<Completion*>(tag);
}

void CallQueue::stop() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace escrow::rpc
