// The client of AMQP 0-9-1 under the loads: cheap, so that the broker is what runs out of processor time. Frames are
// encoded once and sent as they are, and what comes is looked at where it was received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "broker/amqp/method_codec.h"

namespace escrow::bench {

struct AmqpServer {
  /// An IPv4 address and a port.
  std::string target = "127.0.0.1:5672";
  std::string user = "guest";
  std::string password = "guest";
};

inline constexpr std::uint16_t kChannel = 1;

/// A connection with one channel. Used by one thread. Whatever goes wrong ends the process with a message.
class AmqpConnection {
 public:
  explicit AmqpConnection(const AmqpServer& server);
  ~AmqpConnection();
  AmqpConnection(const AmqpConnection&) = delete;
  AmqpConnection& operator=(const AmqpConnection&) = delete;

  /// Says a method on a channel and waits for its answer, whose payload is returned; it lives until the next receive().
  /// Skips what else comes.
  template <class Answer, class Question>
  std::string_view ask(const Question& question, std::uint16_t channel = kChannel) {
    std::string bytes;
    broker::amqp::encode_method(channel, question, bytes);
    send(bytes);
    return hear(Answer::kId);
  }
  /// Closes it, so that the server has taken everything that was sent before.
  void close();

  /// Sends all of it. As long as the server takes none, what it sends is received: neither waits for the other.
  void send(std::string_view bytes);

  enum class Wait : std::uint8_t { kNo, kForSomeTime };
  /// Receives what has come. kForSomeTime waits for something, but gives the caller a turn five times a second. False:
  /// nothing came.
  bool receive(Wait wait);
  /// The next whole frame of what was received, heartbeats left out; its payload lives until the next receive(). False:
  /// there is none.
  bool next_frame(broker::amqp::Frame& frame);

  /// The method in the payload of a frame, which must not be the end of the channel or connection.
  static broker::amqp::MethodId method_of(std::string_view payload);

 private:
  std::string_view hear(broker::amqp::MethodId answer);

  int socket_ = -1;
  std::uint32_t frame_max_ = broker::amqp::kDefaultFrameMax;
  // Not initialised: a connection that hears little uses little memory.
  std::unique_ptr<char[]> received_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace escrow::bench
