// Unary calls as commands of the engine.
//
//   queue's thread   authenticate ─▶ parse, convert ─▶ Inbox::try_post ─┐ false: ENGINE_FULL
//   engine thread                                                       └─▶ … ─▶ UnaryPort::reply ─▶ finish
//
// All unary calls of a service share one Port that lives as long as the service: a port for each would cost
// two more commands. The request number of a command is the address of its UnaryCall, so no table and no lock
// stand between a reply and its call.
//
// A call ends exactly once, by finish() or fail(). The engine answers every command it took, once, and so
// ends every call, also one that was cancelled or whose deadline passed meanwhile: gRPC then drops the
// answer. What was decided stands; repeating the call returns it. A call whose deadline is over before it is
// posted is not posted.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <string>
#include <string_view>

#include "engine/inbox.h"
#include "engine/port.h"
#include "rpc/authenticator.h"
#include "rpc/call_queue.h"
#include "rpc/frame.h"
#include "rpc/grpc_order.h"
#include "rpc/message_codec.h"

namespace escrow::rpc {

/// Value of the metadata key `authorization`; empty without one. Valid as long as the call.
std::string_view authorization(const grpc::ServerContextBase& context);

class UnaryCall;

/// What a method does whose answer is the engine's: its request as a command, its reply as a response. A
/// constant. See unary_method.h for how to make one.
struct UnaryMethod {
  Result<engine::CommandBody> (*to_command)(const grpc::ByteBuffer& request, const Caller& caller);
  Result<grpc::ByteBuffer> (*to_response)(const engine::Reply& reply);
};

/// Asks gRPC for a call of one method: the member Request… of the service that protoc makes.
using RequestUnary = std::function<void(grpc::ServerContext*, grpc::ByteBuffer* request,
                                        grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>*, grpc::CompletionQueue*,
                                        grpc::ServerCompletionQueue*, void* tag)>;

/// A method of a service. Outlives the server.
struct UnaryEndpoint {
  RequestUnary request;
  /// Answers a call, at once or later. On the queue's thread.
  std::function<void(UnaryCall&)> serve;
  /// Null when the answer is not the engine's.
  const UnaryMethod* method = nullptr;
};

/// Belongs to itself: deletes itself after its end.
class UnaryCall final : private Call, private Completion {
 public:
  /// Serves the endpoint's calls that come from this queue. On the queue's thread.
  static void accept(CallQueue& queue, const UnaryEndpoint& endpoint);

  const grpc::ByteBuffer& request() const { return request_; }
  const UnaryMethod& method() const { return *endpoint_.method; }
  /// The client does not wait any more.
  bool expired() const;
  /// Value of the metadata key `authorization`; empty without one.
  std::string_view authorization() const { return rpc::authorization(context_); }
  const grpc::ServerContextBase& context() const { return context_; }

  // The end: one of them, once, from any thread. The call may be gone when it returns.
  void finish(const grpc::ByteBuffer& response);
  void fail(const Error& error);

 private:
  UnaryCall(CallQueue& queue, const UnaryEndpoint& endpoint) : Call(queue), endpoint_(endpoint) {}
  void completed(bool ok) override;

  const UnaryEndpoint& endpoint_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context_};
  bool ended_ = false;
  GrpcOrder order_;
};

/// Tells the log, through the authenticator, whom it refused.
void report_refused(const Authenticator& authenticator, const grpc::ServerContextBase& context, const Error& error);

/// Calls `next(call, user)` when the caller is authenticated: on this thread, or later on that of the authenticator.
/// Otherwise fails the call.
void with_user(Authenticator& authenticator, UnaryCall& call,
               std::function<void(UnaryCall& call, std::string user)> next);

/// Thread-safe. Outlives all its calls, and the engine: no ClosePort is posted for it.
class UnaryPort final : public engine::Port {
 public:
  UnaryPort(engine::Inbox& inbox, Authenticator& authenticator, std::size_t max_body_bytes)
      : inbox_(inbox), authenticator_(authenticator), max_body_bytes_(max_body_bytes) {}

  UnaryEndpoint endpoint(RequestUnary request, const UnaryMethod& method);

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;
  // A unary call consumes nothing and answers no checks.
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}
  void flush() override {}
  void closed() override {}

 private:
  void serve(UnaryCall& call);
  void post(UnaryCall& call, std::string user);

  engine::Inbox& inbox_;
  Authenticator& authenticator_;
  const std::size_t max_body_bytes_;
};

}  // namespace escrow::rpc
