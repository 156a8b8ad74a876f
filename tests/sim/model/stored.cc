#include "tests/sim/model/stored.h"

#include <optional>
#include <utility>

#include "base/bytes.h"
#include "broker/core/page_state.h"
#include "broker/core/topology_codec.h"
#include "engine/batch.h"
#include "engine/timer_index.h"

namespace escrow::sim::model {
namespace {

constexpr std::uint8_t kQueueKind = 2;

std::string timer_name(engine::LaneId lane, Timestamp due, coordinator::Epoch epoch, const std::string& key) {
  std::string name;
  ByteWriter(name).u32(lane).i64(to_micros(due)).u64(epoch).bytes(key);
  return name;
}

std::string log_prefix(broker::LogId log) {
  std::string key;
  ByteWriter(key).u64_be(log);
  return key;
}

}  // namespace

Stored::Stored(const Store& store, const Catalog& catalog, Verdict& verdict) : catalog_(catalog), verdict_(verdict) {
  read_head(store);
  read_bodies(store);
  read_topology(store);
  for (StoredQueue& queue : queues) read_queue(store, queue);
  read_transactions(store);
  read_timers(store);
  read_delayed(store);
  check_leftovers(store);
}

void Stored::read_head(const Store& store) {
  const auto stored = store.get(Table::kHead, engine::kHeadKey);
  if (!stored.ok() || !*stored) {
    verdict_.require(store.last_batch() == 0, "batches were written without a head");
    return;
  }
  const Result<engine::Head> decoded = engine::Head::decode(**stored);
  if (!verdict_.require(decoded.ok(), "the head cannot be read")) return;
  head = *decoded;
  verdict_.require(head.batch == store.last_batch(), "the head is of batch ", head.batch, ", the store of ",
                   store.last_batch());
}

void Stored::read_topology(const Store& store) {
  for (const auto it = store.scan(Table::kTopology, "", ""); it->valid(); it->next()) {
    if (const auto leftover = broker::decode_leftover(it->key(), it->value())) {
      if (leftover->delayed) delay_logs_.insert(leftover->log);
      continue;
    }
    if (broker::decode_shared_body(it->key(), it->value())) continue;
    topology.emplace(it->key());
    const auto decoded = broker::decode_topology(it->key(), it->value());
    const auto* exchange = decoded ? std::get_if<broker::StoredExchange>(&*decoded) : nullptr;
    if (exchange != nullptr && exchange->delay_log != 0) delay_logs_.insert(exchange->delay_log);
    ByteReader key(it->key());
    if (key.u8() != kQueueKind) continue;
    key.string();
    StoredQueue queue;
    queue.name = key.string();
    ByteReader value(it->value());
    value.u8();  // version
    value.u8();  // flags
    queue.log = value.u64();
    verdict_.require(key.done() && value.ok(), "the stored queue '", queue.name, "' cannot be read");
    queues.push_back(std::move(queue));
  }
}

void Stored::read_queue(const Store& store, StoredQueue& queue) {
  const std::string from = log_prefix(queue.log);
  const std::string to = log_prefix(queue.log + 1);
  for (const auto it = store.scan(Table::kPages, from, to); it->valid(); it->next()) {
    ByteReader key(it->key());
    key.u64_be();
    broker::PageState state;
    const auto stored = store.get(Table::kPageState, it->key());
    if (stored.ok() && *stored) {
      Result<broker::PageState> decoded = broker::PageState::decode(**stored);
      if (!verdict_.require(decoded.ok(), "a page state of '", queue.name, "' cannot be read")) return;
      state = std::move(*decoded);
    }
    read_page(queue, key.u64_be(), it->value(), state);
  }
}

void Stored::read_page(StoredQueue& queue, broker::Seq first, std::string_view page, const broker::PageState& state) {
  while (!page.empty()) {
    const auto fragment = broker::Fragment::decode(page);
    if (!verdict_.require(fragment.ok(), "a page of '", queue.name, "' cannot be read")) return;
    for (std::uint32_t i = 0; i < (*fragment)->count(); ++i) {
      const broker::Seq seq = (*fragment)->first() + i;
      const auto offset = static_cast<std::uint32_t>(seq - first);
      if (state.gone(offset)) continue;
      const Token token = token_of((*fragment)->record(i).message, queue.name);
      verdict_.require(queue.messages.empty() || queue.messages.back().seq < seq, "the sequences of '", queue.name,
                       "' do not ascend");
      queue.messages.push_back({token, seq, state.delivery_count(offset)});
    }
  }
}

Token Stored::token_of(const MessageView& message, const std::string& where) {
  std::optional<Token> token;
  if (message.apart) {
    used_bodies_.insert(message.apart.id);
    const auto found = bodies_.find(message.apart.id);
    if (!verdict_.require(found != bodies_.end(), "a body that '", where, "' refers to is not stored")) return 0;
    token = found->second;
  } else {
    token = find(message.body);
  }
  if (!verdict_.require(token.has_value(), "'", where, "' holds a message nobody sent")) return 0;
  return *token;
}

std::optional<Token> Stored::find(std::string_view body) const {
  const std::optional<Token> token = catalog_.find(body);
  return token && catalog_.is_body_of(*token, body) ? token : std::nullopt;
}

/// Each body is looked at once, whatever the number of queues it is in.
void Stored::read_bodies(const Store& store) {
  std::uint64_t id = 0;
  std::string body;
  const auto end_body = [&] {
    if (!body.empty()) bodies_.emplace(id, find(body));
    body.clear();
  };
  for (const auto it = store.scan(Table::kBodies, "", ""); it->valid(); it->next()) {
    const std::uint64_t next = ByteReader(it->key()).u64_be();
    if (next != id) end_body();
    id = next;
    body.append(it->value());
  }
  end_body();
}

void Stored::read_transactions(const Store& store) {
  for (const auto it = store.scan(Table::kOpenTransactions, "", ""); it->valid(); it->next()) {
    const Result<coordinator::Key> key = coordinator::Key::decode(it->key());
    const auto check = store.get(Table::kChecks, it->key());
    if (!verdict_.require(key.ok() && check.ok(), "the key of a transaction cannot be read")) return;
    std::optional<std::string_view> check_state;
    if (*check) check_state = **check;
    auto transaction = coordinator::decode_open(*key, it->value(), check_state);
    if (!verdict_.require(transaction.ok(), "transaction '", key->id, "' cannot be read")) return;
    StoredTransaction stored{std::move(*transaction), {}};
    for (const auto& m : stored.transaction.messages) stored.messages.push_back(token_of(m.message.view(), key->id));
    open.emplace(it->key(), std::move(stored));
  }
  for (const auto it = store.scan(Table::kChecks, "", ""); it->valid(); it->next()) {
    verdict_.require(open.contains(std::string(it->key())), "a check state is left of a transaction that is not open");
  }
  for (const auto it = store.scan(Table::kDecidedTransactions, "", ""); it->valid(); it->next()) {
    const Result<coordinator::Key> key = coordinator::Key::decode(it->key());
    if (!verdict_.require(key.ok(), "the key of a decided transaction cannot be read")) return;
    auto transaction = coordinator::decode_decided(*key, it->value());
    if (!verdict_.require(transaction.ok(), "the decided transaction '", key->id, "' cannot be read")) return;
    verdict_.require(!open.contains(std::string(it->key())), "transaction '", key->id, "' is open and decided");
    decided.emplace(it->key(), std::move(*transaction));
  }
}

void Stored::read_timers(const Store& store) {
  for (const auto it = store.scan(Table::kGroups, "", ""); it->valid(); it->next()) {
    ByteReader value(it->value());
    value.u8();
    groups.emplace(it->key(), value.u32());
    verdict_.require(value.done(), "the producer group '", it->key(), "' cannot be read");
  }
  for (const auto it = store.scan(Table::kTimers, "", ""); it->valid(); it->next()) {
    const auto key = engine::decode_timer_key(it->key());
    const auto timers = engine::decode_timers(it->value());
    if (!verdict_.require(key && timers.ok(), "stored timers cannot be read")) return;
    for (const engine::Timer& timer : *timers) {
      timers_.insert(timer_name(key->lane, timer.due, timer.epoch, timer.key));
    }
  }
}

void Stored::read_delayed(const Store& store) {
  std::unordered_map<broker::LogId, std::uint64_t> counts;
  for (const auto it = store.scan(Table::kDelayed, "", ""); it->valid(); it->next()) {
    const broker::LogId log = ByteReader(it->key()).u64_be();
    if (!verdict_.require(delay_logs_.contains(log), "the log ", log, " of delayed messages has no exchange")) return;
    if (!engine::decode_delay_key(it->key())) {
      const auto count = broker::DelayCount::decode(it->value());
      if (!verdict_.require(count.ok(), "a count of delayed messages cannot be read")) return;
      counts[log] += count->messages;
      continue;
    }
    for (std::string_view rest = it->value(); !rest.empty();) {
      const auto fragment = broker::Fragment::decode(rest);
      if (!verdict_.require(fragment.ok(), "delayed messages cannot be read")) return;
      for (std::uint32_t i = 0; i < (*fragment)->count(); ++i)
        token_of((*fragment)->record(i).message, "a delayed exchange");
      delayed += (*fragment)->count();
      counts[log] -= (*fragment)->count();
    }
  }
  for (const auto& [log, difference] : counts) {
    verdict_.require(difference == 0, "the log ", log, " of delayed messages counts others than it has");
  }
}

bool Stored::has_timer(engine::LaneId lane, Timestamp due, coordinator::Epoch epoch, const std::string& key) const {
  return timers_.contains(timer_name(lane, due, epoch, key));
}

void Stored::check_leftovers(const Store& store) {
  std::unordered_set<std::uint64_t> logs;
  for (const StoredQueue& queue : queues) {
    verdict_.require(logs.insert(queue.log).second, "two queues have the log ", queue.log);
  }
  for (const Table table : {Table::kPages, Table::kPageIndex, Table::kPageState, Table::kLogState}) {
    for (const auto it = store.scan(table, "", ""); it->valid(); it->next()) {
      const broker::LogId log = ByteReader(it->key()).u64_be();
      verdict_.require(logs.contains(log), "the table ", kTableNames[static_cast<std::size_t>(table)],
                       " has something of the log ", log, ", which no queue has");
    }
  }
  // Bodies of a batch that was lost may lie there until the next one; their numbers are not used yet.
  for (const auto& [id, token] : bodies_) {
    verdict_.require(used_bodies_.contains(id) || id >= head.next_body, "the body ", id, " is left without a message");
  }
}

}  // namespace escrow::sim::model
