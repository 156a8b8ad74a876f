// What a gRPC server of Escrow takes from its clients at most, all in one place.
//
//   limit                                    default              who goes beyond it
//   message body                             16 MiB               INVALID_ARGUMENT, LIMIT_EXCEEDED (message_bytes)
//   transaction                              message + 512 KiB,   INVALID_ARGUMENT, LIMIT_EXCEEDED (transaction_bytes)
//                                            at least 16 MiB
//   request or frame                         two transactions     RESOURCE_EXHAUSTED by gRPC itself, without details;
//                                            + 1 MiB              what is a bit too large gets the answers above
//   requests and frames that are being read  256 MiB              RESOURCE_EXHAUSTED by gRPC itself, or waits
//   metadata of a call                       16 KiB               RESOURCE_EXHAUSTED by gRPC itself
//   calls at once on one connection          1,000                wait in the client
//   streams at once, all connections         10,000               RESOURCE_EXHAUSTED, LIMIT_EXCEEDED (streams)
//   operations of a stream without answer    16,384               the server stops reading the stream
//   output a stream has not taken yet        1 MiB                the server stops reading the stream
//   pings without data, one every            10 s                 connection closed (ENHANCE_YOUR_CALM)
//   silence of a connection                  60 s + 20 s          pinged; connection closed without an answer
#pragma once

#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "coordinator/core/rules.h"

namespace escrow::rpc {

inline constexpr std::size_t kFrameOverheadBytes = 1 << 20;
/// What a message has besides its body: properties, the largest headers, names.
inline constexpr std::size_t kMessageOverheadBytes = 512 << 10;

struct ServerLimits {
  std::size_t message_bytes = 16 << 20;

  std::size_t transaction_bytes() const {
    return std::max(coordinator::kMaxTransactionBytes, message_bytes + kMessageOverheadBytes);
  }
  std::size_t request_bytes() const { return 2 * transaction_bytes() + kFrameOverheadBytes; }
};

inline constexpr std::size_t kMaxReceivedBytes = 256 << 20;
inline constexpr int kMaxMetadataBytes = 16 << 10;
inline constexpr int kMaxCallsPerConnection = 1000;
inline constexpr std::size_t kMaxStreams = 10'000;
inline constexpr std::size_t kMaxOperationsInFlight = 16'384;
inline constexpr std::size_t kMaxUnwrittenBytes = 1 << 20;
/// Answers are brought together in frames of this size; one answer that is larger goes alone. Below what clients of gRPC
/// accept by default (4 MiB).
inline constexpr std::size_t kFrameBytes = 256 << 10;
inline constexpr std::size_t kMaxOperationsPerFrame = 1000;
inline constexpr std::chrono::milliseconds kMinPingInterval{10'000};
inline constexpr std::chrono::milliseconds kKeepaliveInterval{60'000};
inline constexpr std::chrono::milliseconds kKeepaliveTimeout{20'000};

/// Sets the limits that gRPC keeps, and that a port is not shared with another process.
void apply(const ServerLimits& limits, grpc::ServerBuilder& builder);

}  // namespace escrow::rpc
