// Class queue (50) of AMQP 0-9-1.
#pragma once

#include "broker/amqp/method_field.h"

namespace escrow::broker::amqp {

struct QueueDeclare {
  static constexpr MethodId kId{50, 10};
  static constexpr std::string_view kName = "queue.declare";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  bool passive = false;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  bool no_wait = false;
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &QueueDeclare::reserved_1}, Field{"queue", &QueueDeclare::queue},
                      Field{"passive", &QueueDeclare::passive}, Field{"durable", &QueueDeclare::durable},
                      Field{"exclusive", &QueueDeclare::exclusive}, Field{"auto-delete", &QueueDeclare::auto_delete},
                      Field{"no-wait", &QueueDeclare::no_wait}, Field{"arguments", &QueueDeclare::arguments});
  }
  bool operator==(const QueueDeclare&) const = default;
};

struct QueueDeclareOk {
  static constexpr MethodId kId{50, 11};
  static constexpr std::string_view kName = "queue.declare-ok";

  ShortString queue = {};
  std::uint32_t message_count = 0;
  std::uint32_t consumer_count = 0;

  static constexpr auto fields() {
    return std::tuple(Field{"queue", &QueueDeclareOk::queue}, Field{"message-count", &QueueDeclareOk::message_count},
                      Field{"consumer-count", &QueueDeclareOk::consumer_count});
  }
  bool operator==(const QueueDeclareOk&) const = default;
};

struct QueueBind {
  static constexpr MethodId kId{50, 20};
  static constexpr std::string_view kName = "queue.bind";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  ShortString exchange = {};
  ShortString routing_key = {};
  bool no_wait = false;
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &QueueBind::reserved_1}, Field{"queue", &QueueBind::queue},
                      Field{"exchange", &QueueBind::exchange}, Field{"routing-key", &QueueBind::routing_key},
                      Field{"no-wait", &QueueBind::no_wait}, Field{"arguments", &QueueBind::arguments});
  }
  bool operator==(const QueueBind&) const = default;
};

struct QueueBindOk {
  static constexpr MethodId kId{50, 21};
  static constexpr std::string_view kName = "queue.bind-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const QueueBindOk&) const = default;
};

struct QueuePurge {
  static constexpr MethodId kId{50, 30};
  static constexpr std::string_view kName = "queue.purge";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  bool no_wait = false;

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &QueuePurge::reserved_1}, Field{"queue", &QueuePurge::queue},
                      Field{"no-wait", &QueuePurge::no_wait});
  }
  bool operator==(const QueuePurge&) const = default;
};

struct QueuePurgeOk {
  static constexpr MethodId kId{50, 31};
  static constexpr std::string_view kName = "queue.purge-ok";

  std::uint32_t message_count = 0;

  static constexpr auto fields() { return std::tuple(Field{"message-count", &QueuePurgeOk::message_count}); }
  bool operator==(const QueuePurgeOk&) const = default;
};

struct QueueDelete {
  static constexpr MethodId kId{50, 40};
  static constexpr std::string_view kName = "queue.delete";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  bool if_unused = false;
  bool if_empty = false;
  bool no_wait = false;

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &QueueDelete::reserved_1}, Field{"queue", &QueueDelete::queue},
                      Field{"if-unused", &QueueDelete::if_unused}, Field{"if-empty", &QueueDelete::if_empty},
                      Field{"no-wait", &QueueDelete::no_wait});
  }
  bool operator==(const QueueDelete&) const = default;
};

struct QueueDeleteOk {
  static constexpr MethodId kId{50, 41};
  static constexpr std::string_view kName = "queue.delete-ok";

  std::uint32_t message_count = 0;

  static constexpr auto fields() { return std::tuple(Field{"message-count", &QueueDeleteOk::message_count}); }
  bool operator==(const QueueDeleteOk&) const = default;
};

struct QueueUnbind {
  static constexpr MethodId kId{50, 50};
  static constexpr std::string_view kName = "queue.unbind";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  ShortString exchange = {};
  ShortString routing_key = {};
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &QueueUnbind::reserved_1}, Field{"queue", &QueueUnbind::queue},
                      Field{"exchange", &QueueUnbind::exchange}, Field{"routing-key", &QueueUnbind::routing_key},
                      Field{"arguments", &QueueUnbind::arguments});
  }
  bool operator==(const QueueUnbind&) const = default;
};

struct QueueUnbindOk {
  static constexpr MethodId kId{50, 51};
  static constexpr std::string_view kName = "queue.unbind-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const QueueUnbindOk&) const = default;
};

}  // namespace escrow::broker::amqp
