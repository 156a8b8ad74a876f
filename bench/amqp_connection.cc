#include "bench/amqp_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "bench/fail.h"
#include "broker/amqp/method_text.h"

namespace escrow::bench {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

constexpr std::size_t kBufferBytes = 256 << 10;
static_assert(kBufferBytes > kDefaultFrameMax + kFrameMaxSlack, "a whole frame has room");
constexpr timeval kSomeTime{0, 200'000};
// Of the server, while an answer is due.
constexpr int kPatienceTurns = 300;

sockaddr_in address_of(const std::string& target) {
  const std::size_t colon = target.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos || inet_pton(AF_INET, target.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    fail("--target", "is an IPv4 address and a port");
  }
  address.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(target.c_str() + colon + 1, nullptr, 10)));
  return address;
}

}  // namespace

AmqpConnection::AmqpConnection(const AmqpServer& server)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      received_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {
  const sockaddr_in address = address_of(server.target);
  if (socket_ < 0 || connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("connect", std::strerror(errno));
  }
  const int yes = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kSomeTime, sizeof kSomeTime);

  send(kProtocolHeader);
  hear(ConnectionStart::kId);
  ConnectionStartOk start;
  start.mechanism = "PLAIN";
  const std::string response = '\0' + server.user + '\0' + server.password;
  start.response = response;
  start.locale = "en_US";
  ByteReader tune(ask<ConnectionTune>(start, 0));
  tune.u32_be();  // which method it is
  const std::uint16_t channel_max = tune.u16_be();
  frame_max_ = std::min(tune.u32_be(), kDefaultFrameMax);
  std::string bytes;
  encode_method(0, ConnectionTuneOk{channel_max, frame_max_, 0}, bytes);
  send(bytes);
  ask<ConnectionOpenOk>(ConnectionOpen{"/"}, 0);
  ask<ChannelOpenOk>(ChannelOpen{});
}

AmqpConnection::~AmqpConnection() { ::close(socket_); }

void AmqpConnection::close() {
  ConnectionClose method;
  method.reply_code = 200;
  ask<ConnectionCloseOk>(method, 0);
}

void AmqpConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN) fail("send", std::strerror(errno));
    const bool room = begin_ > 0 || end_ < kBufferBytes;
    pollfd either{socket_, static_cast<short>(room ? POLLIN | POLLOUT : POLLOUT), 0};
    if (poll(&either, 1, -1) < 0) fail("poll", std::strerror(errno));
    if ((either.revents & POLLIN) != 0) receive(Wait::kNo);
  }
}

bool AmqpConnection::receive(Wait wait) {
  std::memmove(received_.get(), received_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const ssize_t got = recv(socket_, received_.get() + end_, kBufferBytes - end_, wait == Wait::kNo ? MSG_DONTWAIT : 0);
  if (got == 0) fail("receive", "the server has ended the connection");
  if (got < 0 && errno != EAGAIN) fail("receive", std::strerror(errno));
  if (got > 0) end_ += static_cast<std::size_t>(got);
  return got > 0;
}

bool AmqpConnection::next_frame(Frame& frame) {
  for (;;) {
    const NextFrame next = broker::amqp::next_frame({received_.get() + begin_, end_ - begin_}, frame_max_);
    if (next.state == NextFrame::State::kNeedMore) return false;
    if (next.state == NextFrame::State::kError) fail("receive", "a frame is malformed");
    begin_ += next.size;
    frame = next.frame;
    if (frame.type != FrameType::kHeartbeat) return true;
  }
}

MethodId AmqpConnection::method_of(std::string_view payload) {
  ByteReader in(payload);
  const std::uint16_t class_id = in.u16_be();
  const MethodId id{class_id, in.u16_be()};
  if (id == ConnectionClose::kId || id == ChannelClose::kId) {
    (void)visit_method(payload, [](auto&& method) { fail("the server says", to_string(method)); });
  }
  return id;
}

std::string_view AmqpConnection::hear(MethodId answer) {
  Frame frame;
  for (int silent = 0; silent < kPatienceTurns; ++silent) {
    while (next_frame(frame)) {
      silent = 0;
      if (frame.type == FrameType::kMethod && method_of(frame.payload) == answer) return frame.payload;
    }
    receive(Wait::kForSomeTime);
  }
  fail("the server", "does not answer");
}

}  // namespace escrow::bench
