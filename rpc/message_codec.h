// Messages and their properties: protobuf ↔ model. Properties become the encoded form that everything below keeps.
//
//   v1.Properties                  AMQP 0-9-1
//   persistent: unset, true        delivery-mode 2
//   persistent: false              delivery-mode 1; also what a message without delivery-mode is delivered with
//   timestamp                      whole seconds
//   user_id                        must be empty or the caller's name; empty is absent
//   –                              cluster-id: deprecated by AMQP, not delivered here
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "base/result.h"
#include "escrow/v1/message.pb.h"
#include "model/message.h"
#include "model/properties.h"

namespace escrow::rpc {

/// Who sends, and what may be sent.
struct Caller {
  std::string_view user;
  std::size_t max_body_bytes = 16 << 20;
};

/// Strings of a request whose properties are encoded for views: they do not move.
using EncodedProperties = std::deque<std::string>;

// Each rejects with MALFORMED or LIMIT_EXCEEDED.

/// Moves exchange, routing key, body out of `message`.
Result<Message> to_model(v1::Message& message, const Caller& caller);
/// The view points into `message`, and into a string that may be added to `encoded`.
Result<MessageView> to_view(const v1::Message& message, const Caller& caller, EncodedProperties& encoded);

/// With `vhost`, which the messages of a queue do not carry. What is in the store has passed one of the functions above,
/// or the same checks of AMQP; properties that cannot be read all the same are left out.
void to_proto(const MessageView& message, std::string_view vhost, v1::Message& out);
void to_proto(const Properties& properties, v1::Properties& out);

}  // namespace escrow::rpc
