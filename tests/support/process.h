// A program as a process of its own: what it is told, what it prints, how it ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace escrow {

/// Used by one thread. A process that still runs is killed with the object, and when the thread that started
/// it ends.
class Process {
 public:
  struct Options {
    /// The program, and its arguments.
    std::vector<std::string> command;
    /// NAME=value: added to this process's environment, or in place of what it has; NAME alone: taken out of
    /// it.
    std::vector<std::string> environment = {};
    /// Its standard input, at most 64 KiB.
    std::string input = {};
    /// Everything it prints is appended here as well; empty: nowhere.
    std::string log_file = {};
  };

  explicit Process(const Options& options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// What it has printed so far.
  std::string output();
  std::string errors();
  /// Waits until it has printed `text`, to either of the two. False: it ended without, or took too long.
  bool wait_for(const std::string& text, std::chrono::milliseconds timeout);

  /// True: it has ended.
  bool wait_end(std::chrono::milliseconds timeout);
  void signal(int number) const;
  pid_t id() const { return pid_; }
  /// Waits for the end. The exit code, or the negative number of the signal that ended it.
  int join();

 private:
  void read(int output, int errors, const std::string& log_file);

  pid_t pid_ = -1;
  int status_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  std::string errors_;
  bool ended_ = false;
  std::thread reader_;
};

/// What a program did that ended.
struct Finished {
  int code = 0;
  std::string output;
  std::string errors;
};
/// Runs it to its end. One that takes longer than a minute is killed.
Finished run(const Process::Options& options);

/// Path of a program of this build, which $ESCROW_BUILD_DIR names.
std::string built_program(const std::string& name);

}  // namespace escrow
