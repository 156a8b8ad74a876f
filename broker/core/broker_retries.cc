// Messages that a consumer has refused, and that their queue delivers again after a while (retry_policy.h).
//
//   refused ─▶ waits in the queue's delay log ─▶ at its end in the queue, or where the queue lets messages expire to
//      └─ too often ─▶ dead-letter exchange, or escrow.parked
#include <algorithm>
#include <utility>

#include "broker/core/broker.h"

namespace escrow::broker {

bool Broker::retry(Queue& from, Record record, const Death& death, const MessagePlace& place, const Moment& moment) {
  const std::optional<RetryPolicy>& policy = from.arguments().retry;
  if (!policy || death.retries >= policy->attempts()) return false;
  const std::uint32_t retries = death.retries + 1;
  const std::optional<std::string> properties =
      for_retry(record.message.properties, {death.time, death.failure}, retries);
  if (!properties) return false;
  record.message.properties = *properties;
  record.retried = true;
  const std::uint64_t draw = place.log ^ (place.seq << 20);
  Timestamp due = moment.now + policy->delay(retries, draw);
  // It expires while it waits, which is not put off.
  if (record.expires_at) due = std::min(due, *record.expires_at);
  keep_back(retries_of(from), record, std::max(due, moment.now + Duration(1)), moment);
  return true;
}

Broker::Delays& Broker::retries_of(Queue& queue) {
  if (queue.retry_log != 0) return delays_.at(queue.retry_log);
  queue.retry_log = next_log_++;
  topology_.retries_begin(queue);
  Delays& delays = make_delays(queue.retry_log);
  delays.queue = queue.first_log();
  return delays;
}

void Broker::end_retries(Queue& queue) {
  if (queue.retry_log == 0) return;
  topology_.retries_end(queue);
  leave_over(delays_.at(std::exchange(queue.retry_log, 0)));
}

void Broker::release(Queue& queue, const Record& record, const Moment& moment) {
  Record released = record;
  MessageView& message = released.message;
  message.vhost = queue.spec().vhost;
  kept_back_no_more(message.apart);
  if (!record.expires_at || *record.expires_at > moment.now) return enqueue({&queue}, released, moment);
  if (queue.arguments().dead_letter_exchange) {
    bury(queue, message, {DeathReason::kExpired, queue.spec().name, moment.now}, moment);
  } else if (message.apart) {
    released_.push_back(message.apart);
  }
}

}  // namespace escrow::broker
