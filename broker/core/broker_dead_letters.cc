// What operators see of the messages that stand in a queue, send on again, or drop: jobs that go on step by step, and wait for
// pages that are not in memory.
#include <algorithm>
#include <utility>

#include "broker/core/broker.h"
#include "broker/core/carbon_copies.h"
#include "broker/core/names.h"

namespace escrow::broker {
namespace {

/// Messages that one step looks at.
constexpr std::size_t kLookedPerStep = 250;
/// … and one list.
constexpr std::size_t kLookedPerList = 10'000;
constexpr std::size_t kListBytes = 1 << 20;

Error dead_letter_unknown(const MessagePlace& place) {
  return {ErrorCode::kNotFound, "DEAD_LETTER_UNKNOWN", "no message " + text_of(place) + " in this queue", {}};
}

DeadLetterJob job_of(DeadLetterJob::Kind kind, std::uint64_t id, const DeadLetterSelection& which) {
  DeadLetterJob job;
  job.id = id;
  job.kind = kind;
  job.places = which.places;
  std::ranges::sort(job.places);
  const auto repeated = std::ranges::unique(job.places);
  job.places.erase(repeated.begin(), repeated.end());
  job.filter = which.filter;
  job.limit = which.limit;
  return job;
}

bool is_full(const DeadLetterJob& job) {
  if (job.changes()) return job.counts.moved >= job.limit;
  return job.list.items.size() >= job.limit || job.looked >= kLookedPerList || job.bytes >= kListBytes;
}

/// The message that the job is at; nullopt: there are no more.
std::optional<MessagePlace> next_place(DeadLetterJob& job, const Queue& queue) {
  if (!job.places.empty()) {
    if (job.next_place == job.places.size()) return std::nullopt;
    return job.places[job.next_place];
  }
  for (; job.lane > 0; --job.lane, job.position = 1) {
    const QueueLog& log = queue.log(job.lane - 1);
    job.position = log.first_live(job.position);
    if (job.position < job.until[job.lane - 1]) return MessagePlace{log.id(), job.position};
  }
  return std::nullopt;
}

/// Without its body.
DeadLetterItem item_at(const Queue& queue, const MessagePlace& place, const QueueLog::Location& at) {
  const MessageView message = at.fragment->record(at.index).message;
  DeadLetterItem item;
  item.place = place;
  item.time = at.fragment->time();
  item.held = !queue.lane(place.log - queue.first_log()).is_ready(place.seq);
  item.message.vhost = queue.spec().vhost;
  item.message.exchange = message.exchange;
  item.message.routing_key = message.routing_key;
  item.message.properties = message.properties;
  item.body_bytes = message.body_bytes();
  item.deaths = death_history(message.properties);
  return item;
}

}  // namespace

/// Where a message goes, and how.
struct Broker::RedriveTarget {
  std::vector<Queue*> queues;
  std::vector<Exchange*> delays;
  // Of the message, from now on.
  std::string exchange;
  std::string routing_key;
  std::string name;  // for people
};

Result<void> Broker::list(const ListDeadLetters& command, std::uint64_t job) {
  DeadLetterJob list = job_of(DeadLetterJob::Kind::kList, job, {command.vhost, command.queue});
  list.filter = command.filter;
  list.limit = command.limit;
  list.list.vhost = command.vhost;
  list.list.queue = command.queue;
  return start(std::move(list), command.vhost, command.queue, command.from);
}

Result<void> Broker::get(const GetDeadLetter& command, std::uint64_t job) {
  return start(job_of(DeadLetterJob::Kind::kGet, job, {command.vhost, command.queue, {command.place}}), command.vhost,
               command.queue);
}

Result<void> Broker::redrive(const RedriveDeadLetters& command, std::uint64_t job) {
  const auto& [vhost, queue, places, filter, limit] = command.which;
  if (command.to.exchange) {
    if (auto taken = topology_.check_publish(vhost, *command.to.exchange); !taken) return taken.error();
  }
  if (command.to.queue) {
    if (const auto target = accessible(vhost, *command.to.queue, 0); !target) return target.error();
  }
  DeadLetterJob redrive = job_of(DeadLetterJob::Kind::kRedrive, job, command.which);
  redrive.to = command.to;
  return start(std::move(redrive), vhost, queue);
}

Result<void> Broker::discard(const DiscardDeadLetters& command, std::uint64_t job) {
  return start(job_of(DeadLetterJob::Kind::kDiscard, job, command.which), command.which.vhost, command.which.queue);
}

Result<void> Broker::start(DeadLetterJob job, const std::string& vhost, const std::string& name,
                           std::optional<MessagePlace> from) {
  if (dead_letter_jobs_.size() >= kMaxDeadLetterJobs) {
    return Error{ErrorCode::kResourceExhausted,
                 "LIMIT_EXCEEDED",
                 "too many lists, redrives and discards are under way",
                 {{"limit", "dead_letter_jobs"}, {"maximum", std::to_string(kMaxDeadLetterJobs)}}};
  }
  const Result<Queue*> found = accessible(vhost, name, 0);
  // Nobody has to declare it: it comes with the first message that is parked.
  const bool nothing_parked = !found && found.error().reason == "QUEUE_UNKNOWN" && name == kParkedQueue;
  if (!found && !nothing_parked) return found.error();
  if (found) {
    const Queue& queue = **found;
    job.first_log = queue.first_log();
    for (std::size_t i = 0; i < queue.lanes(); ++i) job.until.push_back(queue.log(i).next_seq());
    job.lane = queue.lanes();
    if (from) {
      if (from->log < job.first_log || from->log - job.first_log >= queue.lanes()) {
        return Error{ErrorCode::kInvalidArgument, "MALFORMED", "the page token is not one of this queue", {}};
      }
      job.lane = from->log - job.first_log + 1;
      job.position = from->seq;
    }
  }
  dead_letter_jobs_.push_back(std::move(job));
  return {};
}

bool Broker::step_dead_letters(const Moment& moment) {
  // In turn, for some are long.
  for (std::size_t left = dead_letter_jobs_.size(); left > 0; --left) {
    DeadLetterJob job = std::move(dead_letter_jobs_.front());
    dead_letter_jobs_.pop_front();
    const Progress progress = step(job, moment);
    if (progress != Progress::kDone) dead_letter_jobs_.push_back(std::move(job));
    if (progress == Progress::kMore) return true;
  }
  return false;
}

Broker::Progress Broker::step(DeadLetterJob& job, const Moment& moment) {
  const auto found = by_log_.find(job.first_log);
  if (found == by_log_.end()) return finish(job);  // what it did stands
  Queue& queue = *found->second.queue;
  const std::size_t copied_before = copied_bytes_;
  std::size_t bytes = 0;
  for (std::size_t looked = 0; looked < kLookedPerStep; ++looked) {
    if (bytes + copied_bytes_ - copied_before >= kMaxStepBytes) break;
    // Beyond kErasePerBatch it goes on when the batch was taken.
    if (job.changes() && erased_in_batch_ >= kErasePerBatch) return Progress::kWaits;
    const std::optional<MessagePlace> place = next_place(job, queue);
    if (!place) return finish(job);
    if (is_full(job)) {
      job.list.next = place;
      return finish(job);
    }
    if (!look(job, queue, *place, bytes, moment)) return Progress::kWaits;
  }
  return Progress::kMore;
}

Broker::Progress Broker::finish(DeadLetterJob& job) {
  Result<DeadLetterAnswer> answer = DeadLetterAnswer(job.counts);
  if (job.kind == DeadLetterJob::Kind::kList) {
    answer = DeadLetterAnswer(std::move(job.list));
  } else if (job.kind == DeadLetterJob::Kind::kGet) {
    if (job.list.items.empty()) {
      answer = dead_letter_unknown(job.places.front());
    } else {
      DeadLetterItem& item = job.list.items.front();
      answer = DeadLetterAnswer(DeadLetterShown{std::make_shared<const DeadLetterItem>(std::move(item))});
    }
  }
  effects_.dead_letters_done.push_back({job.id, std::move(answer)});
  return Progress::kDone;
}

bool Broker::look(DeadLetterJob& job, Queue& queue, const MessagePlace& place, std::size_t& bytes,
                  const Moment& moment) {
  const auto [log_id, seq] = place;
  const std::size_t lane = log_id - queue.first_log();
  const bool known = log_id >= queue.first_log() && lane < queue.lanes() && seq < queue.log(lane).next_seq() &&
                     queue.lane(lane).is_live(seq);
  if (!known || (job.changes() && !queue.lane(lane).is_ready(seq))) {
    if (!job.places.empty()) ++job.counts.unavailable;
    job.advance(seq);
    return true;
  }
  QueueLog& log = queue.log(lane);
  const QueueLog::Location at = log.locate(seq);
  if (at.presence == QueueLog::Presence::kNotLoaded) {
    read_pages(log, at.page);
    return false;
  }
  const std::size_t record_bytes = at.fragment->record_bytes(at.index);
  bytes += record_bytes;
  ++job.looked;
  if (job.places.empty() && !job.filter.matches(*at.fragment, at.index)) {
    job.advance(seq);
    return true;
  }
  if (job.changes()) {
    take_out(job, queue, place, at, moment);
  } else {
    BodyCache::Body body;
    if (job.kind == DeadLetterJob::Kind::kGet && !read_body(at, queue, body)) return false;
    job.bytes += record_bytes;
    job.list.items.push_back(item_at(queue, place, at));
    if (job.kind == DeadLetterJob::Kind::kGet) {
      job.list.items.back().message.body = body ? *body : at.fragment->record(at.index).message.body;
    }
  }
  job.advance(seq);
  return true;
}

void Broker::read_pages(QueueLog& log, Seq page) {
  if (auto request = log.request_load(page)) effects_.loads.push_back(*request);
  // The next page is wanted soon.
  const std::optional<Seq> next = log.page_after(page);
  if (!next) return;
  if (auto request = log.request_load(*next)) effects_.loads.push_back(*request);
}

bool Broker::read_body(const QueueLog::Location& at, Queue& queue, BodyCache::Body& body) {
  const BodyRef apart = at.fragment->record(at.index).message.apart;
  if (!apart) return true;
  body = bodies_.find(apart.id);
  if (body == nullptr && bodies_.request_load(apart.id, &queue)) effects_.body_loads.push_back(apart);
  return body != nullptr;
}

void Broker::take_out(DeadLetterJob& job, Queue& queue, const MessagePlace& place, const QueueLog::Location& at,
                      const Moment& moment) {
  // The queue may get the message again, and its log change.
  const std::shared_ptr<const Fragment> fragment = at.fragment->shared_from_this();
  const std::uint32_t body_bytes = fragment->body_bytes(at.index);
  std::string to;
  if (job.kind == DeadLetterJob::Kind::kRedrive) {
    MessageView message = fragment->record(at.index).message;
    message.vhost = queue.spec().vhost;
    if (!redrive(job, message, to, moment)) return;
  }
  queue.lane(place.log - queue.first_log()).remove_ready(place.seq, body_bytes);
  changed(&queue);
  ++erased_in_batch_;
  ++job.counts.moved;
  effects_.dead_letters_gone.push_back({job.id, place, std::move(to)});
}

bool Broker::redrive(DeadLetterJob& job, const MessageView& message, std::string& to, const Moment& moment) {
  RedriveTarget target = redrive_target(job.to, message);
  if (target.queues.empty() && target.delays.empty()) {
    ++job.counts.not_routable;
    return false;
  }
  const auto refuses = [size = message.body_bytes()](const Queue* queue) { return queue->refuses(size); };
  if (std::ranges::any_of(target.queues, refuses)) {
    ++job.counts.refused;
    return false;
  }
  // Copies, for what comes into the queue that it leaves may move what it points to.
  const std::string body(message.body);
  const std::string properties = after_redrive(message.properties);
  MessageView sent = message;
  sent.exchange = target.exchange;
  sent.routing_key = target.routing_key;
  sent.properties = properties;
  sent.body = body;
  // The queue gives its reference back with the message.
  if (sent.apart) bodies_.share(sent.apart.id, 2);
  send(target.queues, target.delays, sent, sent, moment);
  to = std::move(target.name);
  return true;
}

Broker::RedriveTarget Broker::redrive_target(const RedriveTo& to, const MessageView& message) {
  const std::optional<PastDeath> death = death_history(message.properties).last;
  RedriveTarget target;
  target.exchange = message.exchange;
  target.routing_key = message.routing_key;
  if (to.exchange) {
    target.exchange = *to.exchange;
    if (to.routing_key) target.routing_key = *to.routing_key;
  } else if (death && death->entry) {
    target.exchange = death->entry->exchange;
    target.routing_key = death->entry->routing_key;
  }
  std::optional<std::string> straight = to.queue;
  if (!to.queue && !to.exchange && death) straight = death->queue;
  if (straight) {
    if (const Result<Queue*> queue = accessible(message.vhost, *straight, 0)) {
      target.queues.push_back(*queue);
      target.name = "queue '" + *straight + "'";
      return target;
    }
    if (to.queue) return target;
  }
  MessageView routed = message;
  routed.exchange = target.exchange;
  routed.routing_key = target.routing_key;
  const Result<CarbonCopies> copies = to.exchange ? CarbonCopies() : carbon_copies(message.properties);
  const auto found = topology_.route(routed, copies ? copies->views() : std::vector<std::string_view>());
  if (!found) return target;
  target.queues = *found->queues;
  target.delays.assign(found->delays.begin(), found->delays.end());
  target.name = "exchange '" + target.exchange + "' with routing key '" + target.routing_key + "'";
  return target;
}

}  // namespace escrow::broker
