#include "tests/sim/model/delays.h"

#include <algorithm>
#include <utility>

namespace escrow::sim::model {

namespace {
/// Times of delayed messages are rounded up to it.
constexpr Duration kTick = std::chrono::milliseconds(1);
}  // namespace

void Delays::kept_back(Token token, Timestamp sent) {
  Delayed delayed;
  delayed.token = token;
  delayed.form = sent_form(catalog_.message_without_body(token).view());
  delayed.earliest = sent + delay_of(*encode_properties(delayed.form.properties));
  delayed.form = after_delay(std::move(delayed.form));
  expected_.push_back(static_cast<std::uint32_t>(delayed_.size()));
  delayed_.push_back(std::move(delayed));
}

void Delays::committed(Token token, Timestamp when) {
  kept_back(token, when);
  committed_.push_back(static_cast<std::uint32_t>(delayed_.size() - 1));
}

std::uint32_t Delays::arrived(const DelayArrival& arrival, const Window& when) {
  if (arrival.message.changed == nullptr) return kNone;
  for (auto it = expected_.begin(); it != expected_.end(); ++it) {
    Delayed& delayed = delayed_[*it];
    if (delayed.token != arrival.message.token || delayed.form.exchange != arrival.exchange) continue;
    if (!shows(delayed.form, arrival.message.changed->view())) continue;
    const Duration delay = delay_of(catalog_.message_without_body(delayed.token).properties);
    verdict_.require(arrival.due >= delayed.earliest, "message ", delayed.token, " is to be released before its time");
    verdict_.require(arrival.due <= when.until + delay + kTick, "message ", delayed.token,
                     " is to be released after its time");
    delayed.stored = true;
    ++waiting_;
    const std::uint32_t id = *it;
    expected_.erase(it);
    return id;
  }
  return kNone;
}

bool Delays::arrived_on(const DelayArrival& arrival, Form& form, const Window& when) {
  if (arrival.message.changed == nullptr || arrival.exchange != form.exchange) return false;
  const Duration delay = delay_of(*encode_properties(form.properties));
  Form kept = after_delay(form);
  if (!shows(kept, arrival.message.changed->view())) return false;
  if (arrival.due < when.from + delay || arrival.due > when.until + delay + kTick) return false;
  form = std::move(kept);
  return true;
}

std::uint32_t Delays::add(const DelayArrival& arrival, Form form) {
  delayed_.push_back({arrival.message.token, std::move(form), arrival.due, true, false});
  ++waiting_;
  return static_cast<std::uint32_t>(delayed_.size() - 1);
}

void Delays::left(std::uint32_t id) {
  delayed_[id].gone = true;
  --waiting_;
}

void Delays::confirmed(Token token, bool exchange_stayed) const {
  const bool missing = std::ranges::any_of(expected_, [&](std::uint32_t id) { return delayed_[id].token == token; });
  verdict_.require(!missing || !exchange_stayed, "message ", token,
                   " was confirmed by an exchange that delays it, and is not on disk");
}

void Delays::check_committed(const Topology& durable) {
  for (const std::uint32_t id : std::exchange(committed_, {})) {
    const bool exchange_gone = durable.exchange(delayed_[id].form.exchange) == nullptr;
    verdict_.require(delayed_[id].stored || exchange_gone, "message ", delayed_[id].token,
                     " was committed to an exchange that delays it, and is not on disk");
  }
}

void Delays::crashed() { expected_.clear(); }

}  // namespace escrow::sim::model
