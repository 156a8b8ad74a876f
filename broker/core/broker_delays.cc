// Messages that delayed exchanges keep back.
#include "base/invariant.h"
#include "broker/core/broker.h"
#include "broker/core/carbon_copies.h"
#include "broker/core/delay_header.h"

namespace escrow::broker {

Result<void> Broker::declare_exchange(const ExchangeSpec& spec) {
  const Result<Exchange*> declared = topology_.declare_exchange(spec, next_log_);
  if (!declared) return declared.error();
  if ((*declared)->delay_log() != next_log_) return {};
  make_delays(next_log_++, spec.vhost, spec.name);
  return {};
}

Result<std::uint64_t> Broker::delete_exchange(const DeleteExchange& command) {
  const Result<Exchange*> found = topology_.exchange(command.vhost, command.name);
  const LogId log = found ? (*found)->delay_log() : 0;
  if (auto deleted = topology_.delete_exchange(command.vhost, command.name, command.if_unused); !deleted) {
    return std::move(deleted).error();
  }
  return log == 0 ? 0 : delays_.at(log).log.count().messages;
}

Broker::Delays& Broker::make_delays(LogId log, std::string_view vhost, std::string_view exchange) {
  const auto [it, added] = delays_.try_emplace(log, log, vhost, exchange);
  ESCROW_INVARIANT(added, "numbers of logs are not used again");
  return it->second;
}

std::vector<DelayLog*> Broker::recover_delays() {
  for (const auto& [vhost, host] : topology_.vhosts()) {
    for (const auto& [name, exchange] : host.exchanges) {
      if (exchange->delay_log() != 0) make_delays(exchange->delay_log(), vhost, name);
    }
  }
  std::vector<DelayLog*> logs;
  logs.reserve(delays_.size());
  for (auto& [id, delays] : delays_) logs.push_back(&delays.log);
  return logs;
}

void Broker::delay(const Exchange& exchange, MessageView message, const Moment& moment) {
  const std::int64_t ms = delay_ms(message.properties);
  const std::string properties = after_delay(message.properties);
  message.properties = properties;
  if (!message.apart && message.body.size() > kMaxInlineBody)
    message.apart = add_body(std::string(message.body), moment);
  record_.clear();
  encode_record(message, std::nullopt, record_);
  copied_bytes_ += record_.size() + message.apart.size;
  Delays& delays = delays_.at(exchange.delay_log());
  delays.log.add(record_, message.apart.size, moment.now + std::chrono::milliseconds(ms), moment);
  persisted_ = true;
  schedule(delays);
}

void Broker::send(const std::vector<Queue*>& queues, std::span<Exchange* const> delays, const MessageView& seen,
                  const MessageView& sent, const Moment& moment) {
  const std::size_t holders = delays.size() + (queues.empty() ? 0 : 1);
  // A dead letter may still share its body with other queues.
  if (sent.apart && !delays.empty() && (holders > 1 || bodies_.is_shared(sent.apart.id))) {
    bodies_.share(sent.apart.id, static_cast<std::uint32_t>(holders));
    std::uint32_t& kept_back = shared_kept_back_[sent.apart.id];
    kept_back += static_cast<std::uint32_t>(delays.size());
    topology_.body_shared(sent.apart.id, kept_back);
  }
  for (const Exchange* exchange : delays) delay(*exchange, sent, moment);
  enqueue(queues, seen, moment);
}

void Broker::release(const Delays& from, Exchange& exchange, const MessageView& message, const Moment& moment) {
  kept_back_no_more(message.apart);
  const Result<CarbonCopies> copies = carbon_copies(message.properties);
  const std::string properties = copies && copies->blind ? without_bcc(message.properties) : std::string();
  MessageView seen = message;
  if (!properties.empty()) seen.properties = properties;
  const auto found = topology_.route_on(exchange, message, copies ? copies->views() : std::vector<std::string_view>());
  if (!found || found->nowhere()) {
    // Who published it was told that it is stored, and is not there to hear that nobody wants it.
    enqueue({parked_queue(from.vhost)}, seen, moment);
  } else {
    send(*found->queues, found->delays, seen, message, moment);
  }
}

std::size_t Broker::release(const Delays& from, const DelayLog::Entry& entry, const Moment& moment) {
  const Result<Exchange*> exchange = topology_.exchange(from.vhost, from.exchange);
  ESCROW_INVARIANT(exchange.ok(), "an exchange that goes leaves its delays over");
  for (std::uint32_t i = 0; i < entry.messages->count(); ++i) {
    MessageView message = entry.messages->record(i).message;
    message.vhost = from.vhost;
    release(from, **exchange, message, moment);
  }
  return entry.messages->count();
}

void Broker::discard(const DelayLog::Entry& entry) {
  if (!entry.messages->has_bodies_apart()) return;
  for (std::uint32_t i = 0; i < entry.messages->count(); ++i) {
    const BodyRef body = entry.messages->record(i).message.apart;
    if (!body) continue;
    kept_back_no_more(body);
    released_.push_back(body);
  }
}

void Broker::kept_back_no_more(BodyRef body) {
  const auto shared = shared_kept_back_.find(body.id);
  if (shared == shared_kept_back_.end()) return;
  topology_.body_shared(body.id, --shared->second);
  if (shared->second == 0) shared_kept_back_.erase(shared);
}

void Broker::schedule(Delays& delays) {
  if (delays.log.changed() && !std::exchange(delays.log.listed_changed, true)) changed_delays_.push_back(&delays);
  const std::optional<Timestamp> next = delays.log.next_time();
  if (next == delays.log.listed_at) return;
  if (delays.log.listed_at) delay_times_.erase({*delays.log.listed_at, delays.log.id()});
  if (next) delay_times_.emplace(*next, delays.log.id());
  delays.log.listed_at = next;
}

void Broker::load(LogId delay_log, DelayLog::Loaded loaded) {
  const auto it = delays_.find(delay_log);
  if (it == delays_.end()) return;
  it->second.log.load(std::move(loaded));
  if (!it->second.erased) schedule(it->second);
}

void Broker::leave_over(Delays& delays) {
  delays.left_over = true;
  delays.log.expire_all();
  schedule(delays);
  if (delays.log.count().messages == 0) erase(delays);
}

void Broker::erase(Delays& delays) {
  delays.erased = true;
  if (delays.log.listed_at) delay_times_.erase({*delays.log.listed_at, delays.log.id()});
  topology_.erased({delays.log.id(), true});
  erased_delays_.push_back(delays.log.id());
}

void Broker::take_left_delays() {
  for (const LogId log : topology_.take_delay_logs()) leave_over(delays_.at(log));
}

bool Broker::step_delays(const Moment& moment) {
  std::size_t messages = 0;
  const std::size_t copied_before = copied_bytes_;
  while (!delay_times_.empty() && delay_times_.begin()->first <= moment.now) {
    if (messages >= Queue::kMaxStep || copied_bytes_ - copied_before >= kMaxStepBytes) return true;
    Delays& delays = delays_.at(delay_times_.begin()->second);
    if (auto request = delays.log.request_load(moment.now)) effects_.delay_loads.push_back(*request);
    if (const DelayLog::Entry* entry = delays.log.due()) {
      if (delays.left_over) {
        discard(*entry);
        messages += entry->messages->count();
      } else {
        messages += release(delays, *entry, moment);
      }
      delays.log.pop();
    }
    schedule(delays);
    if (delays.left_over && delays.log.count().messages == 0) erase(delays);
  }
  return false;
}

}  // namespace escrow::broker
