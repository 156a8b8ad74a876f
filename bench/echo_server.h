// A gRPC server that answers Prepare with the bytes it was sent. It is built like escrowd's (callback API,
// raw bytes), so it is the floor of any call: gRPC, the loopback interface and the scheduler, and nothing
// else.
#pragma once

#include <sys/types.h>

#include <string>

namespace escrow::bench {

/// A process of its own, as escrowd is one. Ends with the object.
class EchoServer {
 public:
  /// Starts `program --echo`, which must call run_echo_server(); ends this process with a message when that
  /// fails.
  explicit EchoServer(const char* program);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  const std::string& target() const { return target_; }

 private:
  pid_t pid_ = 0;
  int input_ = -1;  // closing it ends the server
  std::string target_;
};

/// Prints the port it listens on, then serves until its standard input ends.
void run_echo_server();

}  // namespace escrow::bench
