// How the engine lists, cancels and purges what waits at delayed exchanges, or to be retried.
#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "engine/engine.h"

namespace escrow::engine {

using broker::DelayKey;
using broker::Fragment;
using broker::LogId;
using broker::WaitingId;

namespace {

constexpr auto kAbsent = static_cast<std::uint8_t>(audit::Existence::kAbsent);
constexpr auto kPresent = static_cast<std::uint8_t>(audit::Existence::kPresent);
constexpr auto kPurged = static_cast<std::uint8_t>(audit::Existence::kPurged);
constexpr std::int64_t kMicrosPerMs = 1000;
/// Entries that one look at the store takes messages out of: each is rewritten.
constexpr std::size_t kEntriesPerRead = 4;

std::shared_ptr<const Fragment> decode_entry(std::string_view value) {
  auto messages = Fragment::decode(value);
  ESCROW_INVARIANT(messages && value.empty(), "delayed messages of the store cannot be decoded");
  return *std::move(messages);
}

WaitingList::Item item_of(const WaitingId& id, const broker::Record& record, const std::string& vhost) {
  const MessageView& m = record.message;
  const auto due = from_micros(static_cast<std::int64_t>(id.entry.due) * kMicrosPerMs);
  return {id, due, record.retried,
          Message{vhost, std::string(m.exchange), std::string(m.routing_key), std::string(m.properties),
                  std::string(m.body), m.apart}};
}

WaitingList read_waiting(const Store& store, LogId log, const ListWaiting& body) {
  WaitingList list;
  std::size_t bytes = 0;
  const DelayKey from = body.after ? body.after->entry : DelayKey();
  const auto it = store.scan(Table::kDelayed, delay_key(log, from), log_key(log + 1));
  for (; it->valid(); it->next()) {
    const std::optional<DelayKey> key = decode_delay_key(it->key());
    ESCROW_INVARIANT(key.has_value(), "a key of delayed messages cannot be decoded");
    const auto messages = decode_entry(it->value());
    for (std::uint32_t i = 0; i < messages->count(); ++i) {
      const WaitingId id{log, *key, i};
      const broker::Record record = messages->record(i);
      if (record.cancelled || (body.after && id <= *body.after)) continue;
      if (list.messages.size() >= body.limit || bytes >= ListWaiting::kMaxBytes) {
        list.next = list.messages.back().id;
        return list;
      }
      bytes += messages->record_bytes(i);
      list.messages.push_back(item_of(id, record, body.place.vhost));
    }
  }
  ESCROW_INVARIANT(it->status().ok(), "delayed messages of the store cannot be read");
  return list;
}

}  // namespace

struct Engine::CancelJob {
  Command rest;
  broker::WaitingPlace place;
  std::string reason;
  LogId log = 0;
  std::map<DelayKey, std::vector<std::uint32_t>> left;
  WaitingCancelled cancelled;
};

void Engine::apply(const Command& command, const ListWaiting& body) {
  const Result<LogId> log = broker_.delay_log(body.place);
  if (!log) return reply(command, log.error());
  if (*log == 0 || (body.after && body.after->log != *log)) return reply(command, Reply(WaitingList{}));
  Command rest{command.port, command.request, command.actor, ClosePort{}};
  read_after(visible_batch(), [this, log = *log, body, rest = std::move(rest)](const Store& store) {
    return [this, rest, list = read_waiting(store, log, body)]() mutable { reply(rest, Reply(std::move(list))); };
  });
}

void Engine::apply(const Command& command, const CancelWaiting& body) {
  const Result<LogId> log = broker_.delay_log(body.place);
  if (!log) return reply(command, log.error());
  auto job = std::make_shared<CancelJob>();
  job->rest = Command{command.port, command.request, command.actor, ClosePort{}};
  job->place = body.place;
  job->reason = body.reason;
  job->log = *log;
  for (const WaitingId& id : body.ids) {
    if (id.log == *log) job->left[id.entry].push_back(id.index);
  }
  if (job->left.empty()) return reply(command, Reply(WaitingCancelled{}));
  cancel_some(std::move(job));
}

void Engine::cancel_some(std::shared_ptr<CancelJob> job) {
  std::vector<DelayKey> keys;
  for (auto it = job->left.begin(); it != job->left.end() && keys.size() < kEntriesPerRead; ++it) {
    keys.push_back(it->first);
  }
  const broker::BatchNumber after = std::max(visible_batch(), broker_.rewritten_in(job->log));
  read_after(after, [this, job = std::move(job), keys = std::move(keys)](const Store& store) -> Backend::Completion {
    std::vector<std::pair<DelayKey, std::shared_ptr<const Fragment>>> found;
    for (const DelayKey& key : keys) {
      auto value = store.get(Table::kDelayed, delay_key(job->log, key));
      ESCROW_INVARIANT(value.ok(), "delayed messages of the store cannot be read");
      found.emplace_back(key, *value ? decode_entry(**value) : nullptr);
    }
    return [this, job, found = std::move(found)] {
      for (const auto& [key, stored] : found) {
        const auto cancelled = broker_.cancel_waiting(job->log, key, stored, job->left.at(key), moment());
        if (!cancelled) continue;
        for (const std::uint32_t index : *cancelled) cancelled_one(*job, {job->log, key, index});
        job->left.erase(key);
      }
      if (!job->left.empty()) return cancel_some(job);
      reply(job->rest, Reply(job->cancelled));
    };
  });
}

void Engine::cancelled_one(CancelJob& job, const WaitingId& id) {
  touch();
  audit(audit::Subject::kWaiting, kPresent, kAbsent, job.rest.actor, job.reason, job.place.vhost,
        job.place.name + ", " + to_text(id));
  job.cancelled.ids.push_back(id);
}

void Engine::apply(const Command& command, const PurgeWaiting& body) {
  const Result<std::uint64_t> purged = broker_.purge_waiting(body.place);
  if (!purged) return reply(command, purged.error());
  if (*purged > 0) {
    touch();
    const std::string why = body.reason.empty() ? "" : ": " + body.reason;
    audit(audit::Subject::kWaiting, kPresent, kPurged, command.actor, std::to_string(*purged) + " messages" + why,
          body.place.vhost, body.place.name);
  }
  reply(command, Reply(MessageCount{*purged}));
}

}  // namespace escrow::engine
