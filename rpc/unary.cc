#include "rpc/unary.h"

#include <grpc/support/time.h>

#include <optional>
#include <utility>

#include "rpc/status.h"

namespace escrow::rpc {

std::string_view authorization(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("authorization");
  if (it == metadata.end()) return {};
  return {it->second.data(), it->second.size()};
}

bool UnaryCall::expired() const {
  const gpr_timespec deadline = context_.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) >= 0) return false;
  return gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) <= 0;
}

void UnaryCall::finish(const grpc::ByteBuffer& response) {
  response_ = response;
  reactor_.Finish(grpc::Status::OK);
}

void UnaryCall::fail(const Error& error) { reactor_.Finish(to_status(error)); }

void with_user(Authenticator& authenticator, std::unique_ptr<UnaryCall> call,
               std::function<void(std::unique_ptr<UnaryCall>, std::string user)> next) {
  // A std::function has to be copyable, so it cannot own the call.
  UnaryCall* const waiting = call.release();
  authenticator.verify(waiting->authorization(),
                       [waiting, next = std::move(next)](Authenticator::Verdict verdict) {
                         std::unique_ptr<UnaryCall> authenticated(waiting);
                         if (!verdict) return authenticated->fail(verdict.error());
                         next(std::move(authenticated), *std::move(verdict));
                       });
}

grpc::ServerUnaryReactor* UnaryPort::serve(grpc::CallbackServerContext& context, const grpc::ByteBuffer& request,
                                           grpc::ByteBuffer& response, const UnaryMethod& method) {
  auto call = std::make_unique<UnaryCall>(context, request, response, &method);
  grpc::ServerUnaryReactor* const reactor = &call->reactor();
  if (std::optional<Authenticator::Verdict> user = authenticator_.known(call->authorization())) {
    if (*user) {
      post(std::move(call), **std::move(user));
    } else {
      call->fail(user->error());
    }
  } else {
    with_user(authenticator_, std::move(call), [this](std::unique_ptr<UnaryCall> authenticated, std::string name) {
      post(std::move(authenticated), std::move(name));
    });
  }
  return reactor;
}

void UnaryPort::post(std::unique_ptr<UnaryCall> call, std::string user) {
  if (call->expired()) return call->fail(deadline_exceeded());
  Result<engine::CommandBody> body = call->method().to_command(call->request(), {user, max_body_bytes_});
  if (!body) return call->fail(body.error());
  UnaryCall* const posted = call.get();
  engine::Command command{this, reinterpret_cast<std::uint64_t>(posted), std::move(user), *std::move(body)};
  // From a successful post on, reply() owns it, possibly before try_post has returned.
  static_cast<void>(call.release());
  if (!inbox_.try_post(std::move(command))) {
    const std::unique_ptr<UnaryCall> refused(posted);
    refused->fail(engine::engine_full());
  }
}

void UnaryPort::reply(std::uint64_t request, Result<engine::Reply> reply) {
  const std::unique_ptr<UnaryCall> call(reinterpret_cast<UnaryCall*>(request));
  if (!reply) return call->fail(reply.error());
  const Result<grpc::ByteBuffer> response = call->method().to_response(*reply);
  if (!response) return call->fail(response.error());
  call->finish(*response);
}

}  // namespace escrow::rpc
