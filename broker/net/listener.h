// Listens for clients of AMQP and keeps their connections.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "broker/amqp/session.h"
#include "broker/net/asio_loop.h"
#include "broker/net/tls_context.h"
#include "engine/engine_thread.h"

namespace escrow::broker::net {

class Connection;

/// "127.0.0.1:40522", "[::1]:40522"; empty when the client is gone already.
std::string peer_of(const boost::asio::ip::tcp::socket& socket);

struct Endpoint {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
};

/// One of the two at least.
struct ListenerOptions {
  std::optional<Endpoint> plain;
  std::optional<Endpoint> with_tls;
  TlsOptions tls;
  std::size_t max_connections = 10'000;
  amqp::SessionLimits limits;
};

/// Calls back once, from any thread, at once or later. nullptr: refused.
using Authenticate =
    std::function<void(amqp::Login, std::function<void(std::shared_ptr<const amqp::UserPermissions>)>)>;

/// Called on the engine's thread, so it must not block.
using Report = std::function<void(const amqp::ConnectionEvent&)>;

/// Bytes on their way in. Messages that are posted point into it and keep it; nobody else's is used again.
struct Chunk {
  static constexpr std::size_t kBytes = 256 << 10;
  std::unique_ptr<char[]> bytes = std::make_unique_for_overwrite<char[]>(kBytes);
};

class Listener {
 public:
  /// The loop, which is the engine's, and the engine outlive it. ADDRESS_IN_USE, LISTEN_FAILED, and of TLS those of
  /// TlsContext::load.
  static Result<std::unique_ptr<Listener>> start(AsioLoop& loop, engine::EngineThread& engine, const Clock& clock,
                                                 ListenerOptions options, Authenticate authenticate, Report report,
                                                 std::uint64_t seed);
  /// After the engine's thread has ended.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// "AMQP on 127.0.0.1:5672, AMQPS on 127.0.0.1:5671"
  std::string describe() const;
  /// The alarm of the engine's inbox went up or down. Any thread.
  void alarm_changed();
  /// Takes no more connections and asks clients to leave; calls `gone` on the engine's thread when all have. Any thread.
  void shut_down(std::function<void()> gone);

 private:
  friend class Connection;
  Listener(AsioLoop& loop, engine::EngineThread& engine, const Clock& clock, ListenerOptions options,
           Authenticate authenticate, Report report, std::uint64_t seed);
  struct Door {
    boost::asio::ip::tcp::acceptor acceptor;
    const TlsContext* tls = nullptr;
  };
  Result<void> open();
  Result<void> open(const Endpoint& endpoint, const TlsContext* tls);
  void accept(Door& door);
  /// It is closed at once.
  void refuse(const boost::asio::ip::tcp::socket& socket) const;
  void tick();
  std::shared_ptr<Chunk> chunk();
  /// Which may end themselves meanwhile.
  std::vector<std::shared_ptr<Connection>> connections() const;
  void remove(Connection* connection);
  void tell_if_gone();

  AsioLoop& loop_;
  engine::EngineThread& engine_;
  const Clock& clock_;
  const ListenerOptions options_;
  const Authenticate authenticate_;
  const Report report_;
  Random random_;
  std::unique_ptr<TlsContext> tls_;
  std::vector<std::unique_ptr<Door>> doors_;
  boost::asio::steady_timer timer_;
  ConnectionId next_connection_ = 1;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Chunk>> chunks_;
  std::function<void()> gone_;
};

}  // namespace escrow::broker::net
