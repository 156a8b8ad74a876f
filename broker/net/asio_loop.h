// The loop thread of DESIGN: sockets, parsing, engine and writing share the engine's thread, by way of Boost.Asio.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/event_loop.h"

namespace escrow::broker::net {

/// Handlers run on the engine's thread, between its turns.
class AsioLoop final : public engine::EventLoop {
 public:
  boost::asio::io_context& context() { return context_; }

  void run(std::optional<Monotonic> limit) override;
  void wake() override;

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
};

}  // namespace escrow::broker::net
