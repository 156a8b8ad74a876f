#include "broker/net/listener.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "broker/net/connection.h"

namespace escrow::broker::net {
namespace {

constexpr auto kTick = std::chrono::milliseconds(500);
constexpr std::size_t kMaxSpareChunks = 16;

}  // namespace

std::string peer_of(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code gone;
  const boost::asio::ip::tcp::endpoint peer = socket.remote_endpoint(gone);
  if (gone) return {};
  const std::string address = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer.port());
}

Listener::Listener(AsioLoop& loop, engine::EngineThread& engine, const Clock& clock, ListenerOptions options,
                   Authenticate authenticate, Report report, std::uint64_t seed)
    : loop_(loop),
      engine_(engine),
      clock_(clock),
      options_(std::move(options)),
      authenticate_(std::move(authenticate)),
      report_(std::move(report)),
      random_(seed),
      timer_(loop.context()) {}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::start(AsioLoop& loop, engine::EngineThread& engine, const Clock& clock,
                                                  ListenerOptions options, Authenticate authenticate, Report report,
                                                  std::uint64_t seed) {
  std::unique_ptr<Listener> self(
      new Listener(loop, engine, clock, std::move(options), std::move(authenticate), std::move(report), seed));
  if (auto opened = self->open(); !opened) return std::move(opened).error();
  boost::asio::post(loop.context(), [raw = self.get()] {
    const auto held = raw->engine_.hold();
    for (const auto& door : raw->doors_) raw->accept(*door);
    raw->tick();
  });
  return self;
}

Result<void> Listener::open() {
  if (options_.plain) {
    if (auto opened = open(*options_.plain, nullptr); !opened) return opened;
  }
  if (!options_.with_tls) return {};
  Result<std::unique_ptr<TlsContext>> tls = TlsContext::load(options_.tls);
  if (!tls) return std::move(tls).error();
  tls_ = *std::move(tls);
  return open(*options_.with_tls, tls_.get());
}

Result<void> Listener::open(const Endpoint& endpoint, const TlsContext* tls) {
  auto door = std::make_unique<Door>(Door{boost::asio::ip::tcp::acceptor(loop_.context()), tls});
  boost::system::error_code error;
  const boost::asio::ip::tcp::endpoint at(boost::asio::ip::make_address(endpoint.bind, error), endpoint.port);
  if (!error) door->acceptor.open(at.protocol(), error);
  if (!error) door->acceptor.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) door->acceptor.bind(at, error);
  if (!error) door->acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) {
    doors_.push_back(std::move(door));
    return {};
  }
  const std::string where = endpoint.bind + ":" + std::to_string(endpoint.port);
  if (error == boost::asio::error::address_in_use) {
    return Error{ErrorCode::kFailedPrecondition,
                 "ADDRESS_IN_USE",
                 "something else listens on " + where + ": stop it, or choose another port with " +
                     (tls == nullptr ? "--amqp-port" : "--amqps-port"),
                 {}};
  }
  return Error{
      ErrorCode::kFailedPrecondition, "LISTEN_FAILED", "cannot listen on " + where + ": " + error.message(), {}};
}

std::string Listener::describe() const {
  std::string out;
  for (const auto& door : doors_) {
    boost::system::error_code ignored;
    const auto endpoint = door->acceptor.local_endpoint(ignored);
    out += std::string(out.empty() ? "" : ", ") + (door->tls == nullptr ? "AMQP on " : "AMQPS on ") +
           endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
  }
  return out;
}

void Listener::accept(Door& door) {
  door.acceptor.async_accept(
      [this, &door](const boost::system::error_code& error, boost::asio::ip::tcp::socket socket) {
        if (!door.acceptor.is_open()) return;
        const auto held = engine_.hold();
        if (!error && connections_.size() >= options_.max_connections) {
          refuse(socket);
        } else if (!error) {
          boost::system::error_code ignored;
          socket.non_blocking(true, ignored);
          socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
          const ConnectionId id = next_connection_++;
          auto connection =
              std::make_shared<Connection>(*this, std::move(socket), door.tls, id, random_.split("connection"));
          connections_.emplace(connection.get(), connection);
          connection->start();
        }
        accept(door);
      });
}

void Listener::refuse(const boost::asio::ip::tcp::socket& socket) const {
  const std::string limit = std::to_string(options_.max_connections);
  report_({.kind = amqp::ConnectionEvent::Kind::kRefused,
           .peer = peer_of(socket),
           .text = "there are as many as amqp.max_connections allows, " + limit});
}

void Listener::tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto held = engine_.hold();
    const Monotonic now = clock_.monotonic();
    for (const auto& connection : connections()) connection->tick(now);
    tick();
  });
}

std::vector<std::shared_ptr<Connection>> Listener::connections() const {
  std::vector<std::shared_ptr<Connection>> out;
  out.reserve(connections_.size());
  for (const auto& [raw, connection] : connections_) out.push_back(connection);
  return out;
}

void Listener::alarm_changed() {
  boost::asio::post(loop_.context(), [this] {
    const auto held = engine_.hold();
    for (const auto& connection : connections()) connection->alarm_changed();
  });
}

std::shared_ptr<Chunk> Listener::chunk() {
  const auto free = std::ranges::find_if(chunks_, [](const auto& chunk) { return chunk.use_count() == 1; });
  if (free != chunks_.end()) return *free;
  auto chunk = std::make_shared<Chunk>();
  if (chunks_.size() < kMaxSpareChunks) chunks_.push_back(chunk);
  return chunk;
}

void Listener::remove(Connection* connection) {
  // Not at once: this may be called from within it.
  const auto it = connections_.find(connection);
  boost::asio::post(loop_.context(), [kept = std::move(it->second)] {});
  connections_.erase(it);
  tell_if_gone();
}

void Listener::shut_down(std::function<void()> gone) {
  boost::asio::post(loop_.context(), [this, gone = std::move(gone)]() mutable {
    const auto held = engine_.hold();
    for (const auto& door : doors_) {
      boost::system::error_code ignored;
      door->acceptor.close(ignored);
    }
    gone_ = std::move(gone);
    for (const auto& connection : connections()) connection->shut_down();
    tell_if_gone();
  });
}

void Listener::tell_if_gone() {
  if (gone_ && connections_.empty()) std::exchange(gone_, nullptr)();
}

}  // namespace escrow::broker::net
