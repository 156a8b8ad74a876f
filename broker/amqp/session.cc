#include "broker/amqp/session.h"

#include <utility>

#include "base/bytes.h"
#include "broker/amqp/message_properties.h"
#include "broker/amqp/method_codec.h"

namespace escrow::broker::amqp {
namespace {

/// Content that is not complete is read again with what follows it while it is at most so large; beyond, it is copied.
constexpr std::size_t kMaxReadAgain = 16 << 10;
/// The method of a frame; none of what is malformed or content.
MethodId method_of(const Frame& frame) {
  if (frame.type != FrameType::kMethod) return {};
  ByteReader in(frame.payload);
  const std::uint16_t class_id = in.u16_be();
  const std::uint16_t method_id = in.u16_be();
  return in.ok() ? MethodId{class_id, method_id} : MethodId{};
}

}  // namespace

Session::Session(SessionLimits limits, ConnectionId id, Random random, SessionHost& host, Monotonic now)
    : limits_(limits), id_(id), random_(random), host_(host), started_(now), last_received_(now), last_sent_(now) {}

Session::~Session() = default;

std::size_t Session::max_rest() const { return std::max<std::size_t>(frame_max_ + kFrameMaxSlack, 2 * kMaxReadAgain); }

std::size_t Session::receive(std::string_view in, const std::shared_ptr<const void>& owner) {
  if (state_ == State::kFinished) return in.size();
  std::string_view rest = in;
  if (state_ == State::kHeader && !receive_header(rest)) return state_ == State::kFinished ? in.size() : 0;
  input_ = in;
  owner_ = owner;
  while (state_ != State::kAuthenticating && state_ != State::kFinished) {
    const std::size_t begin = in.size() - rest.size();
    const NextFrame next = next_frame(rest, frame_max_);
    if (next.state == NextFrame::State::kNeedMore) break;
    if (next.state == NextFrame::State::kError) {
      fail(next.error.code, next.error.text);
      rest = {};
      break;
    }
    rest.remove_prefix(next.size);
    if (auto taken = frame(next.frame, begin); !taken) {
      fail(taken.error().code, taken.error().text,
           within_content(next.frame) ? BasicPublish::kId : method_of(next.frame));
    }
  }
  const std::size_t consumed = keep_incomplete(in.size() - rest.size(), in.size());
  flush_publishing();
  input_ = {};
  owner_.reset();
  return state_ == State::kFinished ? in.size() : consumed;
}

bool Session::within_content(const Frame& frame) const {
  const auto it = channels_.find(frame.channel);
  return it != channels_.end() && it->second->has_content();
}

std::size_t Session::keep_incomplete(std::size_t consumed, std::size_t available) {
  Channel* const channel = std::exchange(in_place_, nullptr);
  if (channel == nullptr || !channel->has_content()) return consumed;
  if (available - in_place_begin_ > kMaxReadAgain) {
    channel->own_content();
    return consumed;
  }
  channel->drop_content();
  return in_place_begin_;
}

template <class M>
Result<void, ProtocolError> Session::on(const M&) {
  if (state_ == State::kClosing) return {};
  return unexpected_method();
}

Result<void, ProtocolError> Session::frame(const Frame& frame, std::size_t begin) {
  // What comes within another channel's content must not be read again with it.
  if (in_place_ != nullptr && in_place_->number() != frame.channel && frame.type != FrameType::kHeartbeat) {
    std::exchange(in_place_, nullptr)->own_content();
  }
  if (frame.type == FrameType::kHeartbeat) {
    if (!frame.payload.empty()) return ProtocolError{ReplyCode::kFrameError, "a heartbeat with a payload"};
    if (frame.channel != 0) return ProtocolError{ReplyCode::kUnexpectedFrame, "a heartbeat belongs to channel 0"};
    return {};
  }
  if (frame.channel != 0) return channel_frame(frame, begin);
  if (frame.type != FrameType::kMethod) {
    return ProtocolError{ReplyCode::kUnexpectedFrame, "content on channel 0"};
  }
  return visit_method(frame.payload, [this](auto&& method) { return on(method); });
}

Result<void, ProtocolError> Session::channel_frame(const Frame& frame, std::size_t begin) {
  if (state_ == State::kClosing) return {};
  if (state_ != State::kRunning) {
    return ProtocolError{ReplyCode::kChannelError, "a channel is used before the connection is open"};
  }
  if (last_channel_ == nullptr || last_channel_->number() != frame.channel) {
    const auto it = channels_.find(frame.channel);
    last_channel_ = it == channels_.end() ? nullptr : it->second.get();
  }
  if (last_channel_ == nullptr) {
    if (frame.type != FrameType::kMethod) return expected(Expected::kMethod);
    bool opens = false;
    const auto opened = visit_method(frame.payload, [&]<class M>(const M&) {
      opens = std::is_same_v<M, ChannelOpen>;
      return Result<void, ProtocolError>();
    });
    if (!opened) return opened;
    if (!opens) return ProtocolError{ReplyCode::kChannelError, "expected 'channel.open'"};
    if (frame.channel > channel_max_) {
      return ProtocolError{ReplyCode::kNotAllowed, "the channel number is beyond the negotiated maximum"};
    }
    if (!names_left())
      return ProtocolError{ReplyCode::kResourceError, "the connection had too many channels and consumers"};
    const std::uint64_t name = next_name_++;
    const ChannelId id = (id_ << kNameBits) | name;
    channels_[frame.channel] = std::make_unique<Channel>(*this, frame.channel, id, static_cast<std::uint16_t>(name));
    post(0, OpenChannel{id_, id}, nullptr);
    if (next_name_ == 2) post(0, GrantBytes{id_, limits_.unwritten_bytes}, nullptr);
    say(frame.channel, ChannelOpenOk{});
    return {};
  }
  Channel& channel = *last_channel_;
  Result<void, ProtocolError> taken;
  switch (frame.type) {
    case FrameType::kMethod:
      taken = channel.method(frame.payload);
      if (channel.has_content()) {
        in_place_ = &channel;
        in_place_begin_ = begin;
      }
      break;
    case FrameType::kHeader:
      taken = channel.header(frame.payload);
      break;
    default:
      taken = channel.body(frame.payload);
      break;
  }
  if (in_place_ == &channel && !channel.has_content()) in_place_ = nullptr;
  if (channel.closed()) {
    last_channel_ = nullptr;
    if (publishing_.channel == &channel) flush_publishing();
    std::erase(to_flush_, &channel);
    channels_.erase(frame.channel);
  }
  return taken;
}

void Session::post(std::uint64_t request, ClientCommand command, const std::shared_ptr<CommandScope>& scope) {
  flush_publishing();
  host_.post({request, std::move(command), scope});
}

void Session::set_alarm(LowResources low) {
  low_ = low;
  block_or_unblock();
}

void Session::message_received() {
  publishes_ = true;
  if (low_.any() && !blocked_) block_or_unblock();
}

void Session::block_or_unblock() {
  if (state_ != State::kRunning || blocked_ == (publishes_ && low_.any())) return;
  blocked_ = !blocked_;
  if (!client_hears_blocked_) return;
  if (blocked_) {
    say(0, ConnectionBlocked{low_.text()});
  } else {
    say(0, ConnectionUnblocked{});
  }
}

void Session::start_publishing(Channel& channel) {
  if (publishing_.channel == &channel) return;
  flush_publishing();
  publishing_.channel = &channel;
  publishing_.first_number = channel.published();
}

void Session::publish(Channel& channel, const MessageView& message, bool mandatory) {
  start_publishing(channel);
  std::vector<MessageView>& messages = publishing_.command.messages;
  if (messages.empty()) messages.reserve(expected_messages_);
  messages.push_back(message);
  if (mandatory || !publishing_.mandatory.empty()) {
    publishing_.mandatory.resize(publishing_.command.messages.size());
    publishing_.mandatory.back() = mandatory;
  }
}

void Session::publish(Channel& channel, OwnedMessage message, bool mandatory) {
  start_publishing(channel);
  const OwnedMessage& kept = publishing_.owned.emplace_back(std::move(message));
  publish(channel, MessageView{vhost_, kept.exchange, kept.routing_key, kept.properties, kept.body, {}}, mandatory);
}

void Session::flush_publishing() {
  if (publishing_.channel == nullptr) return;
  Publishing publishing = std::exchange(publishing_, {});
  expected_messages_ = publishing.command.messages.size();
  if (publishing.owned.empty()) {
    publishing.command.owner = owner_;
  } else {
    using Kept = std::pair<std::shared_ptr<const void>, std::deque<OwnedMessage>>;
    publishing.command.owner = std::make_shared<Kept>(owner_, std::move(publishing.owned));
  }
  Channel& channel = *publishing.channel;
  const std::uint64_t request = channel.next_request();
  channel.publish_posted(request, publishing.first_number, publishing.command.messages.size(),
                         std::move(publishing.mandatory));
  host_.post({request, std::move(publishing.command), channel.scope()});
}

void Session::reply(std::uint64_t request, Result<ClientReply> reply) {
  if (state_ != State::kRunning) return;
  const auto it = channels_.find(static_cast<std::uint16_t>(request >> 48));
  if (it == channels_.end() || it->second->incarnation() != static_cast<std::uint16_t>(request >> 32)) return;
  it->second->reply(request, std::move(reply));
  if (!it->second->closed()) return;
  if (last_channel_ == it->second.get()) last_channel_ = nullptr;
  std::erase(to_flush_, it->second.get());
  channels_.erase(it);
}

void Session::deliver(const Delivery& delivery) {
  // Its bytes are used up whether or not somebody is there to be told; they are granted again for the others.
  for (std::uint32_t i = 0; i < delivery.count; ++i) charged_ += static_cast<std::int64_t>(delivery.bytes(i));
  const auto it = consumers_.find(delivery.consumer);
  if (it == consumers_.end() || state_ != State::kRunning) return;
  const auto channel = channels_.find(it->second.channel);
  if (channel == channels_.end() || !channel->second->delivers()) return;
  std::string& out = channel->second->output_of(it->second.tag);
  BasicDeliver method;
  method.consumer_tag = it->second.tag;
  method.redelivered = delivery.redelivered;
  for (std::uint32_t i = 0; i < delivery.count; ++i) {
    const MessageView message = delivery.message(i);
    method.delivery_tag = delivery.first_tag + i;
    channel->second->delivered(method.delivery_tag);
    method.exchange = message.exchange;
    method.routing_key = message.routing_key;
    if (delivery.delivery_count == 0) {
      encode_message(it->second.channel, method, message.properties, message.body, frame_max_, out);
    } else {
      encode_message(it->second.channel, method, with_delivery_count(message.properties, delivery.delivery_count),
                     message.body, frame_max_, out);
    }
  }
}

void Session::consumer_cancelled(ConsumerId consumer) {
  const auto it = consumers_.find(consumer);
  if (it == consumers_.end() || state_ != State::kRunning) return;
  if (const auto channel = channels_.find(it->second.channel);
      channel != channels_.end() && channel->second->delivers()) {
    channel->second->consumer_cancelled(consumer, it->second.tag, client_hears_cancel_);
  }
  consumers_.erase(it);
}

void Session::flush() {
  if (state_ != State::kRunning) return;
  for (Channel* channel : std::exchange(to_flush_, {})) channel->flush();
}

void Session::written() {
  if (charged_ > 0 && state_ == State::kRunning) host_.post({0, GrantBytes{id_, std::exchange(charged_, 0)}, nullptr});
}

std::string Session::random_name(std::string_view prefix) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name(prefix);
  for (int i = 0; i < 22; ++i) name += kDigits[random_.below(kDigits.size())];
  return name;
}

}  // namespace escrow::broker::amqp
