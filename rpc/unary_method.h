// Makes a UnaryMethod out of two conversions that know nothing of gRPC:
//
//   Result<engine::CommandBody> to_command(v1::PrepareRequest& request, const Caller& caller);
//   v1::PrepareResponse to_response(const engine::Prepared& reply);
//                                                              or Result<v1::…>, when the reply can mean an error
//   constexpr UnaryMethod kPrepare = kUnaryMethod<to_command, to_response>;
#pragma once

#include <utility>
#include <variant>

#include "base/invariant.h"
#include "rpc/frame.h"
#include "rpc/frame_arena.h"
#include "rpc/unary.h"

namespace escrow::rpc {

namespace detail {

template <class Request, Result<engine::CommandBody> (*kToCommand)(Request&, const Caller&)>
Result<engine::CommandBody> parse_and_convert(const grpc::ByteBuffer& bytes, const Caller& caller) {
  FrameArena arena;
  auto& request = arena.make<Request>();
  if (auto parsed = parse(bytes, request); !parsed) return std::move(parsed).error();
  return kToCommand(request, caller);
}

template <class Response>
Result<grpc::ByteBuffer> serialize_result(const Response& response) {
  return serialize(response);
}
template <class Response>
Result<grpc::ByteBuffer> serialize_result(const Result<Response>& response) {
  if (!response) return response.error();
  return serialize(*response);
}

template <class Response, class Expected, Response (*kToResponse)(const Expected&)>
Result<grpc::ByteBuffer> convert_and_serialize(const engine::Reply& reply) {
  const auto* expected = std::get_if<Expected>(&reply);
  ESCROW_INVARIANT(expected != nullptr, "each command has one type of reply");
  return serialize_result(kToResponse(*expected));
}

template <auto kToCommand, auto kToResponse>
struct UnaryMethodOf;

template <class Request, class Response, class Expected,
          Result<engine::CommandBody> (*kToCommand)(Request&, const Caller&), Response (*kToResponse)(const Expected&)>
struct UnaryMethodOf<kToCommand, kToResponse> {
  static constexpr UnaryMethod kValue{&parse_and_convert<Request, kToCommand>,
                                      &convert_and_serialize<Response, Expected, kToResponse>};
};

}  // namespace detail

template <auto kToCommand, auto kToResponse>
inline constexpr UnaryMethod kUnaryMethod = detail::UnaryMethodOf<kToCommand, kToResponse>::kValue;

}  // namespace escrow::rpc
