#include "rpc/unary.h"

#include <grpc/support/time.h>

#include <optional>
#include <utility>

#include "rpc/status.h"

namespace escrow::rpc {
namespace {

/// "127.0.0.1:40522", "[::1]:40522"; of gRPC's "ipv4:127.0.0.1:40522", "ipv6:%5B::1%5D:40522".
std::string peer(const grpc::ServerContextBase& context) {
  std::string out = context.peer();
  out.erase(0, out.find(':') + 1);
  for (const auto& [escaped, plain] : {std::pair{"%5B", "["}, {"%5D", "]"}}) {
    if (const std::size_t at = out.find(escaped); at != std::string::npos) out.replace(at, 3, plain);
  }
  return out;
}

}  // namespace

std::string_view authorization(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("authorization");
  if (it == metadata.end()) return {};
  return {it->second.data(), it->second.size()};
}

void report_refused(const Authenticator& authenticator, const grpc::ServerContextBase& context, const Error& error) {
  authenticator.report_refused(authorization(context), peer(context), error);
}

void UnaryCall::accept(CallQueue& queue, const UnaryEndpoint& endpoint) {
  auto* const call = new UnaryCall(queue, endpoint);
  endpoint.request(&call->context_, &call->request_, &call->writer_, queue.grpc(), queue.grpc(), call->tag());
}

void UnaryCall::completed(bool ok) {
  order_.reacting();
  if (ended_ || !ok) {  // it has ended, or none came before the server was shut down
    delete this;
    return;
  }
  accept(queue(), endpoint_);
  endpoint_.serve(*this);
}

bool UnaryCall::expired() const {
  const gpr_timespec deadline = context_.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) >= 0) return false;
  return gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) <= 0;
}

void UnaryCall::finish(const grpc::ByteBuffer& response) {
  ended_ = true;
  order_.starting();
  writer_.Finish(response, grpc::Status::OK, tag());
}

void UnaryCall::fail(const Error& error) {
  ended_ = true;
  order_.starting();
  writer_.FinishWithError(to_status(error), tag());
}

void with_user(Authenticator& authenticator, UnaryCall& call,
               std::function<void(UnaryCall& call, std::string user)> next) {
  authenticator.verify(call.authorization(),
                       [&authenticator, &call, next = std::move(next)](Authenticator::Verdict verdict) {
                         if (verdict) return next(call, *std::move(verdict));
                         report_refused(authenticator, call.context(), verdict.error());
                         call.fail(verdict.error());
                       });
}

UnaryEndpoint UnaryPort::endpoint(RequestUnary request, const UnaryMethod& method) {
  return {std::move(request), [this](UnaryCall& call) { serve(call); }, &method};
}

void UnaryPort::serve(UnaryCall& call) {
  std::optional<Authenticator::Verdict> user = authenticator_.known(call.authorization());
  if (!user) {
    with_user(authenticator_, call, [this](UnaryCall& waited, std::string name) { post(waited, std::move(name)); });
  } else if (*user) {
    post(call, **std::move(user));
  } else {
    report_refused(authenticator_, call.context(), user->error());
    call.fail(user->error());
  }
}

void UnaryPort::post(UnaryCall& call, std::string user) {
  if (call.expired()) return call.fail(deadline_exceeded());
  Result<engine::CommandBody> body = call.method().to_command(call.request(), {user, max_body_bytes_});
  if (!body) return call.fail(body.error());
  if (auto admitted = inbox_.admit(*body); !admitted) return call.fail(admitted.error());
  engine::Command command{this, reinterpret_cast<std::uint64_t>(&call), std::move(user), *std::move(body)};
  // From a successful post on, reply() ends it, possibly before try_post has returned.
  if (!inbox_.try_post(std::move(command))) call.fail(engine::engine_full());
}

void UnaryPort::reply(std::uint64_t request, Result<engine::Reply> reply) {
  UnaryCall& call = *reinterpret_cast<UnaryCall*>(request);
  if (!reply) return call.fail(reply.error());
  const Result<grpc::ByteBuffer> response = call.method().to_response(*reply);
  if (!response) return call.fail(response.error());
  call.finish(*response);
}

}  // namespace escrow::rpc
