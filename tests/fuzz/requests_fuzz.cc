// Requests over gRPC: refused, or turned into a command of the engine. The first byte chooses the method.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "broker/api/broker_codec.h"
#include "broker/api/policies_codec.h"
#include "broker/api/publish_frame.h"
#include "coordinator/api/schedule_codec.h"
#include "coordinator/api/transaction_codec.h"
#include "engine/command.h"
#include "rpc/credentials.h"
#include "rpc/frame.h"
#include "rpc/frame_arena.h"

using namespace escrow;

namespace {

const rpc::Caller kCaller{"fuzzer", 1 << 20};

template <class Request>
void convert(Result<engine::CommandBody> (*to_command)(Request&, const rpc::Caller&), const grpc::ByteBuffer& bytes) {
  rpc::FrameArena arena;
  auto& request = arena.make<Request>();
  if (!rpc::parse(bytes, request)) return;
  if (auto body = to_command(request, kCaller)) {
    const engine::Command command{nullptr, 0, "fuzzer", *std::move(body)};
    static_cast<void>(command.bytes());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const grpc::ByteBuffer bytes = rpc::to_buffer(in);
  switch (data[0] % 18) {
    case 0:
      convert(coordinator::api::to_prepare, bytes);
      break;
    case 1:
      convert(coordinator::api::to_commit, bytes);
      break;
    case 2:
      convert(coordinator::api::to_rollback, bytes);
      break;
    case 3:
      convert(coordinator::api::to_get_transaction, bytes);
      break;
    case 4:
      convert(broker::api::to_declare_exchange, bytes);
      break;
    case 5:
      convert(broker::api::to_delete_exchange, bytes);
      break;
    case 6:
      convert(broker::api::to_declare_queue, bytes);
      break;
    case 7:
      convert(broker::api::to_bind, bytes);
      break;
    case 8:
      convert(broker::api::to_unbind, bytes);
      break;
    case 9:
      convert(broker::api::to_list_queues, bytes);
      break;
    case 10:
      convert(broker::api::to_publish, bytes);
      break;
    case 11:
      static_cast<void>(broker::api::PublishFrame::parse(bytes, kCaller));
      break;
    case 12:
      convert(coordinator::api::to_schedule, bytes);
      break;
    case 13:
      convert(coordinator::api::to_reschedule, bytes);
      break;
    case 14:
      convert(coordinator::api::to_cancel, bytes);
      break;
    case 15:
      convert(coordinator::api::to_get_schedule, bytes);
      break;
    case 17:
      convert(broker::api::to_set_policy, bytes);
      break;
    default:
      static_cast<void>(rpc::parse_basic(in));
      break;
  }
  return 0;
}
