// A bidirectional stream as a Port: frames come in and become commands, replies gather and leave as frames.
//
// Three threads meet here: that of the stream's queue (begun, read_done, write_done, …), the engine's (reply,
// deliver, check, flush, closed) and the authenticator's (once, at the start). One mutex guards the state
// below; it is taken once per frame and once per flush, never per operation, and not held while gRPC writes.
//
//   STARTING ──user known──▶ OPEN ──half close, cancellation, error, drain──▶ CLOSING ──Port::closed()──▶ CLOSED
//      │                                                                         │ no command was ever posted  │
//      │                                                                         └────────────────────────────▶│
//      └─wrong credentials, cancellation─▶ CLOSED                               output written, or thrown away │
//                                                                                                              ▼
//                                        deleted ◀──all operations of gRPC have ended── FINISHED ◀──Finish─────┘
//
//   reading    one Read at a time. None while too much output or too many unanswered operations wait
//              (kMaxUnwrittenBytes, kMaxOperationsInFlight): HTTP/2 flow control then stops the sender.
//   writing    one Write at a time. What gathers meanwhile goes with the next one.
//   ClosePort  posted once, under the mutex, when every operation is answered: it is the port's last command, and
//              closed() the port's last effect.
//   Finish     called once, when closed() has come, nothing is being written and the output is empty. So the engine
//              never calls a stream that gRPC has let go of. Whoever calls Finish touches the stream no more.
//
// A cancelled stream throws its output away; the commands it posted stand.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "engine/inbox.h"
#include "engine/port.h"
#include "rpc/authenticator.h"
#include "rpc/call_queue.h"
#include "rpc/grpc_order.h"
#include "rpc/server_limits.h"
#include "rpc/stream_set.h"

namespace escrow::rpc {

class Stream;
using ByteStream = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

/// A method of a service. Outlives the server.
struct StreamEndpoint {
  /// Asks gRPC for a call: the member Request… of the service that protoc makes.
  std::function<void(grpc::ServerContext*, ByteStream*, grpc::CompletionQueue*, grpc::ServerCompletionQueue*,
                     void* tag)>
      request;
  /// A new stream, which belongs to itself.
  std::function<Stream*(CallQueue&)> make;
};

/// What a stream works with; all of it outlives the stream.
struct StreamParts {
  StreamSet& streams;
  Authenticator& authenticator;
  engine::Inbox& inbox;
};

/// Deletes itself.
class Stream : private Call, public engine::Port {
 public:
  /// Serves the endpoint's calls that come from this queue. On the queue's thread.
  static void accept(CallQueue& queue, const StreamEndpoint& endpoint);

  /// Takes no more frames, answers what it took, then ends with the error. Any thread; the stream is in its StreamSet.
  void end(const Error& error);

  // Executed by the engine's thread, as all of Port. What a stream has no use for does nothing.
  void flush() final;
  void closed() final;
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}

 protected:
  Stream(CallQueue& queue, const StreamParts& parts) : Call(queue), parts_(parts) {}
  ~Stream() override = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// A frame came. On the queue's thread. An error ends the stream.
  virtual Result<void> on_frame(const grpc::ByteBuffer& frame) = 0;

  // The output. All but encode_output with the mutex held.
  /// Takes what the engine's thread gathered since the last time over into the output. On the engine's thread.
  virtual void hand_over() = 0;
  /// Takes the next frame out of the output. False: it is empty.
  virtual bool take_output() = 0;
  /// Makes the frame of what was taken. One at a time, on the thread that writes.
  virtual grpc::ByteBuffer encode_output() = 0;
  virtual void drop_output() = 0;
  virtual std::size_t output_bytes() const = 0;
  /// A frame has left, or nothing can leave any more.
  virtual void output_moved() {}

  const std::string& user() const { return user_; }
  std::mutex& mutex() { return mutex_; }

  const engine::Inbox& inbox() const { return parts_.inbox; }
  enum class Posted : std::uint8_t { kYes, kEngineFull, kClosing };
  /// Posts all or none; when it closes, none. They count as `operations` until answered().
  Posted post(std::span<engine::Command> commands, std::size_t operations);
  /// For what is never answered and always taken. Passed over when it closes. While the inbox is beyond its limits, no
  /// more frames are read. Mutex held.
  void post_unanswered(engine::CommandBody body);
  /// Operations of a command were answered. On the engine's thread.
  void count_answered(std::size_t operations = 1) { answered_ += operations; }
  /// Ends the stream with the error. On the engine's thread or within on_frame.
  void fail(const Error& error);

 private:
  /// A kind of operation, of which there is one at a time.
  template <void (Stream::*kDone)(bool ok)>
  struct Operation final : Completion {
    explicit Operation(Stream& owner) : stream(owner) {}
    void completed(bool ok) override { (stream.*kDone)(ok); }
    Stream& stream;
  };
  // On the queue's thread. Each may delete the stream.
  void begun(bool ok);
  void read_done(bool ok);
  void write_done(bool ok);
  void finish_done(bool ok);
  void call_done(bool ok);

  void authenticated(Authenticator::Verdict user);
  void inbox_taken();                       // on the engine's thread
  void begin_closing(grpc::Status status);  // mutex held
  void throw_away();                        // mutex held
  bool may_read() const;                    // mutex held
  bool released_by_engine() const { return closed_ || (closing_ && !opened_); }
  /// Does whatever the state allows now, and releases the mutex for it. The last thing a thread does with the stream.
  void advance(std::unique_lock<std::mutex>& lock);
  /// Deletes the stream when gRPC has let go of it.
  void advance_or_go(std::unique_lock<std::mutex>& lock);

  const StreamParts parts_;
  const StreamEndpoint* endpoint_ = nullptr;
  grpc::ServerContext context_;
  ByteStream stream_{&context_};
  Operation<&Stream::begun> begun_{*this};
  Operation<&Stream::read_done> read_{*this};
  Operation<&Stream::write_done> write_{*this};
  Operation<&Stream::finish_done> finish_{*this};
  Operation<&Stream::call_done> call_{*this};
  std::string user_;  // written before the first frame is read

  std::mutex mutex_;
  bool starting_ = true;  // the thread that authenticates still touches the stream
  bool opened_ = false;   // the engine knows the port
  bool closing_ = false;  // no more commands, but for ClosePort
  bool close_posted_ = false;
  bool closed_ = false;    // the engine has forgotten the port
  bool finished_ = false;  // Finish has been called
  bool cancelled_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool crowded_ = false;       // until the engine takes what the inbox has
  std::size_t in_flight_ = 0;  // operations posted and not answered, as of the last flush
  grpc::Status status_;
  // Of the queue's thread.
  bool finish_done_ = false;
  bool call_done_ = false;

  GrpcOrder order_;
  std::size_t answered_ = 0;   // since the last flush; of the engine's thread
  grpc::ByteBuffer incoming_;  // while reading_
  grpc::ByteBuffer outgoing_;  // while writing_
};

}  // namespace escrow::rpc
