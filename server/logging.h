// The log: one line for each event, to standard error, by spdlog's default logger. What gRPC has to say goes there too.
//
//   any thread ─▶ at most kMaxWaitingLines ─▶ one thread that writes
//
// So a terminal or pipe that nobody reads holds up nobody; the oldest lines are then lost. In the journal of systemd a line has
// its priority, and no time, which the journal adds.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace spdlog::details {
class thread_pool;
}

namespace escrow::server {

class Logging {
 public:
  static constexpr std::size_t kMaxWaitingLines = 4096;

  /// `level` as in the setting log.level. Once per process, before other threads.
  explicit Logging(const std::string& level);
  /// Writes what waits. What is logged later is lost.
  ~Logging();
  Logging(const Logging&) = delete;
  Logging& operator=(const Logging&) = delete;

 private:
  std::shared_ptr<spdlog::details::thread_pool> writer_;
};

}  // namespace escrow::server
