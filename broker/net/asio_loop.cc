#include "broker/net/asio_loop.h"

#include <boost/asio/post.hpp>

namespace escrow::broker::net {

void AsioLoop::run(std::optional<Monotonic> limit) {
  // What has just been done makes more ready: it is for the next time, after the engine's turn.
  if (!limit) {
    context_.run_one();
  } else if (*limit > Monotonic::zero()) {
    context_.run_one_for(*limit);
  }
  context_.poll();
}

void AsioLoop::wake() {
  boost::asio::post(context_, [] {});
}

}  // namespace escrow::broker::net
