// A broker with a store to which it writes, from which its pages and bodies are read, and from which another one recovers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/broker.h"
#include "broker/core/names.h"
#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {

/// Sink of Broker::take_changes.
struct BrokerStore {
  std::map<std::string, std::string> topology_entries;
  std::map<LogId, LogStore> logs;
  std::map<std::uint64_t, std::string> bodies;
  std::map<LogId, std::map<DelayKey, std::string>> delays;
  std::map<LogId, std::string> delay_counts;
  std::map<LogId, std::map<std::uint64_t, std::string>> keys;
  LogId next_log = 1;  // of the head
  std::uint64_t next_body = 1;

  void topology(const TopologyChange& change) {
    if (change.value) {
      topology_entries[change.key] = *change.value;
    } else {
      topology_entries.erase(change.key);
    }
  }
  void erase_log(LogId log) { logs.erase(log); }
  void put_keys(LogId log, std::uint64_t row, const std::string& bytes) { keys[log][row] = bytes; }
  void erase_keys(LogId log, std::uint64_t row) { keys[log].erase(row); }
  void erase_keys(LogId log) { keys.erase(log); }
  void put_body(BodyRef body, const std::shared_ptr<const std::string>& bytes) { bodies[body.id] = *bytes; }
  void erase_body(BodyRef body) { bodies.erase(body.id); }
  void put_delayed(LogId log, const DelayKey& key, const std::shared_ptr<const Fragment>& messages) {
    delays[log][key] = messages->bytes();
  }
  void erase_delayed(LogId log, const DelayKey& key) { delays[log].erase(key); }
  void put_delay_count(LogId log, const DelayCount& count) {
    delay_counts[log].clear();
    count.encode(delay_counts[log]);
  }
  void erase_delays(LogId log) { delays.erase(log), delay_counts.erase(log); }
  DelayLog::Loaded read(const DelayLog::LoadRequest& request, std::size_t max_entries) const {
    DelayLog::Loaded loaded;
    const auto log = delays.find(request.log);
    if (log == delays.end()) return loaded;
    for (auto it = log->second.lower_bound(request.from); it != log->second.end(); ++it) {
      if (it->first.due >= request.until || loaded.entries.size() == max_entries) {
        loaded.next = it->first;
        break;
      }
      std::string_view bytes = it->second;
      loaded.entries.push_back({it->first, must(Fragment::decode(bytes))});
    }
    return loaded;
  }
  void start_page(LogId log, Seq page, std::shared_ptr<const Fragment> f) { logs[log].start_page(log, page, f); }
  void append_page(LogId log, Seq page, std::shared_ptr<const Fragment> f) { logs[log].append_page(log, page, f); }
  void put_page(LogId log, Seq page, std::string bytes) { logs[log].put_page(log, page, std::move(bytes)); }
  void erase_page(LogId log, Seq page, bool indexed, bool state) { logs[log].erase_page(log, page, indexed, state); }
  void put_extent(LogId log, const PageExtent& extent) { logs[log].put_extent(log, extent); }
  void put_page_state(LogId log, Seq page, const PageState& state) { logs[log].put_page_state(log, page, state); }
  void put_log_state(LogId log, const LogState& state) { logs[log].put_log_state(log, state); }
};

class BrokerTester {
 public:
  explicit BrokerTester(std::size_t memory = 100 << 20) : memory_(memory), broker(std::make_unique<Broker>(memory)) {}

  void declare(const std::string& name) { must(broker->declare_queue({{"/", name, {}}}, moment())); }
  void bind(const std::string& exchange, const std::string& queue_name, const std::string& key) {
    must(broker->topology().bind("/", exchange, {queue_name}, {key, {}, nullptr}));
  }
  Moment moment() const { return {at(static_cast<std::int64_t>(batch)) + later, batch}; }
  /// Through the default exchange.
  void post(const std::string& queue_name, const std::string& body) { must(publish("", queue_name, body)); }
  void post(const std::string& queue_name, int count) {
    for (int i = 0; i < count; ++i) post(queue_name, std::to_string(i));
  }
  Result<std::uint32_t> publish(const std::string& exchange, const std::string& key, const std::string& body) {
    return broker->publish(persistent(view(body, key, exchange)), moment());
  }
  void commit(const MessageView& message) { broker->publish_committed(message, moment()); }

  void consume(const std::string& name, const std::string& queue_name, std::uint32_t credit, bool auto_credit = false) {
    ids[name] = must(broker->consume({"/", queue_name, credit, auto_credit}));
    names[ids[name]] = name;
  }
  Result<void> settle(const std::string& name, DeliveryTag first, DeliveryTag last, Settlement how = Settlement::kAck) {
    return broker->settle(ids.at(name), first, last, how, moment());
  }
  void cancel(const std::string& name) { broker->cancel(ids.at(name), moment()); }

  /// Works until there is nothing more to do; what is wanted from the store is given at once. Returns what the consumers
  /// got, as "x:a y:b".
  std::string work() {
    std::string text;
    while (broker->work(moment()) || wants_reads()) {
      hear(text);
      give_reads();
    }
    hear(text);
    return text;
  }
  bool wants_reads() const {
    const BrokerEffects& effects = broker->effects();
    return !effects.loads.empty() || !effects.body_loads.empty() || !effects.delay_loads.empty();
  }

  void seal() {
    broker->enforce_memory(batch - 1, batch);
    broker->take_changes(store);
    store.next_log = broker->next_log();
    store.next_body = broker->next_body();
    ++batch;
    if (on_seal) on_seal();
  }
  /// What a crash leaves.
  void crash() {
    broker = recover();
    ids.clear();
    names.clear();
    loads.clear();
    body_loads.clear();
    delay_loads.clear();
  }
  std::unique_ptr<Broker> recover() const {
    auto recovered = std::make_unique<Broker>(memory_);
    recovered->recover_counters(store.next_log, store.next_body);
    for (const auto& [key, value] : store.topology_entries) must_ok(recovered->recover_topology(key, value));
    for (DelayLog* log : recovered->recover_delays()) {
      const auto count = store.delay_counts.find(log->id());
      if (count != store.delay_counts.end()) log->recover(must(DelayCount::decode(count->second)));
    }
    for (SeenKeys* seen : recovered->recover_keys()) {
      const auto rows = store.keys.find(seen->id());
      if (rows == store.keys.end()) continue;
      for (const auto& [row, bytes] : rows->second) must_ok(seen->recover(row, bytes));
    }
    for (const auto& [id, place] : recovered->logs()) {
      Lane& lane = place.queue->lane(place.lane);
      if (const auto it = store.logs.find(id); it != store.logs.end()) it->second.recover_into(lane.log());
      lane.rewind();
    }
    recovered->finish_recovery(moment());
    return recovered;
  }

  std::uint64_t ready(const std::string& name) { return must(broker->topology().queue("/", name))->ready(); }
  std::uint64_t unacked(const std::string& name) { return must(broker->topology().queue("/", name))->unacked(); }

 private:
  void hear(std::string& text) {
    BrokerEffects& effects = broker->effects();
    for (const Delivery& d : effects.deliveries) {
      for (std::uint32_t i = 0; i < d.count; ++i) {
        text += (text.empty() ? "" : " ") + names.at(d.consumer) + ":" + std::string(d.message(i).body);
      }
      deliveries.push_back(d);
    }
    for (const ConsumerId consumer : effects.cancelled) cancelled.push_back(names.at(consumer));
    for (const auto& done : effects.purges) purged[done.job] = done.messages;
    for (const auto& gone : effects.dead_letters_gone) dead_letters_gone.push_back(gone);
    for (const auto& done : effects.dead_letters_done) dead_letters_done.insert_or_assign(done.job, done.answer);
    loads.insert(loads.end(), effects.loads.begin(), effects.loads.end());
    body_loads.insert(body_loads.end(), effects.body_loads.begin(), effects.body_loads.end());
    delay_loads.insert(delay_loads.end(), effects.delay_loads.begin(), effects.delay_loads.end());
    expirations.insert(expirations.end(), effects.expirations.begin(), effects.expirations.end());
    effects.clear();
  }
  void give_reads() {
    for (const DelayLog::LoadRequest& request : std::exchange(delay_loads, {})) {
      while (request.after >= batch) seal();
      broker->load(request.log, store.read(request, 2));
    }
    for (const QueueLog::LoadRequest& request : std::exchange(loads, {})) {
      while (request.after >= batch) seal();
      const auto& pages = store.logs[request.log].pages;
      const auto page = pages.find(request.page);
      must_ok(broker->load(request, page == pages.end() ? "" : page->second));
    }
    for (const BodyRef body : std::exchange(body_loads, {})) broker->load(body, store.bodies[body.id]);
  }

  std::size_t memory_;

 public:
  std::unique_ptr<Broker> broker;
  BrokerStore store;
  BatchNumber batch = 1;
  std::map<std::string, ConsumerId> ids;
  std::map<ConsumerId, std::string> names;
  std::vector<Delivery> deliveries;
  std::vector<std::string> cancelled;
  std::map<std::uint64_t, std::uint64_t> purged;
  std::vector<BrokerEffects::DeadLetterGone> dead_letters_gone;
  std::map<std::uint64_t, Result<DeadLetterAnswer>> dead_letters_done;
  std::vector<QueueLog::LoadRequest> loads;
  std::vector<BodyRef> body_loads;
  std::vector<DelayLog::LoadRequest> delay_loads;
  std::vector<BrokerEffects::Expiration> expirations;
  Duration later{};               ///< the clock, beyond a second for each batch
  std::function<void()> on_seal;  ///< work() seals, too, when a read has to wait for its batch
};

}  // namespace escrow::broker
