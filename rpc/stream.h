// A bidirectional stream as a Port: frames come in and become commands, replies gather and leave as frames.
//
// Three kinds of threads meet here: gRPC's (OnReadDone, OnWriteDone and OnCancel, at the same time), the engine's (reply,
// deliver, check, flush, closed) and the authenticator's (once, at the start). One mutex guards the state below; it is
// taken once per frame and once per flush, never per operation, and not held while gRPC writes.
//
//   STARTING ──user known──▶ OPEN ──half close, cancellation, error, drain──▶ CLOSING ──Port::closed()──▶ CLOSED
//      │                                                                         │ no command was ever posted  │
//      │                                                                         └────────────────────────────▶│
//      └─wrong credentials, cancellation─▶ CLOSED                               output written, or thrown away │
//                                                                                                              ▼
//                                                                        deleted ◀──OnDone── FINISHED ◀──Finish┘
//
//   reading    one StartRead at a time. None while too much output or too many unanswered operations wait
//              (kMaxUnwrittenBytes, kMaxOperationsInFlight): HTTP/2 flow control then stops the sender.
//   writing    one StartWrite at a time. What gathers meanwhile goes with the next one.
//   ClosePort  posted once, under the mutex, when every operation is answered: it is the port's last command, and closed()
//              the port's last effect.
//   Finish     called once, when closed() has come, nothing is being written and the output is empty. So the engine never
//              calls a stream that gRPC has let go of. Whoever calls Finish touches the stream no more.
//
// A cancelled stream throws its output away; the commands it posted stand.
//
// What a thread does between releasing the mutex and Start…() or Finish() is seen by the reaction to it: gRPC sees to that,
// and because it does so within its own libraries, where ThreadSanitizer cannot look, GrpcOrder says it once more.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "engine/inbox.h"
#include "engine/port.h"
#include "rpc/authenticator.h"
#include "rpc/server_limits.h"
#include "rpc/stream_set.h"

namespace escrow::rpc {

/// What happened before an operation of gRPC was started happened before the reaction to it.
class GrpcOrder {
 public:
  void starting() { started_.fetch_add(1, std::memory_order_release); }
  void reacting() const { static_cast<void>(started_.load(std::memory_order_acquire)); }

 private:
  std::atomic<std::uint64_t> started_{0};
};

/// Deletes itself.
class Stream : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>, public engine::Port {
 public:
  /// Starts a new stream, which belongs to itself, and returns it for gRPC. The context stays until OnDone.
  static Stream* start(Stream* stream, const grpc::CallbackServerContext& context, Authenticator& authenticator);

  /// Takes no more frames, answers what it took, then ends with the error. Any thread; the stream is in its StreamSet.
  void end(const Error& error);

  void OnReadDone(bool ok) final;
  void OnWriteDone(bool ok) final;
  void OnCancel() final;
  void OnDone() final;

  // Executed by the engine's thread, as all of Port. What a stream has no use for does nothing.
  void flush() final;
  void closed() final;
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}

 protected:
  Stream(StreamSet& streams, engine::Inbox& inbox) : streams_(streams), inbox_(inbox) {}
  ~Stream() override = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// A frame came. One at a time, on a gRPC thread. An error ends the stream.
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

  enum class Posted : std::uint8_t { kYes, kEngineFull, kClosing };
  /// Posts all or none; when it closes, none. They count as `operations` until answered().
  Posted post(std::span<engine::Command> commands, std::size_t operations);
  /// For what is never answered and always taken. Passed over when it closes. Mutex held.
  void post_unanswered(engine::CommandBody body);
  /// Operations of a command were answered. On the engine's thread.
  void count_answered(std::size_t operations = 1) { answered_ += operations; }
  /// Ends the stream with the error. On the engine's thread or within on_frame.
  void fail(const Error& error);

 private:
  void authenticated(Authenticator::Verdict user);
  void begin_closing(grpc::Status status);  // mutex held
  void throw_away();                        // mutex held
  bool may_read() const;                    // mutex held
  bool released_by_engine() const { return closed_ || (closing_ && !opened_); }
  /// Does whatever the state allows now, and releases the mutex for it. The last thing a thread does with the stream.
  void advance(std::unique_lock<std::mutex>& lock);

  StreamSet& streams_;
  engine::Inbox& inbox_;
  std::string user_;  // written before the first frame is read

  std::mutex mutex_;
  bool starting_ = true;   // the thread that authenticates still touches the stream
  bool opened_ = false;    // the engine knows the port
  bool closing_ = false;   // no more commands, but for ClosePort
  bool close_posted_ = false;
  bool closed_ = false;    // the engine has forgotten the port
  bool finished_ = false;
  bool cancelled_ = false;
  bool reading_ = false;
  bool writing_ = false;
  std::size_t in_flight_ = 0;  // operations posted and not answered, as of the last flush
  grpc::Status status_;

  GrpcOrder order_;
  std::size_t answered_ = 0;  // since the last flush; of the engine's thread
  grpc::ByteBuffer incoming_;  // while reading_
  grpc::ByteBuffer outgoing_;  // while writing_
};

}  // namespace escrow::rpc
