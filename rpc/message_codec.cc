#include "rpc/message_codec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "broker/core/names.h"
#include "rpc/field_table_codec.h"
#include "rpc/status.h"
#include "rpc/utf8.h"

namespace escrow::rpc {
namespace {

constexpr std::uint8_t kTransient = 1;
constexpr std::uint8_t kPersistent = 2;

Result<void> check_expiration(const std::string& expiration) {
  const bool digits = std::ranges::all_of(expiration, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || expiration.empty()) return malformed("expiration is not a decimal number of milliseconds");
  return {};
}

Result<void> check(const v1::Properties& in, const Caller& caller) {
  if (in.priority() > std::numeric_limits<std::uint8_t>::max()) return malformed("priority is above 255");
  if (in.timestamp().seconds() < 0) return malformed("the timestamp is before 1970");
  if (!in.user_id().empty() && in.user_id() != caller.user) {
    return malformed("user_id must be empty or the authenticated user");
  }
  if (in.has_expiration()) return check_expiration(in.expiration());
  return {};
}

Result<Properties> to_model(const v1::Properties& in) {
  Properties out;
  if (in.has_content_type()) out.content_type = in.content_type();
  if (in.has_content_encoding()) out.content_encoding = in.content_encoding();
  if (in.has_headers()) {
    Result<FieldTable> headers = rpc::to_model(in.headers(), kMaxHeadersBytes);
    if (!headers) return std::move(headers).error();
    out.headers = std::move(*headers);
  }
  out.delivery_mode = in.has_persistent() && !in.persistent() ? kTransient : kPersistent;
  if (in.has_priority()) out.priority = static_cast<std::uint8_t>(in.priority());
  if (in.has_correlation_id()) out.correlation_id = in.correlation_id();
  if (in.has_reply_to()) out.reply_to = in.reply_to();
  if (in.has_expiration()) out.expiration = in.expiration();
  if (in.has_message_id()) out.message_id = in.message_id();
  if (in.has_timestamp()) out.timestamp = static_cast<std::uint64_t>(in.timestamp().seconds());
  if (in.has_type()) out.type = in.type();
  if (!in.user_id().empty()) out.user_id = in.user_id();
  if (in.has_app_id()) out.app_id = in.app_id();
  return out;
}

Result<void> check_short(std::string_view limit, const std::string& text, std::size_t maximum) {
  if (text.size() > maximum) return limit_exceeded(limit, maximum);
  return {};
}

Result<void> check(const v1::Message& message, const Caller& caller) {
  if (message.body().size() > caller.max_body_bytes) return limit_exceeded("message_bytes", caller.max_body_bytes);
  if (auto valid = check_short("routing_key_bytes", message.routing_key(), broker::kMaxRoutingKeyBytes); !valid) {
    return valid;
  }
  if (auto valid = check_short("exchange_bytes", message.exchange(), broker::kMaxNameBytes); !valid) return valid;
  return check_short("vhost_bytes", message.vhost(), broker::kMaxNameBytes);
}

/// Empty: the message has only what kPersistentProperties says.
Result<std::string> encode(const v1::Message& message, const Caller& caller) {
  if (auto valid = check(message, caller); !valid) return std::move(valid).error();
  if (!message.has_properties()) return std::string();
  if (auto valid = check(message.properties(), caller); !valid) return std::move(valid).error();
  Result<Properties> properties = to_model(message.properties());
  if (!properties) return std::move(properties).error();
  return encode_properties(*properties);
}

std::string_view vhost_of(const v1::Message& message) {
  return message.vhost().empty() ? broker::kDefaultVhost : std::string_view(message.vhost());
}

}  // namespace

Result<Message> to_model(v1::Message& message, const Caller& caller) {
  Result<std::string> properties = encode(message, caller);
  if (!properties) return std::move(properties).error();
  Message out;
  if (!message.vhost().empty()) out.vhost = message.vhost();
  out.exchange = std::move(*message.mutable_exchange());
  out.routing_key = std::move(*message.mutable_routing_key());
  out.properties = properties->empty() ? std::string(kPersistentProperties) : std::move(*properties);
  out.body = std::move(*message.mutable_body());
  return out;
}

Result<MessageView> to_view(const v1::Message& message, const Caller& caller, EncodedProperties& encoded) {
  Result<std::string> properties = encode(message, caller);
  if (!properties) return std::move(properties).error();
  std::string_view view = kPersistentProperties;
  if (!properties->empty()) view = encoded.emplace_back(std::move(*properties));
  return MessageView{vhost_of(message), message.exchange(), message.routing_key(), view, message.body(), {}};
}

void to_proto(const Properties& in, v1::Properties& out) {
  if (in.content_type) out.set_content_type(to_utf8(*in.content_type));
  if (in.content_encoding) out.set_content_encoding(to_utf8(*in.content_encoding));
  if (in.headers) to_proto(*in.headers, *out.mutable_headers());
  out.set_persistent(in.delivery_mode == kPersistent);
  if (in.priority) out.set_priority(*in.priority);
  if (in.correlation_id) out.set_correlation_id(to_utf8(*in.correlation_id));
  if (in.reply_to) out.set_reply_to(to_utf8(*in.reply_to));
  if (in.expiration) out.set_expiration(to_utf8(*in.expiration));
  if (in.message_id) out.set_message_id(to_utf8(*in.message_id));
  if (in.timestamp) out.mutable_timestamp()->set_seconds(timestamp_seconds(*in.timestamp));
  if (in.type) out.set_type(to_utf8(*in.type));
  if (in.user_id) out.set_user_id(to_utf8(*in.user_id));
  if (in.app_id) out.set_app_id(to_utf8(*in.app_id));
}

void to_proto(const MessageView& message, std::string_view vhost, v1::Message& out) {
  out.set_exchange(to_utf8(message.exchange));
  out.set_routing_key(to_utf8(message.routing_key));
  out.set_body(message.body.data(), message.body.size());
  out.set_vhost(to_utf8(vhost));
  if (message.properties == kPersistentProperties) {
    out.mutable_properties()->set_persistent(true);
  } else if (const Result<Properties> properties = decode_properties(message.properties); properties.ok()) {
    to_proto(*properties, *out.mutable_properties());
  }
}

}  // namespace escrow::rpc
