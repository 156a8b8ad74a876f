// SIGTERM and SIGINT as something to wait for.
#pragma once

#include <csignal>
#include <ctime>

namespace order_service {

/// To be made before the first thread, which inherits the blocked signals.
class Termination {
 public:
  Termination() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  /// Returns when a signal comes or has come.
  void wait() {
    int signal = 0;
    if (!requested_) sigwait(&signals_, &signal);
    requested_ = true;
  }
  bool requested() {
    const timespec now{};
    if (!requested_ && sigtimedwait(&signals_, nullptr, &now) > 0) requested_ = true;
    return requested_;
  }

 private:
  sigset_t signals_;
  bool requested_ = false;
};

}  // namespace order_service
