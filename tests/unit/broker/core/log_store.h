// The part of a store that one log writes to, and recovery from it, as Engine::recover_log does it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "broker/core/queue_log.h"

namespace escrow::broker {

/// The value, or an exception that every test reports.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline void must_ok(const Result<void>& result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
}

struct LogStore {
  std::map<Seq, std::string> pages;
  std::map<Seq, std::string> index;
  std::map<Seq, std::string> states;
  std::optional<std::string> log_state;
  int rewrites = 0;

  void start_page(LogId, Seq page, const std::shared_ptr<const Fragment>& fragment) { pages[page] = fragment->bytes(); }
  void append_page(LogId, Seq page, const std::shared_ptr<const Fragment>& fragment) {
    pages[page] += fragment->bytes();
  }
  void put_page(LogId, Seq page, std::string bytes) {
    pages[page] = std::move(bytes);
    ++rewrites;
  }
  void erase_page(LogId, Seq page, bool indexed, bool has_state) {
    pages.erase(page);
    if (indexed) index.erase(page);
    if (has_state) states.erase(page);
  }
  void put_extent(LogId, const PageExtent& extent) { extent.encode(index[extent.first] = {}); }
  void put_page_state(LogId, Seq page, const PageState& state) { state.encode(states[page] = {}); }
  void put_log_state(LogId, const LogState& state) { state.encode(log_state.emplace()); }

  std::unique_ptr<QueueLog> recover(LogId id, PageCache& cache) const {
    auto log = std::make_unique<QueueLog>(id, cache);
    recover_into(*log);
    return log;
  }
  void recover_into(QueueLog& log) const {
    Seq from = 1;
    if (log_state) {
      const LogState state = must(LogState::decode(*log_state));
      log.recover_state(state);
      from = state.head;
    }
    const auto add = [&](PageExtent extent, bool indexed) {
      std::optional<PageState> state;
      if (const auto it = states.find(extent.first); it != states.end()) state = must(PageState::decode(it->second));
      from = extent.end;
      log.recover_page(std::move(extent), indexed, std::move(state));
    };
    for (auto it = index.lower_bound(from); it != index.end(); ++it) {
      add(must(PageExtent::decode(it->first, it->second)), true);
    }
    for (auto it = pages.lower_bound(from); it != pages.end(); ++it) {
      add(must(PageExtent::of(it->first, it->second)), false);
    }
  }
};

}  // namespace escrow::broker
