#include "tests/sim/clients/subscriber.h"

#include <algorithm>

#include "broker/core/names.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim {

using broker::Settlement;

void Subscriber::act() {
  if (!connected()) {
    if (!finishing_) arrive();
    return;
  }
  if (!ready()) return;
  if (finishing_ || random_.chance(around_.profile.disconnect)) return leave();
  for (Subscription& subscription : subscriptions_) {
    if (subscription.consumer == 0) continue;
    if (!subscription.held.empty() && random_.chance(around_.profile.settle)) settle_some(subscription);
    const bool renewed = subscription.auto_credit && subscription.credit > 0;
    if (!renewed && subscription.credit < around_.profile.credit) grant(subscription);
    if (random_.chance(0.001)) settle_nonsense(subscription);
  }
  if (subscriptions_.empty()) leave();
}

void Subscriber::arrive() {
  connect(Transport::kStream);
  for (int i = random_.chance(0.3) ? 2 : 1; i > 0; --i) {
    const std::string_view queue = random_.chance(0.1) ? broker::kParkedQueue : any_of(kQueues);
    subscribe(queue, static_cast<std::uint32_t>(random_.below(around_.profile.credit + 1)), random_.chance(0.6));
  }
}

void Subscriber::subscribe(std::string_view queue, std::uint32_t credit, bool auto_credit) {
  Subscription subscription;
  subscription.auto_credit = auto_credit;
  subscription.credit = credit;
  subscription.request = post(engine::Consume{std::string(kVhost), std::string(queue), credit, auto_credit});
  subscriptions_.push_back(std::move(subscription));
}

void Subscriber::on_reply(std::uint64_t request, const Result<engine::Reply>& reply) {
  const auto it = std::ranges::find(subscriptions_, request, &Subscription::request);
  if (it == subscriptions_.end()) return;
  if (reply.ok()) {
    it->consumer = std::get<engine::Consuming>(*reply).consumer;
  } else {
    subscriptions_.erase(it);
  }
}

void Subscriber::on_delivery(const broker::Delivery& delivery) {
  const auto it = std::ranges::find(subscriptions_, delivery.consumer, &Subscription::consumer);
  if (it == subscriptions_.end()) return;
  it->credit -= std::min(it->credit, delivery.count);
  for (std::uint32_t i = 0; i < delivery.count; ++i) it->held.push_back(delivery.first_tag + i);
}

void Subscriber::on_cancelled(broker::ConsumerId consumer) {
  std::erase_if(subscriptions_, [&](const Subscription& s) { return s.consumer == consumer; });
}

void Subscriber::settle_some(Subscription& subscription) {
  std::size_t from = 0;
  std::size_t to = random_.below(subscription.held.size()) + 1;
  Settlement settlement = Settlement::kAck;
  if (random_.chance(0.25)) {
    from = random_.below(subscription.held.size());
    to = from + 1;
  }
  if (random_.chance(0.15)) settlement = random_.chance(0.3) ? Settlement::kReject : Settlement::kRequeue;
  settle(subscription, from, to, settlement);
}

void Subscriber::settle(Subscription& subscription, std::size_t from, std::size_t to, Settlement settlement) {
  const auto begin = subscription.held.begin();
  const auto first = begin + static_cast<std::ptrdiff_t>(from);
  const auto last = begin + static_cast<std::ptrdiff_t>(to);
  post(engine::Settle{subscription.consumer, *first, *(last - 1), settlement});
  if (subscription.auto_credit) subscription.credit += static_cast<std::uint32_t>(to - from);
  subscription.held.erase(first, last);
}

void Subscriber::settle_nonsense(const Subscription& subscription) {
  constexpr broker::DeliveryTag kFar = broker::DeliveryTag{1} << 40;
  const bool twice = random_.chance(0.5);
  // Tags that were settled already are passed over; tags that never were are refused.
  if (twice && !subscription.held.empty() && subscription.held.front() > 1) {
    post(engine::Settle{subscription.consumer, 1, subscription.held.front() - 1, Settlement::kAck});
  } else {
    post(engine::Settle{subscription.consumer, random_.below(2), kFar, Settlement::kAck});
  }
}

void Subscriber::grant(Subscription& subscription) {
  const auto more = static_cast<std::uint32_t>(random_.between(1, around_.profile.credit));
  subscription.credit += more;
  post(engine::GrantCredit{subscription.consumer, more});
}

void Sweeper::act() {
  constexpr std::uint32_t kCredit = 200;
  if (!connected()) connect(Transport::kStream);
  if (!ready()) return;
  // There may be no such queue yet.
  if (subscriptions_.empty() && random_.chance(0.02)) subscribe(queue_, kCredit, true);
  for (Subscription& subscription : subscriptions_) {
    if (!subscription.held.empty()) settle(subscription, 0, subscription.held.size(), Settlement::kAck);
  }
}

}  // namespace escrow::sim
