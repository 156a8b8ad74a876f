// What clients do, and do wrong, as lines of the log. They cannot fill a disk with it: of each kind of warning so many are
// written in a window, and then how many more there were. What they say comes out as text on one line, whatever it was.
#pragma once

#include <spdlog/logger.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "broker/amqp/connection_event.h"
#include "server/rate_limit.h"

namespace escrow::server {

/// Thread-safe. Does not block if the logger does not.
class ClientLog {
 public:
  using Event = broker::amqp::ConnectionEvent;
  /// Of a kind, in a window.
  static constexpr std::uint64_t kMaxWarnings = 30;
  static constexpr Monotonic kWindow = std::chrono::minutes(1);
  /// Of each thing that a client says.
  static constexpr std::size_t kMaxTextBytes = 255;

  /// The loop and the clock outlive it.
  ClientLog(boost::asio::io_context& loop, const Clock& clock, std::shared_ptr<spdlog::logger> logger)
      : timer_(loop), clock_(clock), logger_(std::move(logger)) {}
  /// Says what was left out, whether or not its window is over.
  ~ClientLog();
  ClientLog(const ClientLog&) = delete;
  ClientLog& operator=(const ClientLog&) = delete;

  /// Calls say_left_out() every second on the loop's thread.
  void start();

  void report(const Event& event);
  /// Of windows that are over.
  void say_left_out();

 private:
  void say_left_out(Event::Kind kind, RateLimit& limit, Monotonic now);  // mutex held

  boost::asio::steady_timer timer_;
  const Clock& clock_;
  const std::shared_ptr<spdlog::logger> logger_;
  std::mutex mutex_;
  std::map<Event::Kind, RateLimit> limits_;
};

/// At most so many bytes of it, on one line: control characters are written as \xNN, what is no UTF-8 as U+FFFD.
std::string printable(std::string_view text, std::size_t max_bytes);

}  // namespace escrow::server
