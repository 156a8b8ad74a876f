#include "broker/net/transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>

namespace escrow::broker::net {
namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Transport::Transport(int descriptor, const TlsContext* tls)
    : descriptor_(descriptor),
      tls_(nullptr, &SSL_free),
      login_from_(tls == nullptr ? LoginFrom() : tls->login_from()),
      shaking_hands_(tls != nullptr) {
  if (tls != nullptr) tls_ = tls->connection(descriptor);
}

Transport::Next Transport::next_of(int result) const {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Next::kReadable;
    case SSL_ERROR_WANT_WRITE:
      return Next::kWritable;
    default:
      return Next::kEnded;
  }
}

Transport::Next Transport::handshake() {
  Next next = Next::kEnded;
  if (tls_ != nullptr) {
    ERR_clear_error();
    const int done = SSL_accept(tls_.get());
    next = done == 1 ? Next::kAgain : next_of(done);
  }
  shaking_hands_ = next == Next::kReadable || next == Next::kWritable;
  if (next == Next::kEnded) {
    const bool spoke = tls_ != nullptr && BIO_number_read(SSL_get_rbio(tls_.get())) > 0;
    handshake_failure_ = spoke ? tls_failure() : std::string();
    tls_.reset();
  }
  return next;
}

std::optional<std::string> Transport::certified_user() const {
  if (tls_ == nullptr || SSL_get_verify_result(tls_.get()) != X509_V_OK) return std::nullopt;
  const X509* const certificate = SSL_get0_peer_certificate(tls_.get());
  if (certificate == nullptr) return std::nullopt;
  return user_of(*certificate, login_from_);
}

Transport::Moved Transport::receive(char* to, std::size_t room) {
  if (tls_ == nullptr) {
    const ssize_t got = ::recv(descriptor_, to, room, 0);
    if (got < 0) return {0, would_block() ? Next::kReadable : Next::kEnded};
    if (got == 0) return {0, Next::kEnded};
    const auto bytes = static_cast<std::size_t>(got);
    return {bytes, bytes == room ? Next::kAgain : Next::kReadable};
  }
  Moved moved;
  while (moved.bytes < room && moved.next == Next::kAgain) {
    std::size_t got = 0;
    ERR_clear_error();
    if (const int done = SSL_read_ex(tls_.get(), to + moved.bytes, room - moved.bytes, &got); done != 1) {
      moved.next = next_of(done);
    }
    moved.bytes += got;
  }
  holds_input_ = moved.next == Next::kAgain;
  return moved;
}

Transport::Moved Transport::send(const char* from, std::size_t size) {
  if (tls_ == nullptr) {
    const ssize_t sent = ::send(descriptor_, from, size, MSG_NOSIGNAL);
    if (sent >= 0) return {static_cast<std::size_t>(sent), Next::kAgain};
    if (errno == EINTR) return {};
    return {0, would_block() ? Next::kWritable : Next::kEnded};
  }
  std::size_t sent = 0;
  ERR_clear_error();
  if (const int done = SSL_write_ex(tls_.get(), from, size, &sent); done != 1) {
    // Only renegotiation, which is off, would have to read first.
    return {0, next_of(done) == Next::kWritable ? Next::kWritable : Next::kEnded};
  }
  return {sent, Next::kAgain};
}

void Transport::finish() {
  if (tls_ != nullptr && !shaking_hands_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace escrow::broker::net
