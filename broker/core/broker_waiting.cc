// What waits can be looked at, cancelled and purged: messages that delayed exchanges keep back, and those to be retried.
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "broker/core/broker.h"
#include "broker/core/names.h"

namespace escrow::broker {

std::string to_text(const WaitingId& id) {
  std::string text = std::to_string(id.log);
  for (const std::uint64_t number :
       {id.entry.due, id.entry.batch, std::uint64_t{id.entry.part}, std::uint64_t{id.index}}) {
    text += '-' + std::to_string(number);
  }
  return text;
}

std::optional<WaitingId> parse_waiting_id(std::string_view text) {
  std::array<std::uint64_t, 5> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [stopped, error] = std::from_chars(at, end, numbers[i]);
    const bool last = i + 1 == numbers.size();
    if (error != std::errc() || (last ? stopped != end : stopped == end || *stopped != '-')) return std::nullopt;
    at = last ? stopped : stopped + 1;
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  if (numbers[3] > kMax || numbers[4] > kMax) return std::nullopt;
  return WaitingId{numbers[0],
                   {numbers[1], numbers[2], static_cast<std::uint32_t>(numbers[3])},
                   static_cast<std::uint32_t>(numbers[4])};
}

Result<LogId> Broker::delay_log(const WaitingPlace& place) {
  if (place.of == DestinationKind::kQueue) {
    const Result<Queue*> queue = topology_.queue(place.vhost, place.name);
    return queue ? Result<LogId>((*queue)->retry_log) : queue.error();
  }
  const Result<Exchange*> exchange = topology_.exchange(place.vhost, place.name);
  if (!exchange) return exchange.error();
  if ((*exchange)->delay_log() != 0) return (*exchange)->delay_log();
  return Error{ErrorCode::kFailedPrecondition,
               "EXCHANGE_NOT_DELAYED",
               describe("exchange", place.name, place.vhost) + " is none of type x-delayed-message",
               {}};
}

BatchNumber Broker::rewritten_in(LogId delay_log) const {
  const auto it = delays_.find(delay_log);
  return it == delays_.end() ? 0 : it->second.log.rewritten_in();
}

std::optional<std::vector<std::uint32_t>> Broker::cancel_waiting(LogId delay_log, const DelayKey& key,
                                                                 std::shared_ptr<const Fragment> stored,
                                                                 const std::vector<std::uint32_t>& indices,
                                                                 const Moment& moment) {
  const auto it = delays_.find(delay_log);
  if (it == delays_.end() || it->second.left_over) return std::vector<std::uint32_t>();
  const std::size_t stored_bytes = stored == nullptr ? 0 : stored->bytes().size();
  auto cancelled = it->second.log.cancel(key, std::move(stored), indices, moment);
  if (!cancelled) return std::nullopt;
  if (!cancelled->indices.empty()) copied_bytes_ += stored_bytes;
  for (const BodyRef body : cancelled->bodies) {
    kept_back_no_more(body);
    released_.push_back(body);
  }
  schedule(it->second);
  return std::move(cancelled->indices);
}

Result<std::uint64_t> Broker::purge_waiting(const WaitingPlace& place) {
  const Result<LogId> log = delay_log(place);
  if (!log) return log.error();
  if (*log == 0) return std::uint64_t{0};
  Delays& delays = delays_.at(*log);
  const std::uint64_t messages = delays.log.count().messages;
  if (messages == 0) return messages;
  // What waits goes to a log that is left over; the place begins a new one.
  if (place.of == DestinationKind::kQueue) {
    end_retries(**topology_.queue(place.vhost, place.name));
    return messages;
  }
  const LogId next = next_log_++;
  topology_.replace_delay_log(**topology_.exchange(place.vhost, place.name), next);
  Delays& fresh = make_delays(next);
  fresh.vhost = delays.vhost;
  fresh.exchange = delays.exchange;
  leave_over(delays);
  return messages;
}

}  // namespace escrow::broker
