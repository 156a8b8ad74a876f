#include "broker/amqp/channel.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "broker/amqp/session.h"
#include "broker/core/broker.h"
#include "broker/core/field_text.h"
#include "broker/core/names.h"

namespace escrow::broker::amqp {
namespace {

/// x-priority; 0 without one. What is beyond 32 bits is their end.
Result<std::int32_t> priority_of(const FieldTable& arguments, std::string_view queue, std::string_view vhost) {
  using Bounds = std::numeric_limits<std::int32_t>;
  const FieldValue* const priority = arguments.find("x-priority");
  if (priority == nullptr) return 0;
  if (priority->is_integer()) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(priority->as_integer(), Bounds::min(), Bounds::max()));
  }
  return Error{ErrorCode::kInvalidArgument,
               "ARGUMENT_INVALID",
               "invalid arg 'x-priority' for " + describe("queue", queue, vhost) + ": \"expected integer, got " +
                   std::string(type_name(*priority)) + '"',
               {{"argument", "x-priority"}}};
}

ProtocolError unimplemented() { return {ReplyCode::kCommandInvalid, "unimplemented method"}; }

ReplyCode reply_code(const Error& error) {
  if (error.reason == "QUEUE_LOCKED") return ReplyCode::kResourceLocked;
  if (error.reason == "EXCHANGE_TYPE_UNKNOWN") return ReplyCode::kCommandInvalid;
  switch (error.code) {
    case ErrorCode::kNotFound:
      return ReplyCode::kNotFound;
    case ErrorCode::kPermissionDenied:
      return ReplyCode::kAccessRefused;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kResourceExhausted:
      return ReplyCode::kPreconditionFailed;
    default:
      return ReplyCode::kInternalError;
  }
}

}  // namespace

Channel::Channel(Session& session, std::uint16_t number, ChannelId id, std::uint16_t incarnation)
    : session_(session),
      number_(number),
      id_(id),
      incarnation_(incarnation),
      request_base_(std::uint64_t{number} << 48 | std::uint64_t{incarnation} << 32) {}

Channel::~Channel() {
  for (const auto& [tag, consumer] : consumers_) session_.consumers_.erase(consumer.id);
  for (const Pending& pending : pending_) session_.consumers_.erase(pending.cancels);
}

Result<void, ProtocolError> Channel::method(std::string_view payload) {
  if (has_content()) return expected(content_.stage == Content::Stage::kHeader ? Expected::kHeader : Expected::kBody);
  MethodId id;
  Outcome outcome = visit_method(payload, [&]<class M>(M&& method) -> Outcome {
    id = std::remove_cvref_t<M>::kId;
    using Plain = std::remove_cvref_t<M>;
    if constexpr (std::is_same_v<Plain, ChannelCloseOk>) {
      if (state_ == State::kOpen) return unimplemented();
      state_ = State::kClosed;
      return {};
    } else if constexpr (!std::is_same_v<Plain, ChannelClose>) {
      if (!ready()) return {};  // until the other side says close-ok, all it says is passed over
    }
    return on(method);
  });
  if (outcome || outcome.error().code != ReplyCode::kNotImplemented) return outcome;
  fail(outcome.error().code, outcome.error().text, id);
  return {};
}

template <class M>
Result<void, ProtocolError> Channel::on(const M&) {
  if constexpr (std::is_same_v<M, ChannelOpen>) {
    return ProtocolError{ReplyCode::kChannelError, "second 'channel.open' seen"};
  } else {
    return unimplemented();
  }
}

template <class M>
void Channel::say(const M& method) {
  session_.flush_publishing();
  if (pending_.empty()) return session_.say(number_, method);
  Pending& pending = pending_.emplace_back();
  pending.request = next_request();
  pending.answered = true;
  encode_method(number_, method, pending.bytes);
}

template void Channel::say(const QueueDeclareOk&);  // of channel_topology.cc

void Channel::ask(ClientCommand command, MethodId method, bool silent, std::string name) {
  session_.flush_publishing();  // it has the lower number, for the order of answers and errors
  const std::uint64_t request = next_request();
  Pending& pending = pending_.emplace_back();
  pending.request = request;
  pending.method = method;
  pending.silent = silent;
  pending.name = std::move(name);
  if (method == BasicConsume::kId) ++consumes_;
  session_.post(request, std::move(command), scope_);
}

void Channel::tell(ClientCommand command, Settles method) {
  session_.flush_publishing();
  session_.post(next_request(method), std::move(command), scope_);
}

MethodId Channel::settling_method(std::uint64_t request) {
  switch (static_cast<Settles>(request & ((1U << kSettlesBits) - 1))) {
    case Settles::kReject:
      return BasicReject::kId;
    case Settles::kNack:
      return BasicNack::kId;
    default:
      return BasicAck::kId;
  }
}

std::optional<Error> Channel::refusal(Right right, std::string_view what, std::string_view name) const {
  if (session_.permits(right, name.empty() && what == "exchange" ? "amq.default" : name)) return std::nullopt;
  return Error{ErrorCode::kPermissionDenied,
               "PERMISSION_DENIED",
               std::string(amqp::name(right)) + " access to " + describe(what, name, session_.vhost()) +
                   " refused for user '" + session_.user() + "'",
               {}};
}

bool Channel::permitted(Right right, std::string_view what, std::string_view name, MethodId method) {
  const std::optional<Error> refused = refusal(right, what, name);
  if (refused) fail(*refused, method);
  return !refused;
}

void Channel::fail(const Error& error, MethodId method) { fail(reply_code(error), error.message, method); }

void Channel::fail(ReplyCode code, std::string_view text, MethodId method) {
  if (!ready()) return;
  if (!is_hard(code)) return close(code, text, method);
  session_.flush_publishing();
  if (pending_.empty()) return session_.fail(code, text, method);
  // The connection ends when everything before it was answered.
  state_ = State::kClosing;
  content_ = {};
  Pending& pending = pending_.emplace_back();
  pending.method = method;
  pending.answered = true;
  pending.hard = {code, std::string(text)};
}

void Channel::close(ReplyCode code, std::string_view text, MethodId method) {
  session_.flush_publishing();
  say_confirms();
  state_ = State::kClosing;
  const std::string explanation = reply_text(code, text);
  session_.report(ConnectionEvent::Kind::kChannelError, explanation, static_cast<std::uint16_t>(code), number_);
  say(ChannelClose{static_cast<std::uint16_t>(code), explanation, method.class_id, method.method_id});
  if (!pending_.empty()) pending_.back().request = 0;
  content_ = {};
  session_.post(next_request(), CloseChannel{id_}, nullptr);
}

void Channel::rename_error(Pending& own, const Error& error, MethodId method) {
  const ReplyCode code = reply_code(error);
  if (is_hard(code)) return session_.fail(code, error.message, method);
  // What ends the connection had not ended the channel yet.
  if (std::exchange(own.hard, std::nullopt)) session_.post(next_request(), CloseChannel{id_}, nullptr);
  own.bytes.clear();
  const std::string explanation = reply_text(code, error.message);
  encode_method(number_,
                amqp::ChannelClose{static_cast<std::uint16_t>(code), explanation, method.class_id, method.method_id},
                own.bytes);
}

Channel::Outcome Channel::on(const ChannelClose&) {
  content_ = {};
  if (state_ == State::kClosing) {
    session_.say(number_, ChannelCloseOk{});
    return {};
  }
  state_ = State::kClosing;
  session_.flush_publishing();
  const std::uint64_t request = next_request();
  Pending& pending = pending_.emplace_back();
  pending.request = request;
  pending.method = ChannelClose::kId;
  session_.post(request, CloseChannel{id_}, nullptr);
  return {};
}

Channel::Outcome Channel::on(const ChannelFlow& method) {
  if (!method.active) return ProtocolError{ReplyCode::kNotImplemented, "active=false"};
  say(ChannelFlowOk{true});
  return {};
}

Channel::Outcome Channel::on(const AccessRequest&) {
  say(AccessRequestOk{});
  return {};
}

Channel::Outcome Channel::on(const BasicQos& method) {
  if (method.prefetch_size != 0) {
    fail(ReplyCode::kNotImplemented, "prefetch_size!=0 (" + std::to_string(method.prefetch_size) + ")", BasicQos::kId);
    return {};
  }
  if (method.global) {
    tell(SetPrefetch{id_, method.prefetch_count});
  } else {
    prefetch_ = method.prefetch_count;
  }
  say(BasicQosOk{});
  return {};
}

Channel::Outcome Channel::on(BasicConsume& method) {
  constexpr MethodId kId = BasicConsume::kId;
  const std::optional<std::string> named = queue_or_last(method.queue, kId);
  if (!named) return {};
  std::string tag = method.consumer_tag.empty() ? session_.random_name("amq.ctag-") : std::string(method.consumer_tag);
  if (consumers_.contains(tag)) {
    fail(ReplyCode::kNotAllowed, "attempt to reuse consumer tag '" + tag + "'", kId);
    return {};
  }
  if (consumers_.size() >= session_.limits_.consumers_per_channel) {
    fail(ReplyCode::kPreconditionFailed, "the channel has too many consumers", kId);
    return {};
  }
  if (!session_.names_left()) {
    session_.fail(ReplyCode::kResourceError, "the connection had too many channels and consumers", kId);
    return {};
  }
  Result<std::int32_t> priority = priority_of(method.arguments, *named, session_.vhost());
  std::string queue;
  if (method.queue == kReplyTo) {
    if (!priority) return fail(priority.error(), kId), Outcome();
    if (!method.no_ack) {
      fail(ReplyCode::kPreconditionFailed, "reply consumer cannot acknowledge", kId);
      return {};
    }
    if (!reply_queue_.empty()) {
      fail(ReplyCode::kPreconditionFailed, "reply consumer already set", kId);
      return {};
    }
    // A queue of the channel that goes with its consumer: what is sent to its name finds it like any other.
    reply_queue_ = session_.random_name(std::string(kReplyTo) + ".");
    DeclareQueue declare;
    declare.spec = {session_.vhost(), reply_queue_, {}, false, true, 0};
    declare.server_named = true;
    ask(std::move(declare), kId, true);
    queue = reply_queue_;
  } else {
    if (!permitted(Right::kRead, "queue", *named, kId)) return {};
    queue = *named;
  }
  const ConsumerId id = kClientConsumers | session_.id_ << Session::kNameBits | session_.next_name_++;
  consumers_[tag] = {id, method.queue == kReplyTo};
  session_.consumers_[id] = {number_, tag};
  Consume consume;
  consume.vhost = session_.vhost();
  consume.priority = std::move(priority);
  consume.queue = std::move(queue);
  consume.credit = prefetch_ == 0 ? Broker::kMaxCredit : prefetch_;
  consume.auto_credit = true;
  consume.channel = id_;
  consume.no_ack = method.no_ack;
  consume.exclusive = method.exclusive;
  consume.consumer = id;
  ask(std::move(consume), kId, method.no_wait, std::move(tag));
  return {};
}

Channel::Outcome Channel::on(const BasicCancel& method) {
  std::string tag(method.consumer_tag);
  const auto it = consumers_.find(tag);
  if (it == consumers_.end()) {
    if (!method.no_wait) say(BasicCancelOk{tag});
    return {};
  }
  const ConsumerId id = it->second.id;
  forget_consumer(it);
  ask(Cancel{id}, BasicCancel::kId, method.no_wait, std::move(tag));
  pending_.back().cancels = id;  // until then it is delivered to
  return {};
}

Channel::Outcome Channel::on(const BasicGet& method) {
  const std::optional<std::string> queue = queue_or_last(method.queue, BasicGet::kId);
  if (!queue || !permitted(Right::kRead, "queue", *queue, BasicGet::kId)) return {};
  ask(Fetch{session_.vhost(), *queue, id_, method.no_ack}, BasicGet::kId, false);
  return {};
}

void Channel::settle(SettleTag settle, Settles method) {
  if (mode_ == Mode::kTransaction) {
    const MethodId asked = settling_method(static_cast<std::uint64_t>(method));
    if (settle.multiple && settle.tag == 0) {
      // Not what is delivered between now and the commit.
      settle.tag = last_tag_;
      settle.if_any = true;
      if (last_tag_ == 0) return;
    } else {
      // What the transaction has settled is not outstanding any more, although only the commit settles it.
      CheckAhead check{{}, {}, settle, {}};
      if (transaction_.settled(settle.tag)) check.refusal = unknown_delivery_tag(settle.tag);
      ask(std::move(check), asked, true);
    }
    transaction_.add(settle);
    transaction_.bytes += sizeof settle;
    if (transaction_.bytes > session_.limits_.transaction_bytes) {
      fail(ReplyCode::kPreconditionFailed, "the transaction is larger than the server takes", asked);
    }
    return;
  }
  tell(settle, method);
}

Channel::Outcome Channel::on(const BasicAck& method) {
  settle({id_, method.delivery_tag, method.multiple, Settlement::kAck}, Settles::kAck);
  return {};
}

Channel::Outcome Channel::on(const BasicReject& method) {
  settle({id_, method.delivery_tag, false, method.requeue ? Settlement::kRequeue : Settlement::kReject},
         Settles::kReject);
  return {};
}

Channel::Outcome Channel::on(const BasicNack& method) {
  settle({id_, method.delivery_tag, method.multiple, method.requeue ? Settlement::kRequeue : Settlement::kReject},
         Settles::kNack);
  return {};
}

Channel::Outcome Channel::on(const BasicRecover& method) {
  if (!method.requeue) return ProtocolError{ReplyCode::kNotImplemented, "requeue=false"};
  tell(SettleTag{id_, 0, true, Settlement::kReturn});
  say(BasicRecoverOk{});
  return {};
}

Channel::Outcome Channel::on(const BasicRecoverAsync& method) {
  if (!method.requeue) return ProtocolError{ReplyCode::kNotImplemented, "requeue=false"};
  tell(SettleTag{id_, 0, true, Settlement::kReturn});
  return {};
}

Channel::Outcome Channel::on(const ConfirmSelect& method) {
  if (mode_ == Mode::kTransaction) {
    fail(ReplyCode::kPreconditionFailed, "cannot switch from tx to confirm mode", ConfirmSelect::kId);
    return {};
  }
  session_.flush_publishing();  // those before it are not confirmed
  mode_ = Mode::kConfirm;
  if (!method.no_wait) say(ConfirmSelectOk{});
  return {};
}

Channel::Outcome Channel::on(const TxSelect&) {
  if (mode_ == Mode::kConfirm) {
    fail(ReplyCode::kPreconditionFailed, "cannot switch from confirm to tx mode", TxSelect::kId);
    return {};
  }
  mode_ = Mode::kTransaction;
  say(TxSelectOk{});
  return {};
}

Channel::Outcome Channel::on(const TxCommit&) {
  if (mode_ != Mode::kTransaction) {
    fail(ReplyCode::kPreconditionFailed, "channel is not transactional", TxCommit::kId);
    return {};
  }
  auto transaction = std::make_shared<Transaction>(std::exchange(transaction_, {}));
  CommitTx commit;
  commit.settles = std::move(transaction->settles);
  for (const OwnedMessage& m : transaction->messages) {
    commit.publish.messages.push_back({session_.vhost(), m.exchange, m.routing_key, m.properties, m.body, {}});
  }
  std::vector<bool> mandatory = std::move(transaction->mandatory);
  commit.publish.owner = std::move(transaction);
  ask(std::move(commit), TxCommit::kId, false);
  pending_.back().mandatory = std::move(mandatory);
  return {};
}

Channel::Outcome Channel::on(const TxRollback&) {
  if (mode_ != Mode::kTransaction) {
    fail(ReplyCode::kPreconditionFailed, "channel is not transactional", TxRollback::kId);
    return {};
  }
  transaction_ = {};
  say(TxRollbackOk{});
  return {};
}

void Channel::consumer_cancelled(ConsumerId consumer, const std::string& tag, bool tell) {
  const auto it = consumers_.find(tag);
  if (it == consumers_.end() || it->second.id != consumer) return;  // the client has cancelled it, too
  forget_consumer(it);
  if (tell) encode_method(number_, BasicCancel{tag, true}, output_of(tag));
}

std::string& Channel::output_of(const std::string& tag) {
  if (consumes_ == 0) return session_.output_;
  const auto consume = std::ranges::find_if(
      pending_, [&](const Pending& p) { return p.method == BasicConsume::kId && p.name == tag && p.answered; });
  return consume == pending_.end() ? session_.output_ : consume->bytes;
}

void Channel::forget_consumer(Consumers::iterator consumer) {
  if (consumer->second.replies) reply_queue_.clear();  // it goes with its consumer
  consumers_.erase(consumer);
}

}  // namespace escrow::broker::amqp
