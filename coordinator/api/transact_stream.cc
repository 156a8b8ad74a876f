#include "coordinator/api/transact_stream.h"

#include <utility>

#include "coordinator/api/transaction_codec.h"
#include "rpc/frame.h"
#include "rpc/frame_arena.h"
#include "rpc/status.h"

namespace escrow::coordinator::api {
namespace {

using Operation = v1::TransactRequest::Operation;

Result<engine::CommandBody> to_command(Operation& operation, const rpc::Caller& caller) {
  switch (operation.kind_case()) {
    case Operation::kPrepare:
      return to_prepare(*operation.mutable_prepare(), caller);
    case Operation::kCommit:
      return to_commit(*operation.mutable_commit(), caller);
    case Operation::kRollback:
      return to_rollback(*operation.mutable_rollback(), caller);
    case Operation::KIND_NOT_SET:
      break;
  }
  return rpc::malformed("an operation is none that this server knows");
}

void set_result(const engine::Reply& reply, Operation::KindCase kind, v1::TransactResponse::Result& out) {
  if (const auto* prepared = std::get_if<engine::Prepared>(&reply)) {
    *out.mutable_prepare() = to_prepare_response(*prepared);
  } else if (kind == Operation::kCommit) {
    *out.mutable_commit() = to_commit_response(std::get<engine::Decided>(reply));
  } else {
    *out.mutable_rollback() = to_rollback_response(std::get<engine::Decided>(reply));
  }
}

}  // namespace

Result<void> TransactStream::on_frame(const grpc::ByteBuffer& bytes) {
  if (rpc::has_more_than(bytes, v1::TransactRequest::kOperationsFieldNumber, rpc::kMaxOperationsPerFrame)) {
    return rpc::limit_exceeded("operations", rpc::kMaxOperationsPerFrame);
  }
  rpc::FrameArena arena;
  auto& request = arena.make<v1::TransactRequest>();
  if (auto parsed = rpc::parse(bytes, request); !parsed) return parsed;
  const auto count = static_cast<std::size_t>(request.operations_size());

  auto frame = std::make_unique<Frame>();
  frame->operations.reserve(count);
  std::vector<engine::Command> commands;
  commands.reserve(count);
  const rpc::Caller caller{user(), max_body_bytes_};
  for (v1::TransactRequest::Operation& in : *request.mutable_operations()) {
    Operation operation{frame.get(), in.tag(), in.kind_case()};
    Result<engine::CommandBody> body = to_command(in, caller);
    const Result<void> admitted = body ? inbox().admit(*body) : Result<void>(body.error());
    if (!admitted) {
      refuse({operation}, admitted.error());
      continue;
    }
    frame->operations.push_back(operation);
    const auto number = reinterpret_cast<std::uint64_t>(&frame->operations.back());
    commands.push_back({this, number, user(), *std::move(body)});
  }
  if (commands.empty()) return {};
  frame->unanswered = commands.size();
  // From a successful post on, the engine's thread owns it, possibly before post() has returned.
  Frame* const posted = frame.release();
  const Posted result = post(commands, commands.size());
  if (result == Posted::kYes) return {};
  frame.reset(posted);
  if (result == Posted::kEngineFull) refuse(frame->operations, engine::engine_full());
  return {};
}

void TransactStream::refuse(const std::vector<Operation>& operations, const Error& error) {
  v1::TransactResponse response;
  for (const Operation& operation : operations) {
    v1::TransactResponse::Result& result = *response.add_results();
    result.set_tag(operation.tag);
    rpc::to_proto(error, *result.mutable_error());
  }
  const std::scoped_lock lock(mutex());
  output().append(response);
}

void TransactStream::reply(std::uint64_t request, Result<engine::Reply> reply) {
  auto* const operation = reinterpret_cast<Operation*>(request);
  one_result_.Clear();
  v1::TransactResponse::Result& result = *one_result_.add_results();
  result.set_tag(operation->tag);
  if (reply) {
    set_result(*reply, operation->kind, result);
  } else {
    rpc::to_proto(reply.error(), *result.mutable_error());
  }
  gathered().append(one_result_);
  count_answered();
  if (--operation->frame->unanswered == 0) delete operation->frame;
}

}  // namespace escrow::coordinator::api
