#include "engine/transaction_list.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "coordinator/core/schedule.h"
#include "engine/timer_index.h"
#include "engine/transaction_reader.h"

namespace escrow::engine {

using coordinator::Key;
using coordinator::State;
using coordinator::Transaction;

namespace {

/// A page's `next`: u8 phase │ the key to go on from │ in kDecided, varint index of the entry under that key.
enum Phase : std::uint8_t { kOpen = 1, kDecided = 2 };

struct Position {
  Phase phase = kOpen;
  std::string key;
  std::uint64_t index = 0;

  std::string encode() const {
    std::string out;
    ByteWriter(out).u8(phase).string(key).varint(index);
    return out;
  }
  static std::optional<Position> decode(std::string_view in) {
    ByteReader reader(in);
    Position position;
    const std::uint8_t phase = reader.u8();
    position.key = reader.string();
    position.index = reader.varint();
    if (!reader.done() || (phase != kOpen && phase != kDecided)) return std::nullopt;
    position.phase = static_cast<Phase>(phase);
    return position;
  }
};

class Lister {
 public:
  Lister(const Store& store, const TransactionFilter& filter, std::size_t limit)
      : store_(store), filter_(filter), limit_(limit) {}

  Result<TransactionPage> list(Position from) {
    if (from.phase == kOpen) {
      if (wants_open()) {
        if (auto ok = list_open(from.key); !ok) return std::move(ok).error();
      }
      from = {kDecided, timer_key(kRetentionLane, 0, 0), 0};
    }
    if (page_.next.empty() && wants_decided()) {
      if (auto ok = list_decided(from); !ok) return std::move(ok).error();
    }
    return std::move(page_);
  }

 private:
  bool wants_open() const { return !filter_.state || coordinator::is_open(*filter_.state); }
  bool wants_decided() const { return !filter_.state || !coordinator::is_open(*filter_.state); }
  bool is_hidden(const std::string& group) const { return filter_.group.empty() && coordinator::is_schedule(group); }
  bool full() const {
    return page_.transactions.size() >= limit_ || scanned_ >= kMaxListScan || bytes_ >= kMaxListBytes;
  }

  void offer(Transaction transaction) {
    if (filter_.state && transaction.state != *filter_.state) return;
    if (filter_.prepared_before && transaction.prepared_at > *filter_.prepared_before) return;
    if (coordinator::is_schedule(transaction.key.group)) {
      coordinator::hide_bodies(transaction);
    } else {
      transaction.messages.clear();
    }
    bytes_ += transaction.footprint();
    page_.transactions.push_back(std::move(transaction));
  }

  static std::string begin_of(const std::string& group) {
    std::string key;
    ByteWriter(key).string(group);
    return key;
  }
  /// Ids start with their length, which one byte of 0xff and one of 0x01 at most begin: steps past all of them.
  static std::string end_of(const std::string& group) { return begin_of(group) + "\xff\xff"; }

  Result<void> list_open(std::string_view from) {
    std::string begin(from);
    std::string end;
    if (!filter_.group.empty()) {
      begin = std::max(begin, begin_of(filter_.group));
      end = end_of(filter_.group);
    }
    auto it = store_.scan(Table::kOpenTransactions, begin, end);
    while (it->valid()) {
      if (full()) {
        page_.next = Position{kOpen, std::string(it->key()), 0}.encode();
        return {};
      }
      ++scanned_;
      const Result<Key> key = Key::decode(it->key());
      if (!key) return key.error();
      if (is_hidden(key->group)) {
        it = store_.scan(Table::kOpenTransactions, end_of(key->group), end);
        continue;
      }
      auto found = read_transaction(store_, it->key());
      if (!found) return std::move(found).error();
      if (*found && coordinator::is_open((*found)->state)) offer(std::move(**found));
      it->next();
    }
    return it->status();
  }

  Result<void> list_decided(const Position& from) {
    const auto it = store_.scan(Table::kTimers, from.key, timer_key(kRetentionLane + 1, 0, 0));
    for (; it->valid(); it->next()) {
      Result<std::vector<Timer>> decided = decode_timers(it->value());
      if (!decided) return std::move(decided).error();
      std::size_t index = it->key() == from.key ? from.index : 0;
      for (; index < decided->size(); ++index) {
        if (full()) {
          page_.next = Position{kDecided, std::string(it->key()), index}.encode();
          return {};
        }
        ++scanned_;
        if (auto ok = list_decided_one((*decided)[index]); !ok) return ok;
      }
    }
    return it->status();
  }

  Result<void> list_decided_one(const Timer& entry) {
    const Result<Key> key = Key::decode(entry.key);
    if (!key) return key.error();
    if (is_hidden(key->group) || (!filter_.group.empty() && key->group != filter_.group)) return {};
    const auto stored = store_.get(Table::kDecidedTransactions, entry.key);
    if (!stored) return stored.error();
    if (!*stored) return {};  // forgotten while the list was made
    Result<Transaction> transaction = coordinator::decode_decided(*key, **stored);
    if (!transaction) return std::move(transaction).error();
    offer(std::move(*transaction));
    return {};
  }

  const Store& store_;
  const TransactionFilter& filter_;
  const std::size_t limit_;
  std::size_t scanned_ = 0;
  std::size_t bytes_ = 0;
  TransactionPage page_;
};

}  // namespace

Result<TransactionPage> list_transactions(const Store& store, const TransactionFilter& filter, std::string_view from,
                                          std::size_t limit) {
  std::optional<Position> position = Position();
  if (!from.empty()) position = Position::decode(from);
  if (!position) return Error{ErrorCode::kInvalidArgument, "MALFORMED", "the page token is not one of ours", {}};
  return Lister(store, filter, limit).list(std::move(*position));
}

}  // namespace escrow::engine
