// Class basic (60) of AMQP 0-9-1, with RabbitMQ's basic.nack.
#pragma once

#include "broker/amqp/method_field.h"

namespace escrow::broker::amqp {

struct BasicQos {
  static constexpr MethodId kId{60, 10};
  static constexpr std::string_view kName = "basic.qos";

  std::uint32_t prefetch_size = 0;
  std::uint16_t prefetch_count = 0;
  bool global = false;

  static constexpr auto fields() {
    return std::tuple(Field{"prefetch-size", &BasicQos::prefetch_size},
                      Field{"prefetch-count", &BasicQos::prefetch_count}, Field{"global", &BasicQos::global});
  }
  bool operator==(const BasicQos&) const = default;
};

struct BasicQosOk {
  static constexpr MethodId kId{60, 11};
  static constexpr std::string_view kName = "basic.qos-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const BasicQosOk&) const = default;
};

struct BasicConsume {
  static constexpr MethodId kId{60, 20};
  static constexpr std::string_view kName = "basic.consume";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  ShortString consumer_tag = {};
  bool no_local = false;
  bool no_ack = false;
  bool exclusive = false;
  bool no_wait = false;
  FieldTable arguments = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &BasicConsume::reserved_1}, Field{"queue", &BasicConsume::queue},
                      Field{"consumer-tag", &BasicConsume::consumer_tag}, Field{"no-local", &BasicConsume::no_local},
                      Field{"no-ack", &BasicConsume::no_ack}, Field{"exclusive", &BasicConsume::exclusive},
                      Field{"no-wait", &BasicConsume::no_wait}, Field{"arguments", &BasicConsume::arguments});
  }
  bool operator==(const BasicConsume&) const = default;
};

struct BasicConsumeOk {
  static constexpr MethodId kId{60, 21};
  static constexpr std::string_view kName = "basic.consume-ok";

  ShortString consumer_tag = {};

  static constexpr auto fields() { return std::tuple(Field{"consumer-tag", &BasicConsumeOk::consumer_tag}); }
  bool operator==(const BasicConsumeOk&) const = default;
};

struct BasicCancel {
  static constexpr MethodId kId{60, 30};
  static constexpr std::string_view kName = "basic.cancel";

  ShortString consumer_tag = {};
  bool no_wait = false;

  static constexpr auto fields() {
    return std::tuple(Field{"consumer-tag", &BasicCancel::consumer_tag}, Field{"no-wait", &BasicCancel::no_wait});
  }
  bool operator==(const BasicCancel&) const = default;
};

struct BasicCancelOk {
  static constexpr MethodId kId{60, 31};
  static constexpr std::string_view kName = "basic.cancel-ok";

  ShortString consumer_tag = {};

  static constexpr auto fields() { return std::tuple(Field{"consumer-tag", &BasicCancelOk::consumer_tag}); }
  bool operator==(const BasicCancelOk&) const = default;
};

struct BasicPublish {
  static constexpr MethodId kId{60, 40};
  static constexpr std::string_view kName = "basic.publish";
  static constexpr bool kCarriesContent = true;

  std::uint16_t reserved_1 = 0;
  ShortString exchange = {};
  ShortString routing_key = {};
  bool mandatory = false;
  bool immediate = false;

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &BasicPublish::reserved_1}, Field{"exchange", &BasicPublish::exchange},
                      Field{"routing-key", &BasicPublish::routing_key}, Field{"mandatory", &BasicPublish::mandatory},
                      Field{"immediate", &BasicPublish::immediate});
  }
  bool operator==(const BasicPublish&) const = default;
};

struct BasicReturn {
  static constexpr MethodId kId{60, 50};
  static constexpr std::string_view kName = "basic.return";
  static constexpr bool kCarriesContent = true;

  std::uint16_t reply_code = 0;
  ShortString reply_text = {};
  ShortString exchange = {};
  ShortString routing_key = {};

  static constexpr auto fields() {
    return std::tuple(Field{"reply-code", &BasicReturn::reply_code}, Field{"reply-text", &BasicReturn::reply_text},
                      Field{"exchange", &BasicReturn::exchange}, Field{"routing-key", &BasicReturn::routing_key});
  }
  bool operator==(const BasicReturn&) const = default;
};

struct BasicDeliver {
  static constexpr MethodId kId{60, 60};
  static constexpr std::string_view kName = "basic.deliver";
  static constexpr bool kCarriesContent = true;

  ShortString consumer_tag = {};
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  ShortString exchange = {};
  ShortString routing_key = {};

  static constexpr auto fields() {
    return std::tuple(Field{"consumer-tag", &BasicDeliver::consumer_tag},
                      Field{"delivery-tag", &BasicDeliver::delivery_tag},
                      Field{"redelivered", &BasicDeliver::redelivered}, Field{"exchange", &BasicDeliver::exchange},
                      Field{"routing-key", &BasicDeliver::routing_key});
  }
  bool operator==(const BasicDeliver&) const = default;
};

struct BasicGet {
  static constexpr MethodId kId{60, 70};
  static constexpr std::string_view kName = "basic.get";

  std::uint16_t reserved_1 = 0;
  ShortString queue = {};
  bool no_ack = false;

  static constexpr auto fields() {
    return std::tuple(Field{"reserved-1", &BasicGet::reserved_1}, Field{"queue", &BasicGet::queue},
                      Field{"no-ack", &BasicGet::no_ack});
  }
  bool operator==(const BasicGet&) const = default;
};

struct BasicGetOk {
  static constexpr MethodId kId{60, 71};
  static constexpr std::string_view kName = "basic.get-ok";
  static constexpr bool kCarriesContent = true;

  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  ShortString exchange = {};
  ShortString routing_key = {};
  std::uint32_t message_count = 0;

  static constexpr auto fields() {
    return std::tuple(Field{"delivery-tag", &BasicGetOk::delivery_tag}, Field{"redelivered", &BasicGetOk::redelivered},
                      Field{"exchange", &BasicGetOk::exchange}, Field{"routing-key", &BasicGetOk::routing_key},
                      Field{"message-count", &BasicGetOk::message_count});
  }
  bool operator==(const BasicGetOk&) const = default;
};

struct BasicGetEmpty {
  static constexpr MethodId kId{60, 72};
  static constexpr std::string_view kName = "basic.get-empty";

  ShortString reserved_1 = {};

  static constexpr auto fields() { return std::tuple(Field{"reserved-1", &BasicGetEmpty::reserved_1}); }
  bool operator==(const BasicGetEmpty&) const = default;
};

struct BasicAck {
  static constexpr MethodId kId{60, 80};
  static constexpr std::string_view kName = "basic.ack";

  std::uint64_t delivery_tag = 0;
  bool multiple = false;

  static constexpr auto fields() {
    return std::tuple(Field{"delivery-tag", &BasicAck::delivery_tag}, Field{"multiple", &BasicAck::multiple});
  }
  bool operator==(const BasicAck&) const = default;
};

struct BasicReject {
  static constexpr MethodId kId{60, 90};
  static constexpr std::string_view kName = "basic.reject";

  std::uint64_t delivery_tag = 0;
  bool requeue = false;

  static constexpr auto fields() {
    return std::tuple(Field{"delivery-tag", &BasicReject::delivery_tag}, Field{"requeue", &BasicReject::requeue});
  }
  bool operator==(const BasicReject&) const = default;
};

struct BasicRecoverAsync {
  static constexpr MethodId kId{60, 100};
  static constexpr std::string_view kName = "basic.recover-async";

  bool requeue = false;

  static constexpr auto fields() { return std::tuple(Field{"requeue", &BasicRecoverAsync::requeue}); }
  bool operator==(const BasicRecoverAsync&) const = default;
};

struct BasicRecover {
  static constexpr MethodId kId{60, 110};
  static constexpr std::string_view kName = "basic.recover";

  bool requeue = false;

  static constexpr auto fields() { return std::tuple(Field{"requeue", &BasicRecover::requeue}); }
  bool operator==(const BasicRecover&) const = default;
};

struct BasicRecoverOk {
  static constexpr MethodId kId{60, 111};
  static constexpr std::string_view kName = "basic.recover-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const BasicRecoverOk&) const = default;
};

struct BasicNack {
  static constexpr MethodId kId{60, 120};
  static constexpr std::string_view kName = "basic.nack";

  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  bool requeue = false;

  static constexpr auto fields() {
    return std::tuple(Field{"delivery-tag", &BasicNack::delivery_tag}, Field{"multiple", &BasicNack::multiple},
                      Field{"requeue", &BasicNack::requeue});
  }
  bool operator==(const BasicNack&) const = default;
};

}  // namespace escrow::broker::amqp
