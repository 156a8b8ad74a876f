#include "rpc/server_limits.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/resource_quota.h>

namespace escrow::rpc {
namespace {

int to_ms(std::chrono::milliseconds duration) { return static_cast<int>(duration.count()); }

}  // namespace

void apply(const ServerLimits& limits, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.request_bytes()));
  grpc::ResourceQuota quota("received");
  quota.Resize(kMaxReceivedBytes);
  builder.SetResourceQuota(quota);
  builder.SetMaxSendMessageSize(-1);  // what was taken is given back
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, to_ms(kMinPingInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, to_ms(kKeepaliveInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, to_ms(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // By default gRPC would let two servers share the port, and each would get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace escrow::rpc
