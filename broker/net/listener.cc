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

Listener::Listener(AsioLoop& loop, engine::EngineThread& engine, const Clock& clock, ListenerOptions options,
                   Authenticate authenticate, std::uint64_t seed)
    : loop_(loop),
      engine_(engine),
      clock_(clock),
      options_(std::move(options)),
      authenticate_(std::move(authenticate)),
      random_(seed),
      acceptor_(loop.context()),
      timer_(loop.context()) {}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::start(AsioLoop& loop, engine::EngineThread& engine, const Clock& clock,
                                                  ListenerOptions options, Authenticate authenticate,
                                                  std::uint64_t seed) {
  std::unique_ptr<Listener> self(new Listener(loop, engine, clock, std::move(options), std::move(authenticate), seed));
  if (auto listening = self->listen(); !listening) return std::move(listening).error();
  boost::asio::post(loop.context(), [raw = self.get()] {
    const auto held = raw->engine_.hold();
    raw->accept();
    raw->tick();
  });
  return self;
}

Result<void> Listener::listen() {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(options_.bind, error);
  const boost::asio::ip::tcp::endpoint endpoint(address, options_.port);
  if (!error) acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) return {};
  const std::string where = options_.bind + ":" + std::to_string(options_.port);
  if (error == boost::asio::error::address_in_use) {
    return Error{ErrorCode::kFailedPrecondition,
                 "ADDRESS_IN_USE",
                 "something else listens on " + where + ": stop it, or choose another port with --amqp-port",
                 {}};
  }
  return Error{
      ErrorCode::kFailedPrecondition, "LISTEN_FAILED", "cannot listen on " + where + ": " + error.message(), {}};
}

std::string Listener::address() const {
  boost::system::error_code ignored;
  const auto endpoint = acceptor_.local_endpoint(ignored);
  return endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
}

void Listener::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, boost::asio::ip::tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    const auto held = engine_.hold();
    // Beyond the limit it is closed at once.
    if (!error && connections_.size() < options_.max_connections) {
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      const ConnectionId id = next_connection_++;
      auto connection = std::make_shared<Connection>(*this, std::move(socket), id, random_.split("connection"));
      connections_.emplace(connection.get(), connection);
      connection->start();
    }
    accept();
  });
}

void Listener::tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto held = engine_.hold();
    const Monotonic now = clock_.monotonic();
    std::vector<std::shared_ptr<Connection>> all;
    all.reserve(connections_.size());
    for (const auto& [raw, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->tick(now);
    tick();
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
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    gone_ = std::move(gone);
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [raw, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->shut_down();
    tell_if_gone();
  });
}

void Listener::tell_if_gone() {
  if (gone_ && connections_.empty()) std::exchange(gone_, nullptr)();
}

}  // namespace escrow::broker::net
