// Unary calls as commands of the engine.
//
//   gRPC thread      authenticate ─▶ parse, convert ─▶ Inbox::try_post ─┐ false: ENGINE_FULL
//   engine thread                                                       └─▶ … ─▶ UnaryPort::reply ─▶ Finish
//
// All unary calls of a service share one Port that lives as long as the service: a port for each would cost two more
// commands. The request number of a command is the address of its UnaryCall, so no table and no lock stand between a reply
// and its call.
//
// A call ends exactly once, by finish() or fail(). The engine answers every command it took, once, and so ends every call,
// also one that was cancelled or whose deadline passed meanwhile: gRPC then drops the answer. What was decided stands;
// repeating the call returns it. A call whose deadline is over before it is posted is not posted.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/inbox.h"
#include "engine/port.h"
#include "rpc/authenticator.h"
#include "rpc/frame.h"
#include "rpc/message_codec.h"

namespace escrow::rpc {

/// Value of the metadata key `authorization`; empty without one. Valid as long as the call.
std::string_view authorization(const grpc::CallbackServerContext& context);

/// What a method does: its request as a command, its reply as a response. See unary_method.h for how to make one.
struct UnaryMethod {
  Result<engine::CommandBody> (*to_command)(const grpc::ByteBuffer& request, const Caller& caller);
  Result<grpc::ByteBuffer> (*to_response)(const engine::Reply& reply);
};

/// One call. gRPC owns what it points to and keeps it until the call has ended.
class UnaryCall {
 public:
  /// `method` is empty for calls that are not answered by the engine.
  UnaryCall(grpc::CallbackServerContext& context, const grpc::ByteBuffer& request, grpc::ByteBuffer& response,
            const UnaryMethod* method = nullptr)
      : context_(context),
        reactor_(*context.DefaultReactor()),
        request_(request),
        response_(response),
        method_(method) {}

  /// What the service's method returns.
  grpc::ServerUnaryReactor& reactor() { return reactor_; }
  const grpc::ByteBuffer& request() const { return request_; }
  const UnaryMethod& method() const { return *method_; }
  /// The client does not wait any more.
  bool expired() const;
  /// Value of the metadata key `authorization`; empty without one.
  std::string_view authorization() const { return rpc::authorization(context_); }

  // The last call, from any thread.
  void finish(const grpc::ByteBuffer& response);
  void fail(const Error& error);

 private:
  grpc::CallbackServerContext& context_;
  grpc::ServerUnaryReactor& reactor_;
  const grpc::ByteBuffer& request_;
  grpc::ByteBuffer& response_;
  const UnaryMethod* const method_;
};

/// Calls `next(call, user)` when the caller is authenticated: on this thread, or later on that of the authenticator.
/// Otherwise fails the call.
void with_user(Authenticator& authenticator, std::unique_ptr<UnaryCall> call,
               std::function<void(std::unique_ptr<UnaryCall>, std::string user)> next);

/// Thread-safe. Outlives all its calls, and the engine: no ClosePort is posted for it.
class UnaryPort final : public engine::Port {
 public:
  UnaryPort(engine::Inbox& inbox, Authenticator& authenticator, std::size_t max_body_bytes)
      : inbox_(inbox), authenticator_(authenticator), max_body_bytes_(max_body_bytes) {}

  /// `method` is a constant.
  grpc::ServerUnaryReactor* serve(grpc::CallbackServerContext& context, const grpc::ByteBuffer& request,
                                  grpc::ByteBuffer& response, const UnaryMethod& method);

  void reply(std::uint64_t request, Result<engine::Reply> reply) override;
  // A unary call consumes nothing and answers no checks.
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}
  void flush() override {}
  void closed() override {}

 private:
  void post(std::unique_ptr<UnaryCall> call, std::string user);

  engine::Inbox& inbox_;
  Authenticator& authenticator_;
  const std::size_t max_body_bytes_;
};

}  // namespace escrow::rpc
