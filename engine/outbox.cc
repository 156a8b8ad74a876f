#include "engine/outbox.h"

#include <algorithm>
#include <iterator>

#include "base/planted_fault.h"

namespace escrow::engine {

void Outbox::put(Port* port, Effect effect, broker::BatchNumber after) {
  if constexpr (planted_fault::kAnswerBeforeSync) after = 0;
  after = port->last_after_ = std::max(after, port->last_after_);
  if (after <= durable_) {
    ready_.push_back({port, std::move(effect)});
    return;
  }
  const std::size_t slot = after - durable_ - 1;
  if (waiting_.size() <= slot) waiting_.resize(slot + 1);
  waiting_[slot].push_back({port, std::move(effect)});
}

void Outbox::durable(broker::BatchNumber batch) {
  for (; durable_ < batch; ++durable_) {
    if (waiting_.empty()) continue;
    if (ready_.empty()) {
      ready_ = std::move(waiting_.front());
    } else {
      std::ranges::move(waiting_.front(), std::back_inserter(ready_));
    }
    waiting_.pop_front();
  }
}

void Outbox::hand_out(Entry& entry) {
  Port* port = entry.port;
  if (std::holds_alternative<Closed>(entry.effect)) {
    std::erase(to_flush_, port);
    port->closed();
    return;
  }
  if (!std::exchange(port->to_flush_, true)) to_flush_.push_back(port);
  if (auto* reply = std::get_if<ReplyTo>(&entry.effect)) return port->reply(reply->request, std::move(reply->reply));
  if (const auto* delivery = std::get_if<broker::Delivery>(&entry.effect)) return port->deliver(*delivery);
  if (const auto* cancelled = std::get_if<Cancelled>(&entry.effect)) {
    return port->consumer_cancelled(cancelled->consumer);
  }
  port->check(std::get<Check>(entry.effect));
}

bool Outbox::dispatch() {
  if (ready_.empty()) return false;
  for (Entry& entry : ready_) hand_out(entry);
  ready_.clear();
  for (Port* port : to_flush_) {
    port->to_flush_ = false;
    port->flush();
  }
  to_flush_.clear();
  return true;
}

}  // namespace escrow::engine
