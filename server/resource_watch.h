// Measures what memory the process has and what room its disk has, once a second, and says when an alarm goes up or down
// (broker/core/resource_alarm.h has the rules).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "broker/core/resource_alarm.h"
#include "server/configuration.h"

namespace escrow::server {

/// Of this process, which may have less than the machine has (control groups). In bytes.
std::uint64_t usable_memory();

/// Runs on the threads of its context, and ends with it.
class ResourceWatch {
 public:
  using Changed = std::function<void(broker::LowResources)>;

  /// Measures at once, and calls `changed` before it returns if an alarm is up; goes on after start().
  ResourceWatch(boost::asio::io_context& context, const Configuration& configuration, Changed changed);
  void start() { wait(); }

 private:
  void wait();
  void measure();

  boost::asio::steady_timer timer_;
  const std::string directory_;
  const broker::ResourceLimits limits_;
  const Changed changed_;
  broker::LowResources low_;
};

}  // namespace escrow::server
