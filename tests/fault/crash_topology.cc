#include "tests/fault/crash_topology.h"

#include "base/random.h"
#include "client/cpp/internal/connection.h"

namespace escrow::crash {
namespace {

/// Mostly small; some of them larger than what queues keep within their pages.
std::string body_of(Uid uid) {
  Random random(uid);
  const std::uint64_t size = random.chance(0.02) ? random.below(20'000) : random.below(600);
  std::string body(size, '\0');
  for (char& c : body) c = static_cast<char>(random.next());
  return body;
}

std::string id_of(Uid uid) { return "m" + std::to_string(uid); }

}  // namespace

std::optional<std::string> declare_topology(client::internal::Connection& connection) {
  std::optional<std::string> error;
  const auto call = [&](auto method, const auto& request, auto response) {
    const auto done = connection.call(client::internal::Repeat::kTransient, [&](grpc::ClientContext& context) {
      return (connection.broker().*method)(&context, request, &response);
    });
    if (!done) error = done.error().message;
  };
  using Stub = v1::Broker::Stub;
  const auto exchange = [&](const char* name, v1::ExchangeType type) {
    v1::DeclareExchangeRequest request;
    request.set_exchange(name);
    request.set_type(type);
    call(&Stub::DeclareExchange, request, v1::DeclareExchangeResponse());
  };
  const auto bind = [&](const char* source, const char* key, Queue queue) {
    v1::BindRequest request;
    request.set_source(source);
    request.set_routing_key(key);
    request.set_queue(kQueueNames[queue]);
    call(&Stub::Bind, request, v1::BindResponse());
  };
  exchange("crash.direct", v1::EXCHANGE_TYPE_DIRECT);
  exchange("crash.fan", v1::EXCHANGE_TYPE_FANOUT);
  exchange("crash.topic", v1::EXCHANGE_TYPE_TOPIC);
  for (const Queue queue : {kOrdered, kShared, kLeft, kRight}) {
    v1::DeclareQueueRequest request;
    request.set_queue(kQueueNames[queue]);
    call(&Stub::DeclareQueue, request, v1::DeclareQueueResponse());
  }
  bind("crash.direct", "ordered", kOrdered);
  bind("crash.direct", "shared", kShared);
  bind("crash.fan", "", kLeft);
  bind("crash.fan", "", kRight);
  bind("crash.topic", "a.*", kLeft);
  bind("crash.topic", "#.z", kRight);
  return error;
}

void fill_message(Uid uid, const Route& route, v1::Message& message) {
  message.set_exchange(route.exchange);
  message.set_routing_key(route.key);
  message.set_body(body_of(uid));
  auto& properties = *message.mutable_properties();
  properties.set_message_id(id_of(uid));
  (*properties.mutable_headers()->mutable_fields())["uid"].set_int64_value(uid);
}

std::optional<Uid> read_message(const v1::Message& message) {
  const auto& fields = message.properties().headers().fields();
  const auto header = fields.find("uid");
  if (header == fields.end()) return std::nullopt;
  const auto uid = static_cast<Uid>(header->second.int64_value());
  const bool intact = message.properties().message_id() == id_of(uid) && message.body() == body_of(uid);
  return intact ? std::optional(uid) : std::nullopt;
}

}  // namespace escrow::crash
