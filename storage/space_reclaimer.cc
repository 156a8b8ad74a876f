#include "storage/space_reclaimer.h"

#include <utility>

namespace escrow {
namespace {

constexpr std::size_t kLogIdBytes = 8;

/// The tables whose values are large.
bool is_large(Table table) { return table == Table::kPages || table == Table::kBodies; }

}  // namespace

SpaceReclaimer::SpaceReclaimer(Reclaim reclaim) : reclaim_(std::move(reclaim)), thread_([this] { run(); }) {}

SpaceReclaimer::~SpaceReclaimer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SpaceReclaimer::committed(const WriteSet& set) {
  std::unique_lock lock(mutex_, std::defer_lock);
  set.for_each([&](WriteSet::Op op, Table table, std::string_view key, std::string_view value) {
    const bool erases = op == WriteSet::Op::kErase || op == WriteSet::Op::kEraseRange;
    if (!erases || !is_large(table)) return;
    if (!lock) lock.lock();
    const std::string_view log = table == Table::kPages ? key.substr(0, kLogIdBytes) : std::string_view();
    Range& range = erased_[{table, std::string(log)}];
    const std::string_view end = op == WriteSet::Op::kEraseRange ? value : key;
    if (range.count == 0 || key < range.from) range.from = key;
    if (range.count == 0 || range.to < end) range.to = end;
    // Nobody knows how many keys a range has.
    range.count += op == WriteSet::Op::kEraseRange ? kWorth : 1;
    worth_it_ |= range.count >= kWorth;
  });
  if (!lock) return;
  last_erased_ = std::chrono::steady_clock::now();
  if (!worth_it_) return;
  lock.unlock();
  changed_.notify_one();
}

void SpaceReclaimer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || worth_it_; });
    while (!stopping_ && std::chrono::steady_clock::now() < last_erased_ + kRest) {
      changed_.wait_until(lock, last_erased_ + kRest, [&] { return stopping_.load(); });
    }
    if (stopping_) return;
    worth_it_ = false;
    const Ranges erased = std::exchange(erased_, {});
    lock.unlock();
    for (const auto& [log, range] : erased) {
      if (range.count >= kWorth && !stopping_) reclaim_(log.first, range.from, range.to, stopping_);
    }
    lock.lock();
  }
}

}  // namespace escrow
