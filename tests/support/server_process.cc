#include "tests/support/server_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace escrow {
namespace {

Process::Options process_options(const ServerProcess::Options& options, const Loopback& address) {
  std::vector<std::string> command{options.program, "--dev",      "--data-dir",     options.data_directory,
                                   "--grpc-bind",   address.host, "--grpc-port",    address.port,
                                   "--http-port",   "0",          "--metrics-port", "0"};
  const Loopback amqp = options.amqp.value_or(Loopback{address.host, "0"});
  command.insert(command.end(), {"--amqp-bind", amqp.host, "--amqp-port", amqp.port});
  command.insert(command.end(), options.flags.begin(), options.flags.end());
  return {.command = std::move(command), .log_file = options.log_file};
}

}  // namespace

Loopback Loopback::free() {
  const auto process = static_cast<std::uint32_t>(getpid());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  // 127.1.0.0 and up: 127.0.0.1 is everybody's.
  address.sin_addr.s_addr = htonl(0x7f010000U + process % 0xfe0000U);
  socklen_t size = sizeof address;
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (descriptor < 0 || bind(descriptor, generic, size) != 0 || getsockname(descriptor, generic, &size) != 0) {
    std::perror("a free port");
    std::exit(2);
  }
  close(descriptor);
  return {inet_ntoa(address.sin_addr), std::to_string(ntohs(address.sin_port))};  // NOLINT(concurrency-mt-unsafe)
}

ServerProcess::ServerProcess(const Options& options, const Loopback& address)
    : Process(process_options(options, address)), target_(address.target()) {}

}  // namespace escrow
