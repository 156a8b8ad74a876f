// A WriteSet is what one batch changes: a list of operations over tables, applied in order, all or nothing.
//
// Keys and small values live in one arena; a large value can be shared with whoever else reads it (a page that is
// also being delivered), so that it is copied only by the store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/keyspace.h"

namespace escrow {

class WriteSet {
 public:
  enum class Op : std::uint8_t {
    kPut,
    kAppend,      ///< adds the value to the end of the key's value (which may not exist yet)
    kErase,       ///< an absent key is no error
    kEraseRange,  ///< [key, value)
  };
  using SharedBytes = std::shared_ptr<const std::string>;

  /// Operations of a set carry the number of its batch: recovery proves with it that no durable batch is missing.
  /// `durable` is the last batch known to be on disk when this one was sealed.
  void set_batch(std::uint64_t number, std::uint64_t durable) { number_ = number, durable_ = durable; }
  std::uint64_t batch() const { return number_; }
  std::uint64_t durable() const { return durable_; }

  void put(Table table, std::string_view key, std::string_view value) { add(Op::kPut, table, key, value); }
  void put(Table table, std::string_view key, SharedBytes value) { add(Op::kPut, table, key, std::move(value)); }
  void append(Table table, std::string_view key, std::string_view value) { add(Op::kAppend, table, key, value); }
  void append(Table table, std::string_view key, SharedBytes value) { add(Op::kAppend, table, key, std::move(value)); }
  void erase(Table table, std::string_view key) { add(Op::kErase, table, key, std::string_view()); }
  void erase_range(Table table, std::string_view from, std::string_view to) { add(Op::kEraseRange, table, from, to); }

  /// Calls visit(Op, Table, key, value) for every operation in order. The views are valid during the call.
  template <class Visitor>
  void for_each(Visitor&& visit) const {
    for (const Entry& e : entries_) {
      const std::string_view key(arena_.data() + e.key_at, e.key_size);
      const std::string_view value = e.shared == kNotShared
                                         ? std::string_view(arena_.data() + e.key_at + e.key_size, e.value_size)
                                         : std::string_view(*shared_[e.shared]);
      visit(e.op, e.table, key, value);
    }
  }

  bool empty() const { return entries_.empty(); }
  std::size_t operations() const { return entries_.size(); }
  /// Keys and values, shared ones included.
  std::size_t bytes() const { return arena_.size() + shared_bytes_; }
  void clear() {
    arena_.clear();
    entries_.clear();
    shared_.clear();
    shared_bytes_ = 0;
    number_ = durable_ = 0;
  }

 private:
  static constexpr std::uint32_t kNotShared = ~std::uint32_t{0};
  struct Entry {
    std::size_t key_at;
    std::uint32_t key_size;
    std::uint32_t value_size;
    std::uint32_t shared;
    Op op;
    Table table;
  };

  void add(Op op, Table table, std::string_view key, std::string_view value) {
    entries_.push_back({arena_.size(), static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size()),
                        kNotShared, op, table});
    arena_.append(key).append(value);
  }
  void add(Op op, Table table, std::string_view key, SharedBytes value) {
    shared_bytes_ += value->size();
    entries_.push_back({arena_.size(), static_cast<std::uint32_t>(key.size()), 0,
                        static_cast<std::uint32_t>(shared_.size()), op, table});
    arena_.append(key);
    shared_.push_back(std::move(value));
  }

  std::string arena_;
  std::vector<Entry> entries_;
  std::vector<SharedBytes> shared_;
  std::size_t shared_bytes_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t durable_ = 0;
};

}  // namespace escrow
