// A thread that serves calls, and the completion queue of gRPC that it waits on.
//
// gRPC's callback API needs less code here, but in gRPC 1.51 its threads hand the polling of the sockets to
// one another at every event: less than half the calls per second on the same cores (docs/performance.md). So
// nothing in a server uses it, and a queue has one thread.
#pragma once

#include <grpcpp/completion_queue.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

namespace escrow::rpc {

/// The tag of an operation of gRPC.
class Completion {
 public:
  virtual ~Completion() = default;
  /// What gRPC gives back is taken for a Completion*.
  void* tag() { return this; }
  /// The operation has ended, `ok` as gRPC has it. On the thread of the queue; the completion may be deleted
  /// in it.
  virtual void completed(bool ok) = 0;
};

class CallQueue {
 public:
  explicit CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue) : queue_(std::move(queue)) {}
  /// After stop(), if it was started.
  ~CallQueue();
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  /// For the start of operations, whose tags are of type Completion*.
  grpc::ServerCompletionQueue* grpc() { return queue_.get(); }

  /// Runs `first` and then what completes, on the thread of the queue; calls `attend` after each few
  /// completions, and before it waits for more.
  void start(std::function<void()> first, std::function<void()> attend);
  /// Returns when the last call has gone. The server has been shut down before, so that no new ones come.
  void stop();

 private:
  friend class Call;
  void run();
  /// False: nothing has ended so far.
  bool ended(Completion*& completion, bool& ok);
  void wait(Completion*& completion, bool& ok);

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::function<void()> attend_;
  std::size_t calls_ = 0;  // of the queue's thread
  std::thread thread_;
};

/// A call, also one that has yet to come. Made and destroyed on the thread of its queue.
class Call {
 protected:
  explicit Call(CallQueue& queue) : queue_(queue) { ++queue_.calls_; }
  ~Call() { --queue_.calls_; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  CallQueue& queue() { return queue_; }

 private:
  CallQueue& queue_;
};

}  // namespace escrow::rpc
