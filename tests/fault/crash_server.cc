#include "tests/fault/crash_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace escrow::crash {
namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

int free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (socket_fd < 0 || bind(socket_fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail("a free port");
  }
  close(socket_fd);
  return ntohs(address.sin_port);
}

}  // namespace

ServerProcess::ServerProcess(const Options& options) : port_(free_port()) {
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) fail("pipe");
  std::vector<std::string> words{options.program,  "--dev",
                                 "--data-dir",     options.data_directory,
                                 "--grpc-port",    std::to_string(port_),
                                 "--amqp-port",    "0",
                                 "--http-port",    "0",
                                 "--metrics-port", "0"};
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    // gRPC's threads exist: between fork and exec only what is safe in a signal handler.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output[1], STDOUT_FILENO);
    dup2(output[1], STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(output[1]);
  reader_ =
      std::thread([this, descriptor = output[0], log = options.log_file] { read_output(descriptor, log); });
}

ServerProcess::~ServerProcess() {
  if (!joined_) {
    signal(SIGKILL);
    join();
  }
}

void ServerProcess::read_output(int descriptor, const std::string& log_file) {
  std::FILE* log = std::fopen(log_file.c_str(), "a");
  std::FILE* output = fdopen(descriptor, "r");
  char line[4096];
  while (output != nullptr && std::fgets(line, sizeof line, output) != nullptr) {
    if (log != nullptr) std::fputs(line, log), std::fflush(log);
    if (std::string_view(line).find("ready") == std::string_view::npos) continue;
    const std::scoped_lock lock(mutex_);
    ready_ = true;
    changed_.notify_all();
  }
  if (log != nullptr) std::fclose(log);
  if (output != nullptr) std::fclose(output);
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool ServerProcess::wait_ready(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return ready_ || ended_; });
  return ready_ && !ended_;
}

bool ServerProcess::wait_end(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return ended_; });
}

void ServerProcess::signal(int number) const { kill(pid_, number); }

int ServerProcess::join() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  joined_ = true;
  reader_.join();
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace escrow::crash
