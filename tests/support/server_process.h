// The real server as a process that can be stopped and killed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace escrow {

/// A place to listen at. The address is one that no other process uses (127.0.0.0/8 is large), so that nobody
/// can take the port between the moment it is found free and the moment it is used.
struct Loopback {
  std::string host;
  std::string port;

  static Loopback free();
  std::string target() const { return host + ":" + port; }
};

/// escrowd for development, with gRPC and, if it is told where, AMQP.
class ServerProcess : public Process {
 public:
  struct Options {
    std::string program;
    std::string data_directory;
    /// More flags for the server.
    std::vector<std::string> flags = {};
    std::string log_file = {};
    std::optional<Loopback> amqp = {};
  };

  explicit ServerProcess(const Options& options) : ServerProcess(options, Loopback::free()) {}

  /// False: it ended instead, or was not ready in time.
  bool wait_ready(std::chrono::milliseconds timeout) { return wait_for(" ready: ", timeout); }
  const std::string& target() const { return target_; }

 private:
  ServerProcess(const Options& options, const Loopback& address);

  const std::string target_;
};

}  // namespace escrow
