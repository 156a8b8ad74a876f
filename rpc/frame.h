// Bytes of a gRPC message ↔ protobuf.
//
// The services take their requests as bytes and parse them here, not in gRPC, for three reasons: a malformed request is
// INVALID_ARGUMENT (gRPC would say UNIMPLEMENTED, and on a stream take it for the client's end), field tables may be
// nested as deeply as AMQP has them, and the messages can live in an arena of our choice.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace escrow::rpc {

/// MALFORMED when the bytes are no such message. Thread-safe for different arguments, as all functions here.
Result<void> parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message);

/// Whether the repeated field of the message has more than `limit` elements, found without parsing them: an
/// empty element is two bytes here, and eighty when parsed. False for what is no message: parse() tells.
bool has_more_than(const grpc::ByteBuffer& bytes, int field, std::size_t limit);

grpc::ByteBuffer serialize(const google::protobuf::MessageLite& message);
/// A copy of what is already serialized.
grpc::ByteBuffer to_buffer(std::string_view bytes);

}  // namespace escrow::rpc
