// The copies as batches bring them to the disk.
#include <algorithm>

#include "tests/sim/model/copies.h"

namespace escrow::sim::model {

CopyId Copies::arrived(const Arrival& arrival, const Window& when) {
  if (arrival.message.changed != nullptr) return kNone;
  const broker::Seq place = arrival.message.seq;
  CopyId found = kNone;
  for (CopyId id = message(arrival.message.token).first; id != kNone; id = copies_[id].next) {
    const Copy& copy = copies_[id];
    if (copy.queue != arrival.queue || copy.state == Copy::State::kGone || copy.stored || copy.changed != kNone)
      continue;
    if (copy.place != 0 && copy.place != place) continue;
    if (copy.place == place) {
      found = id;
      break;
    }
    if (found == kNone || fits(copy, place)) found = id;
  }
  if (found == kNone) return kNone;
  learn_place(copies_[found], place);
  store(copies_[found], arrival, when);
  return found;
}

CopyId Copies::arrived_on(const Arrival& arrival, Form form, const Window& when) {
  Copy& copy = add(arrival.message.token, arrival.queue, when.from);
  copy.publisher = kNoPublisher;
  copy.state = arrival.queue->purging.empty() ? Copy::State::kCertain : Copy::State::kDoubtful;
  // It came when its batch was being built, and may have been given out and back since.
  copy.ended_seen = arrival.queue->ended_before_seal;
  if (!form.properties.expiration) copy.lifetime.reset();
  copy.changed = static_cast<std::uint32_t>(changed_.size());
  changed_.push_back({std::move(form), arrival.message.changed});
  copy.place = arrival.message.seq;
  store(copy, arrival, when);
  return static_cast<CopyId>(copies_.size() - 1);
}

/// With the times that its end will be counted from.
void Copies::store(Copy& copy, const Arrival& arrival, const Window& when) {
  const Written& written = arrival.message;
  copy.stored = true;
  ++copy.queue->tally.enqueued;
  verdict_.require(written.time >= copy.entered && written.time <= when.until, describe(copy, catalog_),
                   " is stored with a time at which it did not come");
  verdict_.require(written.expires_at.has_value() == copy.lifetime.has_value(), describe(copy, catalog_),
                   copy.lifetime ? " is stored without its expiration" : " is stored with an expiration");
  if (!copy.lifetime || !written.expires_at) return;
  const Timestamp came = *written.expires_at - *copy.lifetime;
  verdict_.require(came >= copy.entered && came <= when.until, describe(copy, catalog_),
                   " is stored with an expiration that is not its own");
  copy.entered = came;
}

std::vector<CopyId> Copies::expected() {
  std::erase_if(expected_, [&](CopyId id) {
    const Copy& copy = copies_[id];
    const bool open = copy.state == Copy::State::kClaimed || copy.batch == 0;
    return !open || copy.stored || copy.state == Copy::State::kGone;
  });
  return expected_;
}

void Copies::check_committed() {
  for (const CopyId id : std::exchange(committed_, {})) {
    Copy& copy = copies_[id];
    if (copy.stored || copy.state != Copy::State::kCertain) continue;
    const bool died = copy.may_be_gone || (!copy.queue->rules.dead_letter_exchange && copy.mortal());
    verdict_.require(died || copy.queue->deleted, describe(copy, catalog_), " was committed and is not on disk");
    copy.state = Copy::State::kGone;
  }
}

std::size_t Copies::unwritten(const Queue* queue) const {
  return static_cast<std::size_t>(std::ranges::count_if(live_, [&](CopyId id) {
    const Copy& copy = copies_[id];
    return copy.queue == queue && !copy.stored && copy.state != Copy::State::kGone;
  }));
}

Form Copies::form(const Copy& copy) const {
  if (copy.changed != kNone) return changed_[copy.changed].form;
  return sent_form(catalog_.message_without_body(copy.token).view());
}

void Copies::check_overdue() const {
  std::unordered_map<const Queue*, std::uint64_t> in_queue;
  for (const CopyId id : live_) {
    const Copy& copy = copies_[id];
    if (!copy.stored || copy.state == Copy::State::kGone || copy.queue->deleted) continue;
    verdict_.require(!copy.expires(), describe(copy, catalog_), " is still there though its time is over");
    ++in_queue[copy.queue];
  }
  for (const auto& [queue, count] : in_queue) {
    verdict_.require(!queue->rules.drops_head() || count <= *queue->rules.max_length, "queue '", queue->name,
                     "' holds ", count, " messages, its limit is ", queue->rules.max_length.value_or(0));
  }
}

bool Copies::some_expire() const {
  return std::ranges::any_of(live_, [&](CopyId id) {
    const Copy& copy = copies_[id];
    return copy.stored && copy.state != Copy::State::kGone && !copy.queue->deleted && copy.expires();
  });
}

}  // namespace escrow::sim::model
