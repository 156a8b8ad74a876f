#include "coordinator/api/checkbacks_stream.h"

#include <utility>

#include "coordinator/api/transaction_codec.h"
#include "rpc/frame.h"
#include "rpc/frame_arena.h"
#include "rpc/server_limits.h"
#include "rpc/status.h"

namespace escrow::coordinator::api {
namespace {

/// Other commands of the stream are not answered.
constexpr std::uint64_t kOpen = 1;
constexpr std::uint32_t kDefaultMaxInFlight = 100;

}  // namespace

Result<void> CheckbacksStream::on_frame(const grpc::ByteBuffer& bytes) {
  rpc::FrameArena arena;
  auto& request = arena.make<v1::CheckbacksRequest>();
  if (auto parsed = rpc::parse(bytes, request); !parsed) return parsed;
  if (request.has_open() == open_sent_) {
    return rpc::malformed("the first frame must be 'open', and no other can be");
  }
  switch (request.kind_case()) {
    case v1::CheckbacksRequest::kOpen:
      return open(request.open());
    case v1::CheckbacksRequest::kReceipt: {
      const std::scoped_lock lock(mutex());
      post_unanswered(engine::CheckReceipt{request.receipt().check_id()});
      return {};
    }
    case v1::CheckbacksRequest::kAnswer: {
      engine::CheckAnswer answer = to_check_answer(request.answer());
      const std::scoped_lock lock(mutex());
      post_unanswered(std::move(answer));
      return {};
    }
    case v1::CheckbacksRequest::KIND_NOT_SET:
      break;
  }
  return rpc::malformed("a frame is none that this server knows");
}

Result<void> CheckbacksStream::open(const v1::CheckbacksRequest::Open& open) {
  open_sent_ = true;
  if (open.group().size() > kMaxKeyBytes) return rpc::limit_exceeded("group_bytes", kMaxKeyBytes);
  const std::uint32_t max_in_flight = open.max_in_flight() == 0 ? kDefaultMaxInFlight : open.max_in_flight();
  engine::Command command{this, kOpen, user(), engine::OpenCheckbacks{open.group(), max_in_flight}};
  if (post({&command, 1}, 1) == Posted::kEngineFull) return engine::engine_full();
  return {};
}

void CheckbacksStream::reply(std::uint64_t request, Result<engine::Reply> reply) {
  // A receipt or an answer that fails came too late: the server has moved on, and asks again if it wants to know.
  if (request != kOpen) return;
  count_answered();
  if (!reply) return fail(reply.error());
  v1::CheckbacksResponse opened;
  opened.mutable_opened();
  gathered().put(opened);
}

void CheckbacksStream::check(const engine::Check& check) {
  {
    const std::scoped_lock lock(mutex());
    // The producer does not read. What it does not receive does not count, and is asked again.
    if (output().bytes() + gathered().bytes() >= rpc::kMaxUnwrittenBytes) return;
  }
  gathered().put(to_check(check));
}

}  // namespace escrow::coordinator::api
