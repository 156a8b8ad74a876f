// A client of AMQP that does nothing by itself: tests say and hear every method.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "broker/amqp/content.h"
#include "broker/amqp/method_codec.h"
#include "tests/support/server_process.h"

struct ssl_ctx_st;
struct ssl_st;

namespace escrow::e2e {

/// What a client with TLS believes, and shows. Names of PEM files; without a certificate it shows none.
struct ClientTls {
  std::string authorities;
  std::string server = {};  ///< its name; empty: its address
  std::string certificate = {};
  std::string key = {};
};

/// Used by one thread. Whatever comes instead of what a test expects, or too late, is thrown and so ends the test.
class AmqpClient {
 public:
  /// Connects, and says nothing yet but, with TLS, what TLS says.
  explicit AmqpClient(const Loopback& server, const std::optional<ClientTls>& tls = std::nullopt);
  ~AmqpClient();
  AmqpClient(const AmqpClient&) = delete;
  AmqpClient& operator=(const AmqpClient&) = delete;

  /// The handshake until the server says what it allows.
  broker::amqp::ConnectionTune log_in(const std::string& user = "guest", const std::string& password = "guest");
  /// The same by the certificate.
  broker::amqp::ConnectionTune log_in_external() { return log_in_by("EXTERNAL", ""); }
  /// The mechanisms that were offered.
  const std::string& mechanisms() const { return mechanisms_; }
  /// The rest of it, agreeing with the server but for the heartbeats, of which there are none. The answer is not heard.
  void enter(const broker::amqp::ConnectionTune& tune, const std::string& vhost = "/");
  /// All of it, and channel 1.
  void open(const std::string& user = "guest", const std::string& password = "guest", const std::string& vhost = "/");
  void open_channel(std::uint16_t channel = 1);

  template <class M>
  void say(const M& method, std::uint16_t channel = 1) {
    std::string out;
    broker::amqp::encode_method(channel, method, out);
    write(out);
  }
  /// The next method, which must be this one. Its strings live until the next call.
  template <class M>
  M hear() {
    next();
    M heard;
    bool found = false;
    const auto valid = broker::amqp::visit_method(method_, [&]<class Other>(Other&& method) {
      if constexpr (std::is_same_v<Other, M>) heard = std::move(method), found = true;
    });
    if (!valid || !found) throw std::runtime_error(std::string(M::kName) + " expected, but heard " + last());
    return heard;
  }
  template <class M, class Question>
  M ask(const Question& question, std::uint16_t channel = 1) {
    say(question, channel);
    return hear<M>();
  }
  /// The method of the last hear() in words.
  std::string last() const;
  /// What came with it.
  const std::string& body() const { return body_; }

  broker::amqp::QueueDeclareOk declare(const std::string& queue);
  /// To the exchange or, without one, to the queue `key`. Not flushed: see flush().
  void publish(const std::string& exchange, const std::string& key, std::string_view body, bool persistent = true);
  void flush();
  /// Declares passively; a channel that this closes is opened again.
  bool has_queue(const std::string& queue);
  void consume(const std::string& queue, bool no_ack = false);

  void write(std::string_view bytes);
  /// True: the server ends the connection and says no more.
  bool ended();
  /// Whatever has come so far is passed over.
  void skip() { consumed_ = input_.size(); }

 private:
  broker::amqp::ConnectionTune log_in_by(const std::string& mechanism, const std::string& response);
  void secure(const ClientTls& tls, const std::string& host);
  void next();
  /// False: the end.
  bool read_some();
  broker::amqp::Frame next_frame(std::string& payload);

  int socket_ = -1;
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
  std::string mechanisms_;
  std::uint32_t frame_max_ = broker::amqp::kMaxFrameBeforeAuthentication;
  std::string input_;
  std::size_t consumed_ = 0;
  std::string output_;
  std::string method_;
  std::string body_;
};

}  // namespace escrow::e2e
