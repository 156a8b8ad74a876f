#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <utility>

namespace escrow {
namespace {

constexpr std::size_t kMaxInputBytes = 64 << 10;  // what a pipe takes without a reader

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    reading = ends[0];
    writing = ends[1];
  }
  int reading = -1;
  int writing = -1;
};

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

std::vector<std::string> environment_with(const std::vector<std::string>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto same_name = [&](const std::string& change) { return name_of(change) == name_of(*entry); };
    if (std::ranges::none_of(changes, same_name)) out.emplace_back(*entry);
  }
  std::ranges::copy_if(changes, std::back_inserter(out),
                       [](const std::string& change) { return change.find('=') != std::string::npos; });
  return out;
}

/// As exec takes them. Points into `texts`.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Process::Process(const Options& options) {
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> variables = pointers(environment);
  const Pipe input;
  const Pipe output;
  const Pipe errors;
  if (options.input.size() > kMaxInputBytes || ::write(input.writing, options.input.data(), options.input.size()) !=
                                                   static_cast<ssize_t>(options.input.size())) {
    fail("standard input of a process");
  }
  ::close(input.writing);
  pid_ = fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    // Other threads exist: between fork and exec only what is safe in a signal handler.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input.reading, STDIN_FILENO);
    dup2(output.writing, STDOUT_FILENO);
    dup2(errors.writing, STDERR_FILENO);
    execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
  }
  ::close(input.reading);
  ::close(output.writing);
  ::close(errors.writing);
  reader_ =
      std::thread([this, out = output.reading, err = errors.reading, log = options.log_file] { read(out, err, log); });
}

Process::~Process() {
  signal(SIGKILL);
  join();
}

void Process::read(int output, int errors, const std::string& log_file) {
  std::FILE* const log = log_file.empty() ? nullptr : std::fopen(log_file.c_str(), "a");
  std::array<pollfd, 2> sources{{{output, POLLIN, 0}, {errors, POLLIN, 0}}};
  const std::array<std::string*, 2> texts{&output_, &errors_};
  std::array<char, 4096> buffer;
  while (sources[0].fd >= 0 || sources[1].fd >= 0) {
    if (poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) fail("poll");
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].fd < 0 || sources[i].revents == 0) continue;
      const ssize_t size = ::read(sources[i].fd, buffer.data(), buffer.size());
      if (size <= 0) {
        ::close(std::exchange(sources[i].fd, -1));
        continue;
      }
      if (log != nullptr) std::fwrite(buffer.data(), 1, static_cast<std::size_t>(size), log), std::fflush(log);
      const std::scoped_lock lock(mutex_);
      texts[i]->append(buffer.data(), static_cast<std::size_t>(size));
      changed_.notify_all();
    }
  }
  if (log != nullptr) std::fclose(log);
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

std::string Process::output() {
  const std::scoped_lock lock(mutex_);
  return output_;
}

std::string Process::errors() {
  const std::scoped_lock lock(mutex_);
  return errors_;
}

bool Process::wait_for(const std::string& text, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto printed = [&] {
    return errors_.find(text) != std::string::npos || output_.find(text) != std::string::npos;
  };
  changed_.wait_for(lock, timeout, [&] { return ended_ || printed(); });
  return printed();
}

bool Process::wait_end(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return ended_; });
}

void Process::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

int Process::join() {
  if (pid_ > 0) {
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    reader_.join();
  }
  return WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
}

Finished run(const Process::Options& options) {
  Process process(options);
  if (!process.wait_end(std::chrono::minutes(1))) process.signal(SIGKILL);
  const int code = process.join();
  return {code, process.output(), process.errors()};
}

std::string built_program(const std::string& name) {
  const char* const directory = std::getenv("ESCROW_BUILD_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (directory != nullptr) return std::string(directory) + "/" + name;
  std::fputs("ESCROW_BUILD_DIR is not set: run this by ctest, or set it to the directory of the build\n", stderr);
  std::exit(2);
}

}  // namespace escrow
