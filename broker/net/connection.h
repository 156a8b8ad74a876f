// A client's connection, with or without TLS: bytes to its session, commands to the engine, and back.
//
// Reading stops while the engine's inbox is over its limits, while the client does not take what it is sent, and while it is a
// publisher that an alarm holds up: the socket's window then slows the client down. Everything here runs with EngineThread::hold().
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "broker/amqp/session.h"
#include "broker/net/listener.h"
#include "broker/net/transport.h"
#include "engine/port.h"

namespace escrow::broker::net {

class Connection final : public std::enable_shared_from_this<Connection>,
                         public engine::Port,
                         private amqp::SessionHost {
 public:
  /// `tls`: nullptr without.
  Connection(Listener& listener, boost::asio::ip::tcp::socket socket, const TlsContext* tls, ConnectionId id,
             Random random);

  void start() { wait_readable(); }
  /// About twice a second.
  void tick(Monotonic now);
  void shut_down();
  /// Of the inbox: publishers are held up while one is up.
  void alarm_changed();

 private:
  using Tcp = boost::asio::ip::tcp;

  // engine::Port
  void reply(std::uint64_t request, Result<engine::Reply> reply) override;
  void deliver(const Delivery& delivery) override { session_.deliver(delivery); }
  void consumer_cancelled(ConsumerId consumer) override { session_.consumer_cancelled(consumer); }
  void check(const engine::Check&) override {}
  void flush() override;
  void closed() override;
  // amqp::SessionHost
  void post(amqp::Request request) override;
  void authenticate(amqp::Login login) override;
  void report(amqp::ConnectionEvent event) override;

  bool may_read() const;
  void wait_readable();
  void read();
  /// True: there is TLS, or needs to be none.
  bool shake_hands();
  /// False: there is nothing more to be read now.
  /// For the inbox, when it has room again.
  std::function<void()> resume_reading();
  bool read_some();
  void feed(std::string_view in, const std::shared_ptr<Chunk>& owner);
  void write();
  void wait_writable();
  /// The socket is of no use any more.
  void end();

  Listener& listener_;
  Tcp::socket socket_;
  const std::string peer_;
  Transport transport_;
  amqp::Session session_;
  std::string rest_;         // of the input: what is not a whole frame yet
  std::size_t written_ = 0;  // of the session's output
  bool reading_ = false;     // waits to become readable
  bool writing_ = false;     // waits to become writable
  bool engine_full_ = false;
  bool shut_ = false;  // nothing more is sent
  bool ended_ = false;
  bool received_ = false;  // since the last tick
  bool sent_ = false;
};

}  // namespace escrow::broker::net
