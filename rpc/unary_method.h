// Makes a UnaryMethod out of two conversions that know nothing of gRPC:
//
//   Result<engine::CommandBody> to_command(v1::PrepareRequest& request, const Caller& caller);
//   v1::PrepareResponse to_response(const engine::Prepared& reply);
//   constexpr UnaryMethod kPrepare = kUnaryMethod<to_command, to_response>;
#pragma once

#include <google/protobuf/arena.h>

#include <array>
#include <cstddef>
#include <variant>

#include "base/invariant.h"
#include "rpc/frame.h"
#include "rpc/unary.h"

namespace escrow::rpc {

/// An arena that most requests fit into without a visit to the heap. Lives on the stack.
class ScratchArena {
 public:
  ScratchArena() : arena_(block_.data(), block_.size()) {}

  template <class Message>
  Message& make() {
    return *google::protobuf::Arena::CreateMessage<Message>(&arena_);
  }

 private:
  alignas(std::max_align_t) std::array<char, 4096> block_;
  google::protobuf::Arena arena_;
};

namespace detail {

template <class Request, Result<engine::CommandBody> (*kToCommand)(Request&, const Caller&)>
Result<engine::CommandBody> parse_and_convert(const grpc::ByteBuffer& bytes, const Caller& caller) {
  ScratchArena scratch;
  auto& request = scratch.make<Request>();
  if (auto parsed = parse(bytes, request); !parsed) return std::move(parsed).error();
  return kToCommand(request, caller);
}

template <class Response, class Expected, Response (*kToResponse)(const Expected&)>
grpc::ByteBuffer convert_and_serialize(const engine::Reply& reply) {
  const auto* expected = std::get_if<Expected>(&reply);
  ESCROW_INVARIANT(expected != nullptr, "each command has one type of reply");
  return serialize(kToResponse(*expected));
}

template <auto kToCommand, auto kToResponse>
struct UnaryMethodOf;

template <class Request, class Response, class Expected,
          Result<engine::CommandBody> (*kToCommand)(Request&, const Caller&),
          Response (*kToResponse)(const Expected&)>
struct UnaryMethodOf<kToCommand, kToResponse> {
  static constexpr UnaryMethod kValue{&parse_and_convert<Request, kToCommand>,
                                      &convert_and_serialize<Response, Expected, kToResponse>};
};

}  // namespace detail

template <auto kToCommand, auto kToResponse>
inline constexpr UnaryMethod kUnaryMethod = detail::UnaryMethodOf<kToCommand, kToResponse>::kValue;

}  // namespace escrow::rpc
