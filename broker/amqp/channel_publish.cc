// Content of a channel on its way in, and the confirms and returns that come of it.
#include <algorithm>
#include <charconv>
#include <utility>

#include "broker/amqp/channel.h"
#include "broker/amqp/message_properties.h"
#include "broker/amqp/session.h"
#include "broker/core/carbon_copies.h"

namespace escrow::broker::amqp {
namespace {

/// What is wrong with an expiration, in the words of RabbitMQ; nullopt: nothing.
std::optional<std::string> complaint(std::string_view expiration) {
  const char* const last = expiration.data() + expiration.size();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(expiration.data(), last, value);
  if (error == std::errc::invalid_argument) return "no_integer";
  if (end != last) return "{leftover_string,\"" + std::string(end, last) + "\"}";
  if (error == std::errc::result_out_of_range) return "{value_too_large," + std::string(expiration) + "}";
  if (value < 0) return "{value_negative," + std::to_string(value) + "}";
  return std::nullopt;
}

}  // namespace

Channel::Outcome Channel::on(const BasicPublish& method) {
  if (method.immediate) return ProtocolError{ReplyCode::kNotImplemented, "immediate=true"};
  if (content_.owns) content_ = {};
  content_.stage = Content::Stage::kHeader;
  content_.mandatory = method.mandatory;
  content_.exchange = method.exchange;
  content_.routing_key = method.routing_key;
  return {};
}

Channel::Outcome Channel::header(std::string_view payload) {
  if (!ready()) return {};
  if (content_.stage == Content::Stage::kNone) return expected(Expected::kMethod);
  if (content_.stage == Content::Stage::kBody) return expected(Expected::kBody);
  const Result<ContentHeader, ProtocolError> header = decode_content_header(payload);
  if (!header) return header.error();
  if (header->body_size > session_.limits_.message_bytes) {
    fail(ReplyCode::kPreconditionFailed,
         "message size " + std::to_string(header->body_size) + " is larger than configured max size " +
             std::to_string(session_.limits_.message_bytes),
         BasicPublish::kId);
    return {};
  }
  session_.message_received();
  if (!may_write_to(content_.owns ? content_.owned.exchange : content_.exchange)) return {};
  content_.refusal = refusal(header->view);
  content_.body_size = header->body_size;
  content_.stage = Content::Stage::kBody;
  if (header->view.reply_to == kReplyTo) {
    own_content();
    content_.owned.properties = with_reply_to(header->properties, reply_queue_);
  } else if (content_.owns) {
    content_.owned.properties = header->properties;
  } else {
    content_.properties = header->properties;
  }
  if (content_.body_size == 0) return content_complete({});
  return {};
}

Channel::Outcome Channel::body(std::string_view payload) {
  if (!ready()) return {};
  if (content_.stage == Content::Stage::kNone) return expected(Expected::kMethod);
  if (content_.stage == Content::Stage::kHeader) return expected(Expected::kHeader);
  const std::size_t had = content_.owned.body.size();
  if (had + payload.size() > content_.body_size) return expected(Expected::kBody);
  if (had == 0 && payload.size() == content_.body_size) return content_complete(payload);
  own_content();
  content_.owned.body.append(payload);
  if (content_.owned.body.size() < content_.body_size) return {};
  return content_complete({});
}

void Channel::own_content() {
  if (std::exchange(content_.owns, true)) return;
  content_.owned.exchange = content_.exchange;
  content_.owned.routing_key = content_.routing_key;
  content_.owned.properties = content_.properties;
}

bool Channel::may_write_to(std::string_view exchange) {
  if (any_writable_ && exchange == writable_) return true;
  if (!permitted(Right::kWrite, "exchange", exchange, BasicPublish::kId)) return false;
  writable_ = exchange;
  any_writable_ = true;
  return true;
}

std::optional<Error> Channel::refusal(const PropertiesView& properties) const {
  const auto invalid = [](std::string message) {
    return Error{ErrorCode::kInvalidArgument, "PROPERTY_INVALID", std::move(message), {}};
  };
  if (properties.reply_to == kReplyTo && reply_queue_.empty()) return invalid("fast reply consumer does not exist");
  if (properties.user_id && *properties.user_id != session_.user()) {
    return invalid("user_id property set to '" + std::string(*properties.user_id) + "' but authenticated user was '" +
                   session_.user() + "'");
  }
  if (properties.expiration) {
    if (const auto wrong = complaint(*properties.expiration)) {
      return invalid("invalid expiration '" + std::string(*properties.expiration) + "': " + *wrong);
    }
  }
  return std::nullopt;
}

void Channel::check_publish(std::string exchange, std::optional<Error> refusal) {
  ask(CheckAhead{session_.vhost(), std::move(exchange), {}, std::move(refusal)}, BasicPublish::kId, true);
}

Channel::Outcome Channel::content_complete(std::string_view body) {
  if (content_.refusal) {
    Content content = std::exchange(content_, {});
    check_publish(std::string(content.owns ? content.owned.exchange : content.exchange), std::move(content.refusal));
    return {};
  }
  if (mode_ == Mode::kConfirm) ++published_;
  if (!content_.owns && mode_ != Mode::kTransaction) {
    content_.stage = Content::Stage::kNone;
    session_.publish(
        *this, MessageView{session_.vhost(), content_.exchange, content_.routing_key, content_.properties, body, {}},
        content_.mandatory);
    return {};
  }
  own_content();
  OwnedMessage message = std::move(content_.owned);
  const bool mandatory = content_.mandatory;
  content_ = {};
  if (message.body.empty()) message.body = body;
  publish(std::move(message), mandatory);
  return {};
}

void Channel::publish(OwnedMessage message, bool mandatory) {
  if (mode_ != Mode::kTransaction) return session_.publish(*this, std::move(message), mandatory);
  transaction_.bytes += sizeof message + message.exchange.size() + message.routing_key.size() +
                        message.properties.size() + message.body.size();
  if (transaction_.bytes > session_.limits_.transaction_bytes) {
    return fail(ReplyCode::kPreconditionFailed, "the transaction is larger than the server takes", BasicPublish::kId);
  }
  if (!message.exchange.empty()) check_publish(message.exchange, {});
  transaction_.messages.push_back(std::move(message));
  transaction_.mandatory.push_back(mandatory);
}

void Channel::publish_posted(std::uint64_t request, std::uint64_t first_number, std::size_t messages,
                             std::vector<bool> mandatory) {
  Pending& pending = pending_.emplace_back();
  pending.request = request;
  pending.method = BasicPublish::kId;
  pending.silent = true;
  pending.first_number = first_number;
  pending.messages = messages;
  pending.mandatory = std::move(mandatory);
}

void Channel::published(const Pending& pending, const Published& published) {
  for (std::size_t i = 0; i < published.outcomes.size(); ++i) {
    const Result<std::uint32_t> outcome = published.outcomes.at(i);
    const bool routed = !outcome || *outcome > 0;
    if (!routed && i < pending.mandatory.size() && pending.mandatory[i]) return_message(published.publish.messages[i]);
    if (pending.first_number > 0) confirm(pending.first_number + i, outcome.ok());
  }
  if (pending.method == TxCommit::kId) session_.say(number_, TxCommitOk{});
}

void Channel::return_message(const MessageView& message) {
  BasicReturn method;
  method.reply_code = static_cast<std::uint16_t>(ReplyCode::kNoRoute);
  method.reply_text = name(ReplyCode::kNoRoute);
  method.exchange = message.exchange;
  method.routing_key = message.routing_key;
  say_confirms();
  if (!has_headers(message.properties)) {
    encode_message(number_, method, message.properties, message.body, session_.frame_max_, session_.output_);
  } else {
    // The publisher does not get its blind copies back either, as RabbitMQ has it.
    encode_message(number_, method, without_bcc(message.properties), message.body, session_.frame_max_,
                   session_.output_);
  }
}

void Channel::confirm(std::uint64_t number, bool taken) {
  if (taken) {
    to_confirm_ = number;
    if (!std::exchange(listed_flush_, true)) session_.to_flush_.push_back(this);
    return;
  }
  say_confirms();
  session_.say(number_, BasicNack{number, false, false});
  confirmed_ = number;
}

void Channel::say_confirms() {
  if (to_confirm_ <= confirmed_) return;
  session_.say(number_, BasicAck{to_confirm_, to_confirm_ - confirmed_ > 1});
  confirmed_ = to_confirm_;
}

void Channel::flush() {
  listed_flush_ = false;
  say_confirms();
}

}  // namespace escrow::broker::amqp
