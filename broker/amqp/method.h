// Every method of AMQP 0-9-1 as RabbitMQ speaks it, and the one list of them.
#pragma once

#include <cstddef>

#include "broker/amqp/basic_methods.h"
#include "broker/amqp/channel_methods.h"
#include "broker/amqp/connection_methods.h"
#include "broker/amqp/exchange_methods.h"
#include "broker/amqp/queue_methods.h"

namespace escrow::broker::amqp {

/// Names a method where there is none yet.
template <class M>
struct MethodType {};

template <class... M>
struct MethodList {
  static constexpr std::size_t kSize = sizeof...(M);

  /// Calls visit(MethodType<M>()) for one method after the other until it returns true; returns whether it did.
  template <class Visitor>
  static constexpr bool any(Visitor&& visit) {
    return (visit(MethodType<M>()) || ...);
  }
};

/// Dispatch asks in this order, so what a busy connection sends comes first.
using Methods =
    MethodList<BasicPublish, BasicAck, BasicNack, BasicReject, BasicQos, BasicQosOk, BasicConsume, BasicConsumeOk,
               BasicCancel, BasicCancelOk, BasicReturn, BasicDeliver, BasicGet, BasicGetOk, BasicGetEmpty,
               BasicRecoverAsync, BasicRecover, BasicRecoverOk, QueueDeclare, QueueDeclareOk, QueueBind, QueueBindOk,
               QueuePurge, QueuePurgeOk, QueueDelete, QueueDeleteOk, QueueUnbind, QueueUnbindOk, ExchangeDeclare,
               ExchangeDeclareOk, ExchangeDelete, ExchangeDeleteOk, ExchangeBind, ExchangeBindOk, ExchangeUnbind,
               ExchangeUnbindOk, ChannelOpen, ChannelOpenOk, ChannelFlow, ChannelFlowOk, ChannelClose, ChannelCloseOk,
               AccessRequest, AccessRequestOk, ConfirmSelect, ConfirmSelectOk, TxSelect, TxSelectOk, TxCommit,
               TxCommitOk, TxRollback, TxRollbackOk, ConnectionStart, ConnectionStartOk, ConnectionSecure,
               ConnectionSecureOk, ConnectionTune, ConnectionTuneOk, ConnectionOpen, ConnectionOpenOk, ConnectionClose,
               ConnectionCloseOk, ConnectionBlocked, ConnectionUnblocked, ConnectionUpdateSecret,
               ConnectionUpdateSecretOk>;

}  // namespace escrow::broker::amqp
