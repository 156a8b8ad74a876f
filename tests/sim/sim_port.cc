#include "tests/sim/sim_port.h"

#include <utility>

namespace escrow::sim {

bool SimPort::alive() {
  unflushed_ = true;
  if (!verdict_.require(!dead_, "an effect for a port that was closed, or whose server is gone")) return false;
  if (effects_left_ == 0) return false;
  --effects_left_;
  return true;
}

void SimPort::reply(std::uint64_t request, Result<engine::Reply> reply) {
  if (!alive()) return;
  model_.replied(number_, request, reply);
  listener_->on_reply(request, reply);
}

void SimPort::deliver(const broker::Delivery& delivery) {
  if (!alive()) return;
  model_.delivered(number_, delivery);
  listener_->on_delivery(delivery);
}

void SimPort::consumer_cancelled(broker::ConsumerId consumer) {
  if (!alive()) return;
  model_.cancelled(number_, consumer);
  listener_->on_cancelled(consumer);
}

void SimPort::check(const engine::Check& check) {
  if (!alive()) return;
  model_.checked(number_, check);
  listener_->on_check(check);
}

void SimPort::flush() { verdict_.require(std::exchange(unflushed_, false), "a port was flushed that had nothing new"); }

void SimPort::closed() {
  if (!alive()) return;
  model_.closed(number_);
  dead_ = true;
  listener_->on_closed();
}

}  // namespace escrow::sim
