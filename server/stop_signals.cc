#include "server/stop_signals.h"

#include <csignal>
#include <thread>
#include <utility>

namespace escrow::server {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that is gone is an error of the write to it, not the end of the server.
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_stop_signal() {
  const sigset_t set = stop_signals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

void on_next_stop_signal(std::function<void(int)> again) {
  std::thread([again = std::move(again)] { again(wait_for_stop_signal()); }).detach();
}

}  // namespace escrow::server
