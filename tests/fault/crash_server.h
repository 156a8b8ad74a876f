// The real server as a process that can be killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace escrow::crash {

/// Used by one thread. A server that still runs is killed with the object, and with this process.
class ServerProcess {
 public:
  struct Options {
    std::string program;
    std::string data_directory;
    /// Everything the server prints is appended here.
    std::string log_file;
    /// More flags for the server.
    std::vector<std::string> flags;
  };

  /// Starts it on a port that was free a moment ago.
  explicit ServerProcess(const Options& options);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// False: it ended instead, or was not ready in time.
  bool wait_ready(std::chrono::milliseconds timeout);
  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }

  /// True: it has ended.
  bool wait_end(std::chrono::milliseconds timeout);
  void signal(int number) const;
  /// Waits for the end. The exit code, or the negative number of the signal that ended it.
  int join();

 private:
  void read_output(int descriptor, const std::string& log_file);

  int port_ = 0;
  pid_t pid_ = 0;
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  bool ended_ = false;
  bool joined_ = false;
};

}  // namespace escrow::crash
