#include "tests/sim/network.h"

#include <algorithm>

namespace escrow::sim {

std::uint64_t Network::post(SimPort& port, engine::CommandBody body, const std::string& actor) {
  const std::uint64_t request = next_request_++;
  engine::Command command{&port, request, actor, std::move(body)};
  if (port.transport_ == Transport::kUnary) {
    if (repeatable(command) && random_.chance(faults_.repeat)) {
      // Nobody waits for the answer to the second one.
      engine::Command again = command;
      again.request = next_request_++;
      ++port.delayed_;
      delayed_.push_back({now_ + 1 + random_.below(faults_.longest_delay), &port, std::move(again)});
    }
    if (random_.chance(faults_.delay)) {
      ++port.delayed_;
      delayed_.push_back({now_ + 1 + random_.below(faults_.longest_delay), &port, std::move(command)});
      return request;
    }
  }
  enqueue(port, std::move(command));
  return request;
}

/// Publishes are not: whoever repeats one wants it twice.
bool Network::repeatable(const engine::Command& command) {
  return !std::holds_alternative<engine::Publish>(command.body) &&
         !std::holds_alternative<engine::Consume>(command.body);
}

void Network::enqueue(SimPort& port, engine::Command command) {
  port.on_the_way_.push_back(std::move(command));
  make_busy(port);
}

void Network::make_busy(SimPort& port) {
  if (!std::exchange(port.busy_, true)) busy_.push_back(&port);
}

void Network::close(SimPort& port, bool abruptly) {
  port.closing_ = true;
  if (abruptly) {
    port.on_the_way_.resize(random_.below(port.on_the_way_.size() + 1));
    std::erase_if(delayed_, [&](const Delayed& d) { return d.port == &port; });
    port.delayed_ = 0;
  }
  if (port.delayed_ == 0) make_busy(port);
}

void Network::clear() {
  busy_.clear();
  delayed_.clear();
}

void Network::step() {
  ++now_;
  std::erase_if(delayed_, [&](Delayed& d) {
    if (d.until > now_) return false;
    --d.port->delayed_;
    enqueue(*d.port, std::move(d.command));
    return true;
  });
}

std::pair<SimPort*, engine::Command> Network::take() {
  const std::size_t at = random_.below(busy_.size());
  SimPort& port = *busy_[at];
  engine::Command command{&port, 0, {}, engine::ClosePort{}};
  if (port.on_the_way_.empty()) {
    command.request = next_request_++;
    port.closing_ = false;
  } else {
    if (port.transport_ == Transport::kUnary) {
      std::swap(port.on_the_way_.front(), port.on_the_way_[random_.below(port.on_the_way_.size())]);
    }
    command = std::move(port.on_the_way_.front());
    port.on_the_way_.pop_front();
  }
  if (port.on_the_way_.empty() && !(port.closing_ && port.delayed_ == 0)) {
    port.busy_ = false;
    busy_[at] = busy_.back();
    busy_.pop_back();
  }
  return {&port, std::move(command)};
}

}  // namespace escrow::sim
