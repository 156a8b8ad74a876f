// Classes channel (20), access (30, of AMQP 0-8: some clients still ask for a ticket), confirm (85, RabbitMQ's) and tx (90)
// of AMQP 0-9-1.
#pragma once

#include "broker/amqp/method_field.h"

namespace escrow::broker::amqp {

struct ChannelOpen {
  static constexpr MethodId kId{20, 10};
  static constexpr std::string_view kName = "channel.open";

  ShortString reserved_1 = {};

  static constexpr auto fields() { return std::tuple(Field{"reserved-1", &ChannelOpen::reserved_1}); }
  bool operator==(const ChannelOpen&) const = default;
};

struct ChannelOpenOk {
  static constexpr MethodId kId{20, 11};
  static constexpr std::string_view kName = "channel.open-ok";

  LongString reserved_1 = {};

  static constexpr auto fields() { return std::tuple(Field{"reserved-1", &ChannelOpenOk::reserved_1}); }
  bool operator==(const ChannelOpenOk&) const = default;
};

struct ChannelFlow {
  static constexpr MethodId kId{20, 20};
  static constexpr std::string_view kName = "channel.flow";

  bool active = false;

  static constexpr auto fields() { return std::tuple(Field{"active", &ChannelFlow::active}); }
  bool operator==(const ChannelFlow&) const = default;
};

struct ChannelFlowOk {
  static constexpr MethodId kId{20, 21};
  static constexpr std::string_view kName = "channel.flow-ok";

  bool active = false;

  static constexpr auto fields() { return std::tuple(Field{"active", &ChannelFlowOk::active}); }
  bool operator==(const ChannelFlowOk&) const = default;
};

struct ChannelClose {
  static constexpr MethodId kId{20, 40};
  static constexpr std::string_view kName = "channel.close";

  std::uint16_t reply_code = 0;
  ShortString reply_text = {};
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;

  static constexpr auto fields() {
    return std::tuple(Field{"reply-code", &ChannelClose::reply_code}, Field{"reply-text", &ChannelClose::reply_text},
                      Field{"class-id", &ChannelClose::class_id}, Field{"method-id", &ChannelClose::method_id});
  }
  bool operator==(const ChannelClose&) const = default;
};

struct ChannelCloseOk {
  static constexpr MethodId kId{20, 41};
  static constexpr std::string_view kName = "channel.close-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ChannelCloseOk&) const = default;
};

struct AccessRequest {
  static constexpr MethodId kId{30, 10};
  static constexpr std::string_view kName = "access.request";

  ShortString realm = {};
  bool exclusive = false;
  bool passive = false;
  bool active = false;
  bool write = false;
  bool read = false;

  static constexpr auto fields() {
    return std::tuple(Field{"realm", &AccessRequest::realm}, Field{"exclusive", &AccessRequest::exclusive},
                      Field{"passive", &AccessRequest::passive}, Field{"active", &AccessRequest::active},
                      Field{"write", &AccessRequest::write}, Field{"read", &AccessRequest::read});
  }
  bool operator==(const AccessRequest&) const = default;
};

struct AccessRequestOk {
  static constexpr MethodId kId{30, 11};
  static constexpr std::string_view kName = "access.request-ok";

  std::uint16_t ticket = 1;

  static constexpr auto fields() { return std::tuple(Field{"ticket", &AccessRequestOk::ticket}); }
  bool operator==(const AccessRequestOk&) const = default;
};

struct ConfirmSelect {
  static constexpr MethodId kId{85, 10};
  static constexpr std::string_view kName = "confirm.select";

  bool no_wait = false;

  static constexpr auto fields() { return std::tuple(Field{"no-wait", &ConfirmSelect::no_wait}); }
  bool operator==(const ConfirmSelect&) const = default;
};

struct ConfirmSelectOk {
  static constexpr MethodId kId{85, 11};
  static constexpr std::string_view kName = "confirm.select-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ConfirmSelectOk&) const = default;
};

struct TxSelect {
  static constexpr MethodId kId{90, 10};
  static constexpr std::string_view kName = "tx.select";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const TxSelect&) const = default;
};

struct TxSelectOk {
  static constexpr MethodId kId{90, 11};
  static constexpr std::string_view kName = "tx.select-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const TxSelectOk&) const = default;
};

struct TxCommit {
  static constexpr MethodId kId{90, 20};
  static constexpr std::string_view kName = "tx.commit";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const TxCommit&) const = default;
};

struct TxCommitOk {
  static constexpr MethodId kId{90, 21};
  static constexpr std::string_view kName = "tx.commit-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const TxCommitOk&) const = default;
};

struct TxRollback {
  static constexpr MethodId kId{90, 30};
  static constexpr std::string_view kName = "tx.rollback";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const TxRollback&) const = default;
};

struct TxRollbackOk {
  static constexpr MethodId kId{90, 31};
  static constexpr std::string_view kName = "tx.rollback-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const TxRollbackOk&) const = default;
};

}  // namespace escrow::broker::amqp
