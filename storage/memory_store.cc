#include "storage/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "base/planted_fault.h"

namespace escrow {

/// Reads the live map until the next commit, which first makes it copy what is left of its range. So a scan
/// that ends before anything is written, as nearly all do, copies only the entry it stands on.
class MemoryStore::Iterator final : public StoreIterator {
 public:
  /// The caller holds the mutex.
  Iterator(const MemoryStore& store, const Map& map, std::string_view from, std::string_view to)
      : store_(store), next_(map.lower_bound(from)), end_(to.empty() ? map.end() : map.lower_bound(to)) {
    if (!to.empty() && to <= from) end_ = next_;
    load();
    store_.iterators_.push_back(this);
  }
  ~Iterator() override {
    const std::lock_guard lock(store_.mutex_);
    std::erase(store_.iterators_, this);
  }

  bool valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  void next() override {
    ESCROW_INVARIANT(valid_, "next() of an iterator at its end");
    const std::lock_guard lock(store_.mutex_);
    load();
  }
  Result<void> status() const override { return {}; }

  /// The caller holds the mutex. The bounds become those of the copy.
  void detach() {
    rest_ = Map(next_, end_);
    next_ = rest_.begin();
    end_ = rest_.end();
  }

 private:
  void load() {
    valid_ = next_ != end_;
    if (!valid_) return;
    key_ = next_->first;
    value_ = next_->second;
    ++next_;
  }

  const MemoryStore& store_;
  Map rest_;
  Map::const_iterator next_;  ///< follows the entry that was loaded
  Map::const_iterator end_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
};

MemoryStore::~MemoryStore() { ESCROW_INVARIANT(iterators_.empty(), "an iterator outlives its store"); }

Result<void> MemoryStore::commit(const WriteSet& set, Durability durability) {
  const std::lock_guard lock(mutex_);
  ESCROW_INVARIANT(set.batch() == 0 || set.batch() == last_batch_ + 1, "batch numbers are contiguous");
  detach_iterators();
  const bool synced = durability == Durability::kSync && !planted_fault::kSkipFsync;
  if (synced) {
    forget_undo();
  } else {
    unsynced_.push_back({undo_.size(), last_batch_});
  }
  set.for_each([&](WriteSet::Op op, Table table, std::string_view key, std::string_view value) {
    apply(op, table, key, value, !synced);
  });
  if (set.batch() != 0) last_batch_ = set.batch();
  return {};
}

void MemoryStore::apply(WriteSet::Op op, Table table, std::string_view key, std::string_view value, bool undoable) {
  Map& target = map(table);
  if (op == WriteSet::Op::kEraseRange) {
    if (value <= key) return;
    const auto end = target.lower_bound(value);
    for (auto it = target.lower_bound(key); it != end;) erase(target, it++, table, undoable);
    return;
  }
  const auto it = target.lower_bound(key);
  const bool exists = it != target.end() && it->first == key;
  if (op == WriteSet::Op::kErase) {
    if (exists) erase(target, it, table, undoable);
    return;
  }
  if (!exists) {
    target.emplace_hint(it, key, value);
    if (undoable) undo_.push_back({Undo::Kind::kRemove, table, std::string(key), {}});
  } else if (op == WriteSet::Op::kAppend) {
    if (undoable) undo_.push_back({Undo::Kind::kTruncate, table, std::string(key), {}, it->second.size()});
    it->second.append(value);
  } else {
    if (undoable) undo_.push_back({Undo::Kind::kRestore, table, std::string(key), std::move(it->second)});
    it->second = value;
  }
}

void MemoryStore::erase(Map& target, Map::iterator position, Table table, bool undoable) {
  auto node = target.extract(position);
  if (undoable) {
    undo_.push_back({Undo::Kind::kRestore, table, std::move(node.key()), std::move(node.mapped())});
  }
}

void MemoryStore::take_back(Undo& undo) {
  Map& target = map(undo.table);
  switch (undo.kind) {
    case Undo::Kind::kRemove:
      target.erase(undo.key);
      break;
    case Undo::Kind::kRestore:
      target.insert_or_assign(std::move(undo.key), std::move(undo.value));
      break;
    case Undo::Kind::kTruncate:
      target.find(undo.key)->second.resize(undo.size);
      break;
  }
}

void MemoryStore::detach_iterators() {
  for (Iterator* iterator : iterators_) iterator->detach();
  iterators_.clear();
}

void MemoryStore::forget_undo() {
  undo_.clear();
  unsynced_.clear();
}

void MemoryStore::sync() {
  const std::lock_guard lock(mutex_);
  if (!planted_fault::kSkipFsync) forget_undo();
}

std::size_t MemoryStore::crash(Random& random) {
  const std::lock_guard lock(mutex_);
  detach_iterators();
  const std::size_t kept = random.below(unsynced_.size() + 1);
  const std::size_t lost = unsynced_.size() - kept;
  if (lost != 0) {
    const UnsyncedSet& first_lost = unsynced_[kept];
    last_batch_ = first_lost.batch_before;
    for (; undo_.size() > first_lost.first_undo; undo_.pop_back()) take_back(undo_.back());
  }
  forget_undo();
  return lost;
}

std::uint64_t MemoryStore::last_batch() const {
  const std::lock_guard lock(mutex_);
  return last_batch_;
}

std::size_t MemoryStore::unsynced_sets() const {
  const std::lock_guard lock(mutex_);
  return unsynced_.size();
}

void MemoryStore::set_would_block(double probability, Random random) {
  const std::lock_guard lock(mutex_);
  would_block_probability_ = probability;
  would_block_random_ = random;
}

Result<std::optional<std::string>> MemoryStore::get(Table table, std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto it = map(table).find(key);
  if (it == map(table).end()) return std::optional<std::string>();
  return std::optional<std::string>(it->second);
}

CachedRead MemoryStore::get_cached(Table table, std::string_view key, std::string& value) const {
  const std::lock_guard lock(mutex_);
  if (would_block_probability_ > 0 && would_block_random_.chance(would_block_probability_)) {
    return CachedRead::kWouldBlock;
  }
  const auto it = map(table).find(key);
  if (it == map(table).end()) return CachedRead::kAbsent;
  value = it->second;
  return CachedRead::kFound;
}

std::unique_ptr<StoreIterator> MemoryStore::scan(Table table, std::string_view from, std::string_view to) const {
  const std::lock_guard lock(mutex_);
  return std::make_unique<Iterator>(*this, map(table), from, to);
}

}  // namespace escrow
