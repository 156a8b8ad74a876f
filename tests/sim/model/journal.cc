#include "tests/sim/model/journal.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/core/topology_codec.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {

void Journal::bodies_written(const WriteSet& bodies) {
  bodies.for_each([&](WriteSet::Op, Table, std::string_view key, std::string_view value) {
    ByteReader reader(key);
    const std::uint64_t body = reader.u64_be();
    if (reader.u32_be() == 0) bodies_[body] = catalog_.find(value);
  });
}

void Journal::sealed(const WriteSet& batch, Timestamp now) {
  sealed_.emplace(Sealed{batch.batch(), now, {}});
  batch.for_each([&](WriteSet::Op op, Table table, std::string_view key, std::string_view value) {
    if (verdict_.ok()) read(op, table, key, value);
  });
}

void Journal::read(WriteSet::Op op, Table table, std::string_view key, std::string_view value) {
  if (table == Table::kTopology && op == WriteSet::Op::kPut) return read_topology(key, value);
  if (table != Table::kPages && (table != Table::kPageState || op != WriteSet::Op::kPut)) return;
  ByteReader reader(key);
  Change change;
  change.log = reader.u64_be();
  if (op == WriteSet::Op::kEraseRange) {
    change.kind = Change::Kind::kEraseAll;
  } else {
    change.page = reader.u64_be();
    if (table == Table::kPageState) {
      change.kind = Change::Kind::kState;
      auto state = broker::PageState::decode(value);
      if (!verdict_.require(state.ok(), "a page state was written that cannot be read")) return;
      change.state = *std::move(state);
    } else if (op == WriteSet::Op::kErase) {
      change.kind = Change::Kind::kErase;
    } else {
      change.kind = op == WriteSet::Op::kAppend ? Change::Kind::kAppend : Change::Kind::kReplace;
      change.messages = read_messages(value);
    }
  }
  sealed_->changes.push_back(std::move(change));
}

void Journal::read_topology(std::string_view key, std::string_view value) {
  if (broker::decode_leftover(key, value) || broker::decode_shared_body(key, value)) return;
  const auto decoded = broker::decode_topology(key, value);
  if (!verdict_.require(decoded.ok(), "a topology entry was written that cannot be read")) return;
  const auto* queue = std::get_if<broker::StoredQueue>(&*decoded);
  if (queue == nullptr) return;
  Change change;
  change.kind = Change::Kind::kQueue;
  change.log = queue->log;
  change.queue = queue->spec.name;
  sealed_->changes.push_back(std::move(change));
}

std::optional<Token> Journal::token_of(const MessageView& message) const {
  if (!message.apart) return catalog_.find(message.body);
  const auto found = bodies_.find(message.apart.id);
  return found == bodies_.end() ? std::nullopt : found->second;
}

std::vector<Written> Journal::read_messages(std::string_view page) {
  std::vector<Written> messages;
  while (!page.empty()) {
    const auto fragment = broker::Fragment::decode(page);
    if (!verdict_.require(fragment.ok(), "a page was written that cannot be read")) break;
    for (std::uint32_t i = 0; i < (*fragment)->count(); ++i) {
      const broker::Record record = (*fragment)->record(i);
      const std::optional<Token> token = token_of(record.message);
      if (!verdict_.require(token.has_value(), "a message was written that nobody sent")) return messages;
      Written& written = messages.emplace_back();
      written = {(*fragment)->first() + i, *token, (*fragment)->time(), record.expires_at, nullptr};
      if (catalog_.is_as_sent(*token, record.message)) continue;
      Message changed;
      changed.exchange = record.message.exchange;
      changed.routing_key = record.message.routing_key;
      changed.properties = record.message.properties;
      written.changed = std::make_shared<const Message>(std::move(changed));
    }
  }
  return messages;
}

std::optional<Passage> Journal::take_durable(BatchNumber durable,
                                             const std::function<Queue*(const std::string&)>& find) {
  if (!sealed_ || sealed_->batch > durable) return std::nullopt;
  Sealed batch = *std::exchange(sealed_, std::nullopt);
  Passage passage;
  passage.batch = batch.batch;
  passage.time = {last_time_, batch.time};
  last_time_ = batch.time;
  for (Change& change : batch.changes) apply(change, find);
  for (const auto& [log, first] : std::exchange(touched_, {})) {
    Log& of = logs_.at(log);
    const auto page = of.pages.find(first);
    settle(of.queue, first, page->second, passage);
    if (page->second.entries.empty()) of.pages.erase(page);
  }
  return passage;
}

void Journal::apply(Change& change, const std::function<Queue*(const std::string&)>& find) {
  Log& log = logs_[change.log];
  const auto touch = [&](broker::Seq first) -> Page& {
    Page& page = log.pages[first];
    if (!std::exchange(page.touched, true)) touched_.emplace_back(change.log, first);
    return page;
  };
  switch (change.kind) {
    case Change::Kind::kQueue:
      log.queue = find(change.queue);
      return;
    case Change::Kind::kReplace:
      return replace(touch(change.page), std::move(change.messages));
    case Change::Kind::kAppend: {
      Page& page = touch(change.page);
      for (Written& message : change.messages) page.entries.push_back({std::move(message), kNone, false});
      return;
    }
    case Change::Kind::kState:
      touch(change.page).state = std::move(change.state);
      return;
    case Change::Kind::kErase:
      return replace(touch(change.page), {});
    case Change::Kind::kEraseAll:
      for (auto& [first, page] : log.pages) replace(touch(first), {});
      return;
  }
}

/// What was there before and is not any more has left.
void Journal::replace(Page& page, std::vector<Written> messages) {
  std::vector<Entry> before = std::exchange(page.entries, {});
  auto old = before.begin();
  for (Written& message : messages) {
    while (old != before.end() && old->message.seq < message.seq) {
      if (old->arrived) page.departed.push_back(old->copy);
      ++old;
    }
    const bool known = old != before.end() && old->message.seq == message.seq;
    page.entries.push_back(known ? *old++ : Entry{std::move(message), kNone, false});
  }
  for (; old != before.end(); ++old) {
    if (old->arrived) page.departed.push_back(old->copy);
  }
}

void Journal::settle(Queue* queue, broker::Seq first, Page& page, Passage& passage) {
  page.touched = false;
  std::erase_if(page.entries, [&](const Entry& entry) {
    if (!page.state.gone(static_cast<std::uint32_t>(entry.message.seq - first))) return false;
    if (entry.arrived) page.departed.push_back(entry.copy);
    return true;
  });
  for (const CopyId copy : std::exchange(page.departed, {})) passage.departures.push_back({queue, copy});
  for (Entry& entry : page.entries) {
    if (!std::exchange(entry.arrived, true)) passage.arrivals.push_back({queue, entry.message, &entry.copy, false});
  }
}

}  // namespace escrow::sim::model
