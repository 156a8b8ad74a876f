// The handshake, the end and the heartbeats of a connection.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/amqp/method_codec.h"
#include "broker/amqp/session.h"

namespace escrow::broker::amqp {
namespace {

/// The level of RabbitMQ whose semantics are met: clients decide by it what they may ask for.
constexpr std::string_view kServerVersion = "3.13.7";

FieldValue text(std::string_view value) { return {std::string(value)}; }

FieldTable server_properties() {
  FieldTable capabilities;
  for (const char* name : {"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                           "connection.blocked", "consumer_priorities", "authentication_failure_close",
                           "per_consumer_qos", "direct_reply_to"}) {
    capabilities.set(name, {true});
  }
  FieldTable properties;
  properties.set("capabilities", {capabilities});
  properties.set("cluster_name", text("escrow"));
  properties.set("information", text("An Escrow server, speaking AMQP 0-9-1 as RabbitMQ does"));
  properties.set("platform", text("C++"));
  properties.set("product", text("Escrow"));
  properties.set("version", text(kServerVersion));
  return properties;
}

bool capable(const FieldTable& client_properties, std::string_view capability) {
  const FieldValue* const capabilities = client_properties.find("capabilities");
  if (capabilities == nullptr) return false;
  const auto* const table = std::get_if<FieldTable>(&capabilities->kind);
  if (table == nullptr) return false;
  const FieldValue* const value = table->find(capability);
  return value != nullptr && value->kind == FieldValue::Kind(true);
}

/// "\0user\0password"; RFC 4616.
std::optional<Login> parse_plain(std::string_view response) {
  const std::size_t user = response.find('\0');
  if (user == std::string_view::npos) return std::nullopt;
  const std::size_t password = response.find('\0', user + 1);
  if (password == std::string_view::npos) return std::nullopt;
  return Login{std::string(response.substr(user + 1, password - user - 1)), std::string(response.substr(password + 1)),
               false};
}

/// A field table without its length, with LOGIN and PASSWORD.
std::optional<Login> parse_amqplain(std::string_view response) {
  std::string bytes;
  ByteWriter(bytes).u32_be(static_cast<std::uint32_t>(response.size())).bytes(response);
  std::string_view in = bytes;
  const Result<FieldTable> table = decode_table(in);
  if (!table) return std::nullopt;
  const FieldValue* const user = table->find("LOGIN");
  const FieldValue* const password = table->find("PASSWORD");
  if (user == nullptr || password == nullptr || !user->as_string() || !password->as_string()) return std::nullopt;
  return Login{*user->as_string(), *password->as_string(), false};
}

/// Of names with spaces between them.
bool is_among(std::string_view names, std::string_view name) {
  return !name.empty() && name.find(' ') == std::string_view::npos &&
         (" " + std::string(names) + " ").find(" " + std::string(name) + " ") != std::string::npos;
}

}  // namespace

std::string_view Session::mechanisms() const { return certified_user_ ? "PLAIN AMQPLAIN EXTERNAL" : "PLAIN AMQPLAIN"; }

/// nullopt: the response is malformed.
std::optional<Login> Session::login(std::string_view response) const {
  // Whom the response of EXTERNAL names does not count, as with RabbitMQ: only the certificate does.
  if (mechanism_ == "EXTERNAL") return Login{certified_user_.value_or(""), {}, true};
  return mechanism_ == "PLAIN" ? parse_plain(response) : parse_amqplain(response);
}

ProtocolError Session::unexpected_method() const {
  switch (state_) {
    case State::kHeader:
    case State::kStart:
    case State::kAuthenticating:
      return {ReplyCode::kChannelError, "unexpected method in connection state starting"};
    case State::kTune:
      return {ReplyCode::kChannelError, "unexpected method in connection state tuning"};
    case State::kOpen:
      return {ReplyCode::kChannelError, "unexpected method in connection state opening"};
    case State::kRunning:
      break;
    case State::kClosing:
    case State::kFinished:
      return {ReplyCode::kChannelError, "unexpected method in connection state closing"};
  }
  return {ReplyCode::kChannelError, "unexpected method in connection state running"};
}

bool Session::receive_header(std::string_view& in) {
  switch (check_protocol_header(in)) {
    case ProtocolHeaderState::kNeedMore:
      return false;
    case ProtocolHeaderState::kRefused:
      report(ConnectionEvent::Kind::kHandshakeFailed,
             "no header of AMQP 0-9-1: " + std::string(in.substr(0, kProtocolHeader.size())));
      output_.append(kProtocolHeader);
      state_ = State::kFinished;
      return false;
    case ProtocolHeaderState::kAccepted:
      break;
  }
  in.remove_prefix(kProtocolHeader.size());
  ConnectionStart start;
  start.server_properties = server_properties();
  start.mechanisms = LongString(mechanisms());
  start.locales = LongString("en_US");
  say(0, start);
  state_ = State::kStart;
  return true;
}

Result<void, ProtocolError> Session::on(const ConnectionStartOk& method) {
  if (state_ != State::kStart) return unexpected_method();
  client_hears_cancel_ = capable(method.client_properties, "consumer_cancel_notify");
  client_hears_blocked_ = capable(method.client_properties, "connection.blocked");
  closes_on_failed_authentication_ = capable(method.client_properties, "authentication_failure_close");
  mechanism_ = method.mechanism;
  if (!is_among(mechanisms(), mechanism_)) {
    fail(ReplyCode::kCommandInvalid, "unknown authentication mechanism '" + mechanism_ + "'", ConnectionStartOk::kId);
    return {};
  }
  std::optional<Login> login = this->login(method.response);
  if (!login) return ProtocolError{ReplyCode::kAccessRefused, "the response of the authentication is malformed"};
  user_ = login->user;
  state_ = State::kAuthenticating;
  host_.authenticate(*std::move(login));
  return {};
}

Result<void, ProtocolError> Session::on(const ConnectionSecureOk&) { return unexpected_method(); }

void Session::authenticated(std::shared_ptr<const UserPermissions> permissions) {
  if (state_ != State::kAuthenticating) return;
  state_ = State::kTune;
  if (permissions == nullptr) {
    const std::string explanation = "Login was refused using authentication mechanism " + mechanism_;
    if (closes_on_failed_authentication_) return fail(ReplyCode::kAccessRefused, explanation);
    // Who does not know that, sees the connection end.
    report(ConnectionEvent::Kind::kLoginRefused, reply_text(ReplyCode::kAccessRefused, explanation),
           static_cast<std::uint16_t>(ReplyCode::kAccessRefused));
    state_ = State::kFinished;
    return;
  }
  user_permissions_ = std::move(permissions);
  say(0, ConnectionTune{limits_.channel_max, limits_.frame_max, limits_.heartbeat_s});
}

Result<void, ProtocolError> Session::on(const ConnectionTuneOk& method) {
  if (state_ != State::kTune) return unexpected_method();
  const auto refused = [this](std::string_view what, std::uint32_t wish, std::string_view how, std::uint32_t bound) {
    fail(ReplyCode::kNotAllowed,
         "negotiated " + std::string(what) + " = " + std::to_string(wish) + " is " + std::string(how) +
             " allowed value (" + std::to_string(bound) + ")",
         ConnectionTuneOk::kId);
    return Result<void, ProtocolError>();
  };
  // 0 is no limit, which is more than there is.
  if (method.frame_max != 0 && method.frame_max < kMinFrameMax) {
    return refused("frame_max", method.frame_max, "lower than the minimum", kMinFrameMax);
  }
  if (method.frame_max == 0 || method.frame_max > limits_.frame_max) {
    return refused("frame_max", method.frame_max, "higher than the maximum", limits_.frame_max);
  }
  if (method.channel_max == 0 || method.channel_max > limits_.channel_max) {
    return refused("channel_max", method.channel_max, "higher than the maximum", limits_.channel_max);
  }
  frame_max_ = method.frame_max;
  channel_max_ = method.channel_max;
  heartbeat_ = std::chrono::seconds(method.heartbeat);
  state_ = State::kOpen;
  return {};
}

Result<void, ProtocolError> Session::on(const ConnectionOpen& method) {
  if (state_ != State::kOpen) return unexpected_method();
  vhost_ = method.virtual_host;
  const auto permissions = user_permissions_->find(vhost_);
  if (permissions == user_permissions_->end()) {
    fail(ReplyCode::kNotAllowed, "vhost " + vhost_ + " not found", ConnectionOpen::kId);
    return {};
  }
  if (permissions->second == nullptr) {
    fail(ReplyCode::kNotAllowed, "access to vhost '" + vhost_ + "' refused for user '" + user_ + "'",
         ConnectionOpen::kId);
    return {};
  }
  permissions_ = permissions->second;
  state_ = State::kRunning;
  report(ConnectionEvent::Kind::kOpened);
  say(0, ConnectionOpenOk{});
  return {};
}

Result<void, ProtocolError> Session::on(const ConnectionClose&) {
  flush_publishing();
  say(0, ConnectionCloseOk{});
  state_ = State::kFinished;
  return {};
}

Result<void, ProtocolError> Session::on(const ConnectionCloseOk&) {
  if (state_ != State::kClosing) return unexpected_method();
  state_ = State::kFinished;
  return {};
}

// Passwords do not expire here, as RabbitMQ's own do not: there is nothing to be renewed.
Result<void, ProtocolError> Session::on(const ConnectionUpdateSecret&) {
  if (state_ != State::kRunning) return unexpected_method();
  say(0, ConnectionUpdateSecretOk{});
  return {};
}

void Session::fail(ReplyCode code, std::string_view text, MethodId method) {
  if (state_ == State::kClosing || state_ == State::kFinished) return;
  const auto kind = code == ReplyCode::kAccessRefused ? ConnectionEvent::Kind::kLoginRefused
                                                      : ConnectionEvent::Kind::kConnectionError;
  const std::string explanation = reply_text(code, text);
  report(kind, explanation, static_cast<std::uint16_t>(code));
  close(code, explanation, method);
}

void Session::close(ReplyCode code, std::string_view explanation, MethodId method) {
  flush_publishing();
  say(0, ConnectionClose{static_cast<std::uint16_t>(code), explanation, method.class_id, method.method_id});
  state_ = State::kClosing;
}

void Session::shut_down(std::string_view reason) {
  if (state_ == State::kRunning) {
    // No mistake of the client's to report.
    constexpr ReplyCode kCode = ReplyCode::kConnectionForced;
    close(kCode, reply_text(kCode, "broker forced connection closure with reason '" + std::string(reason) + "'"), {});
  } else if (state_ != State::kClosing) {
    state_ = State::kFinished;
  }
}

bool Session::tick(Monotonic now, bool received, bool sent) {
  if (received) last_received_ = now;
  if (sent) last_sent_ = now;
  if (state_ == State::kClosing || state_ == State::kFinished) {
    // Whatever a client goes on sending, it has this long to take what it is sent, and to say close-ok …
    if (!ending_) ending_ = now;
    if (now - *ending_ >= limits_.handshake) return false;
    if (state_ == State::kClosing || !output_.empty()) return true;
    // … and then only to hang up.
    if (!said_) said_ = now;
    return now - *said_ < kLinger;
  }
  if (state_ != State::kRunning) {
    if (now - started_ < limits_.handshake) return true;
    report(ConnectionEvent::Kind::kHandshakeFailed, "it took too long");
    return false;
  }
  if (heartbeat_ == Monotonic::zero()) return true;
  if (blocked()) last_received_ = now;  // nobody listens to its heartbeats
  // Section 4.2.7: a peer that sends nothing for two intervals is gone.
  if (now - last_received_ > 2 * heartbeat_) {
    report(ConnectionEvent::Kind::kHeartbeatMissed, "nothing came for two intervals");
    return false;
  }
  if (now - last_sent_ >= heartbeat_ / 2) {
    encode_heartbeat(output_);
    last_sent_ = now;
  }
  return true;
}

}  // namespace escrow::broker::amqp
