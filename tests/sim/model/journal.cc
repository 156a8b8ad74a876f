#include "tests/sim/model/journal.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/core/topology_codec.h"
#include "engine/batch.h"
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
  if (table == Table::kDelayed) return read_delayed(op, key, value);
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

void Journal::read_delayed(WriteSet::Op op, std::string_view key, std::string_view value) {
  ByteReader reader(key);
  Change change;
  change.log = reader.u64_be();
  change.name = key;
  change.kind = op == WriteSet::Op::kEraseRange ? Change::Kind::kReleaseAll
                : op == WriteSet::Op::kErase    ? Change::Kind::kRelease
                                                : Change::Kind::kDelay;
  const auto entry = engine::decode_delay_key(key);
  if (!entry && change.kind != Change::Kind::kReleaseAll) return;  // how many there are
  if (change.kind == Change::Kind::kDelay) {
    change.due = from_micros(static_cast<std::int64_t>(entry->due) * 1000);
    change.messages = read_messages(value);
  }
  sealed_->changes.push_back(std::move(change));
}

void Journal::read_topology(std::string_view key, std::string_view value) {
  if (broker::decode_leftover(key, value) || broker::decode_shared_body(key, value)) return;
  const auto decoded = broker::decode_topology(key, value);
  if (!verdict_.require(decoded.ok(), "a topology entry was written that cannot be read")) return;
  Change change;
  if (const auto* exchange = std::get_if<broker::StoredExchange>(&*decoded); exchange && exchange->delay_log != 0) {
    change.kind = Change::Kind::kExchange;
    change.log = exchange->delay_log;
    change.name = exchange->spec.name;
    sealed_->changes.push_back(std::move(change));
  }
  const auto* queue = std::get_if<broker::StoredQueue>(&*decoded);
  if (queue == nullptr) return;
  change.kind = Change::Kind::kQueue;
  change.log = queue->log;
  change.name = queue->spec.name;
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

std::optional<Passage> Journal::take_durable(BatchNumber durable, const Topology& topology,
                                             const std::function<Queue*(const std::string&)>& find) {
  if (!sealed_ || sealed_->batch > durable) return std::nullopt;
  Sealed batch = *std::exchange(sealed_, std::nullopt);
  Passage passage;
  passage.batch = batch.batch;
  passage.time = {last_time_, batch.time};
  last_time_ = batch.time;
  for (Change& change : batch.changes) apply(change, passage, find);
  settle_delayed(passage);
  for (DelayDeparture& departure : passage.delay_departures) departure.exchange_gone = is_gone(departure.log, topology);
  for (const auto& [log, first] : std::exchange(touched_, {})) {
    Log& of = logs_.at(log);
    const auto page = of.pages.find(first);
    settle(of.queue, first, page->second, passage);
    if (page->second.entries.empty()) of.pages.erase(page);
  }
  return passage;
}

void Journal::apply(Change& change, Passage& passage, const std::function<Queue*(const std::string&)>& find) {
  if (change.kind >= Change::Kind::kExchange) return apply_delayed(change, passage);
  Log& log = logs_[change.log];
  const auto touch = [&](broker::Seq first) -> Page& {
    Page& page = log.pages[first];
    if (!std::exchange(page.touched, true)) touched_.emplace_back(change.log, first);
    return page;
  };
  switch (change.kind) {
    case Change::Kind::kQueue:
      log.queue = find(change.name);
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
    default:
      return;
  }
}

void Journal::apply_delayed(Change& change, Passage& passage) {
  DelayLog& log = delays_[change.log];
  switch (change.kind) {
    case Change::Kind::kExchange:
      delay_log_of_[change.name] = change.log;
      log.exchange = std::move(change.name);
      return;
    case Change::Kind::kDelay: {
      DelayEntry& entry = log.entries[change.name];
      entry.due = change.due;
      for (Written& message : change.messages) entry.entries.push_back({std::move(message), kNone, false});
      new_delays_.emplace_back(change.log, std::move(change.name));
      return;
    }
    case Change::Kind::kRelease:
      return release(change.log, log, change.name, passage);
    case Change::Kind::kReleaseAll:
      while (!log.entries.empty()) release(change.log, log, std::string(log.entries.begin()->first), passage);
      return;
    default:
      return;
  }
}

void Journal::release(broker::LogId id, DelayLog& log, const std::string& key, Passage& passage) {
  const auto it = log.entries.find(key);
  if (it == log.entries.end()) return;
  for (const Entry& entry : it->second.entries) {
    if (entry.arrived) passage.delay_departures.push_back({entry.copy, id, false});
  }
  log.entries.erase(it);
}

void Journal::settle_delayed(Passage& passage) {
  for (const auto& [id, key] : std::exchange(new_delays_, {})) {
    DelayLog& log = delays_.at(id);
    const auto it = log.entries.find(key);
    if (it == log.entries.end()) continue;
    for (Entry& entry : it->second.entries) {
      entry.arrived = true;
      passage.delay_arrivals.push_back({log.exchange, it->second.due, entry.message, &entry.copy, false});
    }
  }
}

/// What it keeps back goes with it.
bool Journal::is_gone(broker::LogId log, const Topology& topology) const {
  const std::string& exchange = delays_.at(log).exchange;
  return delay_log_of_.at(exchange) != log || topology.exchange(exchange) == nullptr;
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
