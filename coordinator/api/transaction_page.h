// ListTransactions and the List of schedules: request → page of the store → response.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "base/clock.h"
#include "base/result.h"
#include "storage/store.h"

namespace escrow::coordinator::api {

// Any thread; they wait for the disk.

/// Whether a transaction waits for a producer is what only the engine knows: it is not
/// told here, but by GetTransaction.
Result<grpc::ByteBuffer> list_transactions(const Store& store, const grpc::ByteBuffer& request, Timestamp now);
Result<grpc::ByteBuffer> list_schedules(const Store& store, const grpc::ByteBuffer& request);

}  // namespace escrow::coordinator::api
