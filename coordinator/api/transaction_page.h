// ListTransactions: request → page of the store → response.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "base/clock.h"
#include "base/result.h"
#include "escrow/v1/coordinator.pb.h"
#include "storage/store.h"

namespace escrow::coordinator::api {

/// Any thread; waits for the disk. Whether a transaction waits for a producer is what only the engine knows: it is not
/// told here, but by GetTransaction.
Result<v1::ListTransactionsResponse> list_transactions(const Store& store, const grpc::ByteBuffer& request,
                                                       Timestamp now);

}  // namespace escrow::coordinator::api
