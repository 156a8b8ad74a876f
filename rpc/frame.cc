#include "rpc/frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpc/slice.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include "model/field_table.h"
#include "rpc/status.h"

namespace escrow::rpc {
namespace {

/// A level of nesting takes three messages (value, table, entry of the map); around the outermost table there are a few.
constexpr int kRecursionLimit = 3 * static_cast<int>(kMaxTableDepth) + 16;

}  // namespace

Result<void> parse(const grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message) {
  // The reader only reads, but is declared for a buffer that may be consumed.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  google::protobuf::io::CodedInputStream stream(&reader);
  stream.SetRecursionLimit(kRecursionLimit);
  if (reader.status().ok() && message.ParseFromCodedStream(&stream)) return {};
  return malformed("the request is not a valid " + message.GetTypeName());
}

bool has_more_than(const grpc::ByteBuffer& bytes, int field, std::size_t limit) {
  using google::protobuf::internal::WireFormatLite;
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  google::protobuf::io::CodedInputStream stream(&reader);
  std::size_t elements = 0;
  while (const std::uint32_t tag = stream.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) == field && ++elements > limit) return true;
    if (!WireFormatLite::SkipField(&stream, tag)) break;
  }
  return false;
}

grpc::ByteBuffer serialize(const google::protobuf::MessageLite& message) {
  grpc_slice raw = grpc_slice_malloc(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(GRPC_SLICE_START_PTR(raw));
  const grpc::Slice slice(raw, grpc::Slice::STEAL_REF);
  return {&slice, 1};
}

grpc::ByteBuffer to_buffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

}  // namespace escrow::rpc
