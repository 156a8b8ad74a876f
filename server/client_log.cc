#include "server/client_log.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "rpc/utf8.h"

namespace escrow::server {
namespace {

using Event = ClientLog::Event;

constexpr std::chrono::seconds kInterval{1};

struct Style {
  spdlog::level::level_enum level;
  std::string_view what;
};

/// A mistake that ends only a channel is often part of a client's life, as asking for a queue that may not be there.
Style style_of(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::kRefused:
      return {spdlog::level::warn, "connection refused"};
    case Event::Kind::kHandshakeFailed:
      return {spdlog::level::warn, "handshake failed"};
    case Event::Kind::kLoginRefused:
      return {spdlog::level::warn, "login refused"};
    case Event::Kind::kOpened:
      return {spdlog::level::debug, "connection opened"};
    case Event::Kind::kChannelError:
      return {spdlog::level::debug, "channel error"};
    case Event::Kind::kConnectionError:
      return {spdlog::level::warn, "connection error"};
    case Event::Kind::kHeartbeatMissed:
      return {spdlog::level::warn, "heartbeat missed"};
    case Event::Kind::kClosed:
      break;
  }
  return {spdlog::level::debug, "connection closed"};
}

/// "login refused: 127.0.0.1:40522, user 'shop': 403 ACCESS_REFUSED - …". The address is not a client's to choose, so it
/// comes first: whoever looks for it finds the right one.
std::string line_of(std::string_view what, const Event& event) {
  const auto quoted = [](std::string_view text) { return "'" + printable(text, ClientLog::kMaxTextBytes) + "'"; };
  std::string line(what);
  line.append(": ").append(event.peer.empty() ? "address unknown" : event.peer);
  if (!event.user.empty()) line += ", user " + quoted(event.user);
  if (!event.vhost.empty()) line += ", vhost " + quoted(event.vhost);
  if (event.channel != 0) line += ", channel " + std::to_string(event.channel);
  if (event.text.empty()) return line;
  line += ": ";
  if (event.reply_code != 0) line += std::to_string(event.reply_code) + " ";
  return line + printable(event.text, ClientLog::kMaxTextBytes);
}

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7F; }

}  // namespace

ClientLog::~ClientLog() {
  for (auto& [kind, limit] : limits_) say_left_out(kind, limit, Monotonic::max());
}

void ClientLog::start() {
  timer_.expires_after(kInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    say_left_out();
    start();
  });
}

void ClientLog::report(const Event& event) {
  const Style style = style_of(event.kind);
  if (!logger_->should_log(style.level)) return;
  const std::scoped_lock lock(mutex_);
  if (style.level == spdlog::level::warn) {
    const Monotonic now = clock_.monotonic();
    RateLimit& limit = limits_.try_emplace(event.kind, kMaxWarnings, kWindow).first->second;
    say_left_out(event.kind, limit, now);
    if (!limit.pass(now)) return;
  }
  logger_->log(style.level, line_of(style.what, event));
}

void ClientLog::say_left_out() {
  const std::scoped_lock lock(mutex_);
  for (auto& [kind, limit] : limits_) say_left_out(kind, limit, clock_.monotonic());
}

void ClientLog::say_left_out(Event::Kind kind, RateLimit& limit, Monotonic now) {
  const std::uint64_t left_out = limit.take_left_out(now);
  if (left_out == 0) return;
  logger_->warn("{}: {} more, left out: at most {} a minute are written", style_of(kind).what, left_out, kMaxWarnings);
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const bool cut = text.size() > max_bytes;
  const std::string valid = rpc::to_utf8(text.substr(0, max_bytes));
  std::string out;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    // U+0080 to U+009F are control characters, too; in UTF-8 they begin with C2.
    const bool of_two = byte == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0;
    if (!is_control(byte) && !of_two) {
      out += valid[i];
      continue;
    }
    const auto character = of_two ? static_cast<unsigned char>(valid[++i]) : byte;
    out.append("\\x").append(1, kDigits[character >> 4]).append(1, kDigits[character & 15]);
  }
  return cut ? out + "..." : out;
}

}  // namespace escrow::server
