// Class exchange (40) of AMQP 0-9-1, with RabbitMQ's bindings between exchanges.
#pragma once

#include "broker/amqp/method_field.h"

namespace escrow::broker::amqp {

struct ExchangeDeclare {
  static constexpr MethodId kId{40, 10};
  static constexpr std::string_view kName = "exchange.declare";

  std::uint16_t reserved_1 = 0;
  ShortString exchange = {};
  ShortString type = {};
  bool passive = false;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  bool no_wait = false;
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &ExchangeDeclare::reserved_1}, Field{"exchange", &ExchangeDeclare::exchange},
                      Field{"type", &ExchangeDeclare::type}, Field{"passive", &ExchangeDeclare::passive},
                      Field{"durable", &ExchangeDeclare::durable}, Field{"auto-delete", &ExchangeDeclare::auto_delete},
                      Field{"internal", &ExchangeDeclare::internal}, Field{"no-wait", &ExchangeDeclare::no_wait},
                      Field{"arguments", &ExchangeDeclare::arguments});
  }
  bool operator==(const ExchangeDeclare&) const = default;
};

struct ExchangeDeclareOk {
  static constexpr MethodId kId{40, 11};
  static constexpr std::string_view kName = "exchange.declare-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ExchangeDeclareOk&) const = default;
};

struct ExchangeDelete {
  static constexpr MethodId kId{40, 20};
  static constexpr std::string_view kName = "exchange.delete";

  std::uint16_t reserved_1 = 0;
  ShortString exchange = {};
  bool if_unused = false;
  bool no_wait = false;

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &ExchangeDelete::reserved_1}, Field{"exchange", &ExchangeDelete::exchange},
                      Field{"if-unused", &ExchangeDelete::if_unused}, Field{"no-wait", &ExchangeDelete::no_wait});
  }
  bool operator==(const ExchangeDelete&) const = default;
};

struct ExchangeDeleteOk {
  static constexpr MethodId kId{40, 21};
  static constexpr std::string_view kName = "exchange.delete-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ExchangeDeleteOk&) const = default;
};

struct ExchangeBind {
  static constexpr MethodId kId{40, 30};
  static constexpr std::string_view kName = "exchange.bind";

  std::uint16_t reserved_1 = 0;
  ShortString destination = {};
  ShortString source = {};
  ShortString routing_key = {};
  bool no_wait = false;
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &ExchangeBind::reserved_1}, Field{"destination", &ExchangeBind::destination},
                      Field{"source", &ExchangeBind::source}, Field{"routing-key", &ExchangeBind::routing_key},
                      Field{"no-wait", &ExchangeBind::no_wait}, Field{"arguments", &ExchangeBind::arguments});
  }
  bool operator==(const ExchangeBind&) const = default;
};

struct ExchangeBindOk {
  static constexpr MethodId kId{40, 31};
  static constexpr std::string_view kName = "exchange.bind-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ExchangeBindOk&) const = default;
};

struct ExchangeUnbind {
  static constexpr MethodId kId{40, 40};
  static constexpr std::string_view kName = "exchange.unbind";

  std::uint16_t reserved_1 = 0;
  ShortString destination = {};
  ShortString source = {};
  ShortString routing_key = {};
  bool no_wait = false;
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &ExchangeUnbind::reserved_1},
                      Field{"destination", &ExchangeUnbind::destination}, Field{"source", &ExchangeUnbind::source},
                      Field{"routing-key", &ExchangeUnbind::routing_key}, Field{"no-wait", &ExchangeUnbind::no_wait},
                      Field{"arguments", &ExchangeUnbind::arguments});
  }
  bool operator==(const ExchangeUnbind&) const = default;
};

struct ExchangeUnbindOk {
  static constexpr MethodId kId{40, 51};
  static constexpr std::string_view kName = "exchange.unbind-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ExchangeUnbindOk&) const = default;
};

}  // namespace escrow::broker::amqp
