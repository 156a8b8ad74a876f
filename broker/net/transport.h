// How a connection's bytes travel over its socket, which does not block: as they are, or through TLS.
//
// Every attempt says what to wait for before the next one. Used by one thread; writing to a socket whose client is gone must
// not end the process, so SIGPIPE is to be ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "broker/net/tls_context.h"

namespace escrow::broker::net {

class Transport {
 public:
  enum class Next : std::uint8_t {
    kAgain,     ///< nothing: go on
    kReadable,  ///< until the socket is readable
    kWritable,  ///< until the socket is writable
    kEnded,     ///< nothing more comes or goes: the client is gone, or it broke the rules of TLS
  };
  struct Moved {
    std::size_t bytes = 0;
    Next next = Next::kAgain;
  };

  /// The socket is the caller's, and stays open longer. nullptr: no TLS; a context outlives it.
  Transport(int descriptor, const TlsContext* tls);

  /// TLS is not there yet: handshake() is to be called until it says kAgain, and nothing else before.
  bool shaking_hands() const { return shaking_hands_; }
  /// kEnded: it failed, and the client was told why if it listens; what it still sends is no TLS any more.
  Next handshake();
  /// Why it failed; empty: the client left before it said anything.
  const std::string& handshake_failure() const { return handshake_failure_; }
  /// Whom the client's certificate names, if it showed one; it was verified then. Empty: it names nobody.
  std::optional<std::string> certified_user() const;

  /// kAgain: there was no room for all there is.
  Moved receive(char* to, std::size_t room);
  /// There is input although the socket may not be readable.
  bool holds_input() const { return holds_input_; }
  /// What is sent after kWritable begins with the bytes that were not.
  Moved send(const char* from, std::size_t size);
  /// Tells the client that no more comes.
  void finish();

 private:
  Next next_of(int result) const;

  const int descriptor_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
  const LoginFrom login_from_;
  bool shaking_hands_;
  std::string handshake_failure_;
  bool holds_input_ = false;
};

}  // namespace escrow::broker::net
