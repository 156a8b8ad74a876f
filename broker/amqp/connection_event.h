// What becomes of a client's connection, for the log: who came, what it did wrong, how it left.
#pragma once

#include <cstdint>
#include <string_view>

namespace escrow::broker::amqp {

/// The views are valid during the call that reports it. What clients say may be any bytes.
struct ConnectionEvent {
  enum class Kind : std::uint8_t {
    kRefused,          ///< not accepted at all
    kHandshakeFailed,  ///< no TLS, no AMQP 0-9-1, or too slow
    kLoginRefused,
    kOpened,           ///< the virtual host was entered
    kChannelError,     ///< the server closes the channel
    kConnectionError,  ///< the server closes the connection
    kHeartbeatMissed,
    kClosed,  ///< by whomever, in whatever state
  };
  Kind kind = Kind::kOpened;
  std::string_view peer = {};   ///< "127.0.0.1:40522"
  std::string_view user = {};   ///< empty: did not say; before kOpened and in kLoginRefused: says to be
  std::string_view vhost = {};  ///< empty: did not say
  std::uint16_t channel = 0;
  std::uint16_t reply_code = 0;  ///< of kLoginRefused, kChannelError and kConnectionError
  std::string_view text = {};    ///< why; of kOpened and kClosed empty
};

}  // namespace escrow::broker::amqp
