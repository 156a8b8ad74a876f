#include "rpc/service.h"

namespace escrow::rpc {

void Service::accept(CallQueue& queue) {
  for (const UnaryEndpoint& endpoint : unary_endpoints_) UnaryCall::accept(queue, endpoint);
  for (const StreamEndpoint& endpoint : stream_endpoints_) Stream::accept(queue, endpoint);
}

}  // namespace escrow::rpc
