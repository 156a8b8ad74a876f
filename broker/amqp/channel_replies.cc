// What the engine answers, as methods, in the order in which they were asked.
#include <algorithm>
#include <utility>

#include "broker/amqp/channel.h"
#include "broker/amqp/message_properties.h"
#include "broker/amqp/session.h"

namespace escrow::broker::amqp {

void Channel::reply(std::uint64_t request, Result<ClientReply> reply) {
  const auto asked = std::ranges::find(pending_, request, &Pending::request);
  if (!reply) {
    const MethodId method = asked == pending_.end() ? settling_method(request) : asked->method;
    // The engine passes over what came behind it, but for the end of the channel.
    for (Pending& pending : pending_) {
      if (pending.request < request || pending.method == ChannelClose::kId) continue;
      pending.answered = true;
      pending.bytes.clear();
    }
    if (const auto own = std::ranges::find(pending_, 0u, &Pending::request); own != pending_.end()) {
      rename_error(*own, reply.error(), method);
      return say_answered();
    }
    say_answered();
    return fail(reply.error(), method);
  }
  if (asked == pending_.end()) return;
  if (auto* published = std::get_if<Published>(&*reply)) {
    asked->published = std::move(*published);
  } else {
    answer(*asked, *std::move(reply));
  }
  asked->answered = true;
  say_answered();
}

void Channel::say_answered() {
  while (!pending_.empty() && pending_.front().answered) {
    if (pending_.front().method == ChannelClose::kId) state_ = State::kClosed;
    if (pending_.front().method == BasicConsume::kId) --consumes_;
    if (pending_.front().cancels != 0) session_.consumers_.erase(pending_.front().cancels);
    if (pending_.front().published) published(pending_.front(), *pending_.front().published);
    if (ends(pending_.front())) say_confirms();
    if (const auto hard = std::move(pending_.front().hard)) {
      return session_.fail(hard->first, hard->second, pending_.front().method);
    }
    session_.output_.append(pending_.front().bytes);
    pending_.pop_front();
  }
}

template <class M>
void Channel::answer(Pending& pending, const M& method) {
  if (!pending.silent) encode_method(number_, method, pending.bytes);
}

void Channel::answer(Pending& pending, ClientReply reply) {
  const MethodId asked = pending.method;
  if (const auto* info = std::get_if<QueueInfo>(&reply)) {
    answer(pending, QueueDeclareOk{pending.name, static_cast<std::uint32_t>(info->ready), info->consumers});
  } else if (const auto* count = std::get_if<MessageCount>(&reply)) {
    const auto messages = static_cast<std::uint32_t>(count->messages);
    if (asked == QueuePurge::kId) return answer(pending, QueuePurgeOk{messages});
    answer(pending, QueueDeleteOk{messages});
  } else if (const auto* message = std::get_if<Fetched>(&reply)) {
    fetched(pending, *message);
  } else if (asked == BasicConsume::kId) {
    answer(pending, BasicConsumeOk{pending.name});
  } else if (asked == BasicCancel::kId) {
    answer(pending, BasicCancelOk{pending.name});
  } else if (asked == ChannelClose::kId) {
    answer(pending, ChannelCloseOk{});
  } else if (asked == ExchangeDeclare::kId) {
    answer(pending, ExchangeDeclareOk{});
  } else if (asked == ExchangeDelete::kId) {
    answer(pending, ExchangeDeleteOk{});
  } else if (asked == ExchangeBind::kId) {
    answer(pending, ExchangeBindOk{});
  } else if (asked == ExchangeUnbind::kId) {
    answer(pending, ExchangeUnbindOk{});
  } else if (asked == QueueBind::kId) {
    answer(pending, QueueBindOk{});
  } else if (asked == QueueUnbind::kId) {
    answer(pending, QueueUnbindOk{});
  }
}

void Channel::fetched(Pending& pending, const Fetched& fetched) {
  if (fetched.delivery.count == 0) return answer(pending, BasicGetEmpty{});
  const Delivery& delivery = fetched.delivery;
  const MessageView message = delivery.message(0);
  session_.charged_ += static_cast<std::int64_t>(delivery.bytes(0));
  BasicGetOk method;
  method.delivery_tag = delivery.first_tag;
  delivered(method.delivery_tag);
  method.redelivered = delivery.redelivered;
  method.exchange = message.exchange;
  method.routing_key = message.routing_key;
  method.message_count = static_cast<std::uint32_t>(fetched.left);
  std::string& out = &pending == &pending_.front() ? session_.output_ : pending.bytes;
  if (delivery.delivery_count == 0) {
    encode_message(number_, method, message.properties, message.body, session_.frame_max_, out);
  } else {
    encode_message(number_, method, with_delivery_count(message.properties, delivery.delivery_count), message.body,
                   session_.frame_max_, out);
  }
}

}  // namespace escrow::broker::amqp
