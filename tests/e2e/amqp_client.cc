#include "tests/e2e/amqp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "broker/amqp/method_text.h"
#include "tests/e2e/escrowd.h"

namespace escrow::e2e {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

[[noreturn]] void fail_tls(const std::string& what) {
  std::string reasons;
  while (const unsigned long code = ERR_get_error()) reasons += std::string(": ") + ERR_error_string(code, nullptr);
  throw std::runtime_error(what + reasons);
}

constexpr std::size_t kReadBytes = 64 << 10;

}  // namespace

AmqpClient::AmqpClient(const Loopback& server, const std::optional<ClientTls>& tls)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      context_(nullptr, SSL_CTX_free),
      tls_(nullptr, SSL_free) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(server.port)));
  inet_pton(AF_INET, server.host.c_str(), &address.sin_addr);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const timeval patience{kPatience.count(), 0};
  const int yes = 1;
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (tls) secure(*tls, server.host);
}

void AmqpClient::secure(const ClientTls& tls, const std::string& host) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(context_.get(), tls.authorities.c_str()) != 1) fail_tls(tls.authorities);
  if (!tls.certificate.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context_.get(), tls.certificate.c_str()) != 1) fail_tls(tls.certificate);
    if (SSL_CTX_use_PrivateKey_file(context_.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1) fail_tls(tls.key);
  }
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_);
  if (tls.server.empty()) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str());
  } else {
    SSL_set1_host(tls_.get(), tls.server.c_str());
  }
  if (SSL_connect(tls_.get()) != 1) fail_tls("TLS");
}

AmqpClient::~AmqpClient() { close(socket_); }

ConnectionTune AmqpClient::log_in(const std::string& user, const std::string& password) {
  return log_in_by("PLAIN", '\0' + user + '\0' + password);
}

ConnectionTune AmqpClient::log_in_by(const std::string& mechanism, const std::string& response) {
  write(kProtocolHeader);
  mechanisms_ = hear<ConnectionStart>().mechanisms;
  ConnectionStartOk start;
  FieldTable capabilities;
  for (const char* const known : {"authentication_failure_close", "connection.blocked"})
    capabilities.set(known, {true});
  start.client_properties.set("capabilities", {capabilities});
  start.mechanism = mechanism;
  start.response = response;
  start.locale = "en_US";
  return ask<ConnectionTune>(start, 0);
}

void AmqpClient::enter(const ConnectionTune& tune, const std::string& vhost) {
  frame_max_ = tune.frame_max;
  say(ConnectionTuneOk{tune.channel_max, tune.frame_max, 0}, 0);
  say(ConnectionOpen{vhost}, 0);
}

void AmqpClient::open(const std::string& user, const std::string& password, const std::string& vhost) {
  enter(log_in(user, password), vhost);
  hear<ConnectionOpenOk>();
  open_channel();
}

void AmqpClient::open_channel(std::uint16_t channel) { ask<ChannelOpenOk>(ChannelOpen{}, channel); }

QueueDeclareOk AmqpClient::declare(const std::string& queue) {
  QueueDeclare declare;
  declare.queue = queue;
  declare.durable = true;
  return ask<QueueDeclareOk>(declare);
}

void AmqpClient::publish(const std::string& exchange, const std::string& key, std::string_view body, bool persistent) {
  // Its only property is the delivery mode.
  const std::string_view properties =
      persistent ? std::string_view("\x10\x00\x02", 3) : std::string_view("\x00\x00", 2);
  encode_message(1, BasicPublish{0, exchange, key}, properties, body, frame_max_, output_);
}

void AmqpClient::flush() {
  write(output_);
  output_.clear();
}

bool AmqpClient::has_queue(const std::string& queue) {
  QueueDeclare declare;
  declare.queue = queue;
  declare.passive = true;
  say(declare);
  next();
  bool found = false;
  const auto valid = visit_method(method_, [&]<class M>(M&& method) {
    if constexpr (std::is_same_v<M, QueueDeclareOk>) {
      found = true;
    } else if constexpr (std::is_same_v<M, ChannelClose>) {
      if (method.reply_code != 404 && method.reply_code != 405) throw std::runtime_error(last());
      found = method.reply_code == 405;
      say(ChannelCloseOk{});
      open_channel();
    } else {
      throw std::runtime_error(last());
    }
  });
  if (!valid) throw std::runtime_error("an answer is malformed");
  return found;
}

void AmqpClient::consume(const std::string& queue, bool no_ack) {
  BasicConsume consume;
  consume.queue = queue;
  consume.consumer_tag = "consumer";
  consume.no_ack = no_ack;
  ask<BasicConsumeOk>(consume);
}

std::string AmqpClient::last() const {
  std::string out = "nothing";
  const auto valid = visit_method(method_, [&](auto&& method) { out = to_string(method); });
  return valid ? out : "what is malformed";
}

void AmqpClient::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = tls_ == nullptr ? send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                                         : SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool AmqpClient::read_some() {
  input_.erase(0, std::exchange(consumed_, 0));
  const std::size_t size = input_.size();
  input_.resize(size + kReadBytes);
  const ssize_t got = tls_ == nullptr ? recv(socket_, input_.data() + size, kReadBytes, 0)
                                      : SSL_read(tls_.get(), input_.data() + size, kReadBytes);
  input_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && tls_ != nullptr) fail_tls("nothing came");
  if (got < 0 && errno != ECONNRESET) fail("nothing came");
  return got > 0;
}

bool AmqpClient::ended() {
  const std::size_t before = input_.size() - consumed_;
  return before == 0 && !read_some();
}

Frame AmqpClient::next_frame(std::string& payload) {
  for (;;) {
    const NextFrame found = broker::amqp::next_frame(std::string_view(input_).substr(consumed_), frame_max_);
    if (found.state == NextFrame::State::kError) throw std::runtime_error("a frame is malformed");
    if (found.state == NextFrame::State::kNeedMore) {
      if (!read_some()) throw std::runtime_error("the server has ended the connection");
      continue;
    }
    consumed_ += found.size;
    if (found.frame.type == FrameType::kHeartbeat) continue;
    payload.assign(found.frame.payload);
    return found.frame;
  }
}

void AmqpClient::next() {
  if (next_frame(method_).type != FrameType::kMethod) throw std::runtime_error("content without a method");
  bool content = false;
  const auto valid = visit_method(method_, [&]<class M>(M&&) { content = CarriesContent<M>; });
  body_.clear();
  if (!valid || !content) return;
  std::string payload;
  next_frame(payload);
  const auto header = decode_content_header(payload);
  if (!header) throw std::runtime_error("a content header is malformed");
  const std::uint64_t size = header->body_size;
  while (body_.size() < size) {
    next_frame(payload);
    body_ += payload;
  }
}

}  // namespace escrow::e2e
