#include "broker/net/connection.h"

#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

namespace escrow::broker::net {
namespace {

/// Reads of one connection before the others have their turn.
constexpr int kReadsInARow = 4;
/// Output that a connection at rest may keep room for.
constexpr std::size_t kKeptOutput = 4096;

}  // namespace

Connection::Connection(Listener& listener, Tcp::socket socket, const TlsContext* tls, ConnectionId id, Random random)
    : listener_(listener),
      socket_(std::move(socket)),
      peer_(peer_of(socket_)),
      transport_(socket_.native_handle(), tls),
      session_(listener.options_.limits, id, random, *this, listener.clock_.monotonic()) {
  session_.set_alarm(listener.engine_.inbox().alarm());
}

bool Connection::may_read() const {
  return !engine_full_ && !session_.authenticating() && !session_.blocked() &&
         session_.output().size() - written_ < static_cast<std::size_t>(listener_.options_.limits.unwritten_bytes);
}

void Connection::wait_readable() {
  if (ended_ || !may_read() || std::exchange(reading_, true)) return;
  auto readable = [self = shared_from_this()](const boost::system::error_code& error) {
    const auto held = self->listener_.engine_.hold();
    self->reading_ = false;
    if (self->ended_) return;
    if (error) return self->end();
    self->read();
  };
  if (transport_.holds_input()) {
    boost::asio::post(socket_.get_executor(), [readable = std::move(readable)] { readable({}); });
  } else {
    socket_.async_wait(Tcp::socket::wait_read, std::move(readable));
  }
}

bool Connection::shake_hands() {
  switch (transport_.handshake()) {
    case Transport::Next::kAgain:
      if (std::optional<std::string> user = transport_.certified_user()) session_.certified(*std::move(user));
      return true;
    case Transport::Next::kReadable:
      wait_readable();
      return false;
    case Transport::Next::kWritable:
      wait_writable();
      return false;
    case Transport::Next::kEnded:
      break;
  }
  if (const std::string& why = transport_.handshake_failure(); !why.empty()) {
    report({.kind = amqp::ConnectionEvent::Kind::kHandshakeFailed, .text = "no TLS: " + why});
  }
  session_.shut_down("no TLS");
  write();
  wait_readable();
  return false;
}

void Connection::read() {
  if (transport_.shaking_hands() && !shake_hands()) return;
  for (int i = 0; i < kReadsInARow && !ended_ && may_read(); ++i) {
    if (!read_some()) break;
  }
  write();
  wait_readable();
}

bool Connection::read_some() {
  if (!listener_.engine_.inbox().has_room(resume_reading())) {
    engine_full_ = true;
    return false;
  }
  const std::shared_ptr<Chunk> chunk = listener_.chunk();
  const std::size_t kept = rest_.size();
  std::memcpy(chunk->bytes.get(), rest_.data(), kept);
  const std::size_t room = Chunk::kBytes - kept;
  const Transport::Moved got = transport_.receive(chunk->bytes.get() + kept, room);
  if (got.bytes > 0) {
    received_ = true;
    feed({chunk->bytes.get(), kept + got.bytes}, chunk);
  }
  if (got.next == Transport::Next::kEnded) end();
  if (got.next == Transport::Next::kWritable) wait_writable();
  return got.next == Transport::Next::kAgain;
}

void Connection::feed(std::string_view in, const std::shared_ptr<Chunk>& owner) {
  const std::size_t consumed = session_.receive(in, owner);
  in.remove_prefix(consumed);
  if (in.empty()) {
    if (!rest_.empty()) std::string().swap(rest_);
  } else {
    rest_.assign(in);
  }
}

void Connection::post(amqp::Request request) {
  engine::Command command;
  command.port = this;
  command.request = request.request;
  command.actor = session_.user();
  command.body =
      std::visit([](auto&& body) { return engine::CommandBody(std::move(body)); }, std::move(request.command));
  command.scope = std::move(request.scope);
  if (!listener_.engine_.inbox().post(std::move(command), resume_reading())) engine_full_ = true;
}

std::function<void()> Connection::resume_reading() {
  return [this] {
    if (std::exchange(engine_full_, false)) wait_readable();
  };
}

void Connection::authenticate(amqp::Login login) {
  listener_.authenticate_(std::move(login), [weak = weak_from_this(), &listener = listener_](
                                                std::shared_ptr<const amqp::UserPermissions> permissions) {
    boost::asio::post(listener.loop_.context(), [weak, &listener, permissions = std::move(permissions)] {
      const auto held = listener.engine_.hold();
      const std::shared_ptr<Connection> self = weak.lock();
      if (self == nullptr || self->ended_) return;
      self->session_.authenticated(permissions);
      if (!self->rest_.empty()) {
        const std::shared_ptr<Chunk> chunk = listener.chunk();
        const std::string rest = std::exchange(self->rest_, {});
        std::memcpy(chunk->bytes.get(), rest.data(), rest.size());
        self->feed({chunk->bytes.get(), rest.size()}, chunk);
      }
      self->write();
      self->wait_readable();
    });
  });
}

void Connection::report(amqp::ConnectionEvent event) {
  event.peer = peer_;
  listener_.report_(event);
}

void Connection::reply(std::uint64_t request, Result<engine::Reply> reply) {
  if (!reply) return session_.reply(request, std::move(reply).error());
  std::visit(
      [&]<class R>(R&& body) {
        if constexpr (std::is_constructible_v<ClientReply, R&&>) session_.reply(request, ClientReply(std::move(body)));
      },
      *std::move(reply));
}

void Connection::flush() {
  session_.flush();
  write();
  wait_readable();
}

void Connection::write() {
  if (ended_ || writing_ || shut_) return;
  std::string& output = session_.output();
  while (written_ < output.size()) {
    const Transport::Moved sent = transport_.send(output.data() + written_, output.size() - written_);
    if (sent.next == Transport::Next::kWritable) return wait_writable();
    if (sent.next == Transport::Next::kEnded) return end();
    sent_ = true;
    written_ += sent.bytes;
  }
  output.clear();
  written_ = 0;
  session_.written();
  if (!session_.finished()) return;
  // What the client still sends is read and dropped until it has seen the end, so that it does see it.
  shut_ = true;
  transport_.finish();
}

void Connection::wait_writable() {
  if (std::exchange(writing_, true)) return;
  socket_.async_wait(Tcp::socket::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    const auto held = self->listener_.engine_.hold();
    self->writing_ = false;
    if (self->ended_) return;
    if (error) return self->end();
    if (self->transport_.shaking_hands()) return self->read();
    self->write();
    self->wait_readable();
  });
}

void Connection::tick(Monotonic now) {
  if (ended_) return;
  // Nobody hears the heartbeats of a client that is not read, as it does not read itself.
  const bool received = std::exchange(received_, false) || !may_read();
  if (!session_.tick(now, received, std::exchange(sent_, false))) return end();
  write();
  if (session_.output().empty() && session_.output().capacity() > kKeptOutput) session_.output().shrink_to_fit();
}

void Connection::shut_down() {
  if (ended_) return;
  session_.shut_down("shutdown");
  write();
  wait_readable();
}

void Connection::alarm_changed() {
  if (ended_) return;
  session_.set_alarm(listener_.engine_.inbox().alarm());
  write();
  wait_readable();
}

void Connection::end() {
  if (std::exchange(ended_, true)) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
  report({.kind = amqp::ConnectionEvent::Kind::kClosed, .user = session_.user(), .vhost = session_.vhost()});
  session_.output().clear();
  listener_.engine_.inbox().post({this, 0, session_.user(), engine::ClosePort{}});
}

void Connection::closed() { listener_.remove(this); }

}  // namespace escrow::broker::net
