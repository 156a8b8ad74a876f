#include "engine/transaction_reader.h"

#include <utility>

namespace escrow::engine {

using coordinator::Key;
using coordinator::Transaction;
using Found = Result<std::optional<Transaction>>;

namespace {

Found lift(Result<Transaction> transaction) {
  if (!transaction) return std::move(transaction).error();
  return std::optional(std::move(*transaction));
}

/// `get(table, value)` gives a CachedRead; shared by both ways of reading.
template <class Get>
std::optional<Found> read(const Key& key, Get&& get) {
  std::string open;
  const CachedRead in_open = get(Table::kOpenTransactions, open);
  if (in_open == CachedRead::kWouldBlock) return std::nullopt;
  if (in_open == CachedRead::kFound) {
    std::string check;
    const CachedRead in_checks = get(Table::kChecks, check);
    if (in_checks == CachedRead::kWouldBlock) return std::nullopt;
    std::optional<std::string_view> state;
    if (in_checks == CachedRead::kFound) state = check;
    return lift(coordinator::decode_open(key, open, state));
  }
  std::string decided;
  const CachedRead in_decided = get(Table::kDecidedTransactions, decided);
  if (in_decided == CachedRead::kWouldBlock) return std::nullopt;
  if (in_decided == CachedRead::kFound) return lift(coordinator::decode_decided(key, decided));
  return Found(std::optional<Transaction>());
}

}  // namespace

Found read_transaction(const Store& store, std::string_view encoded) {
  const Result<Key> key = Key::decode(encoded);
  if (!key) return key.error();
  std::optional<Error> failed;
  std::optional<Found> found = read(*key, [&](Table table, std::string& value) {
    Result<std::optional<std::string>> got = store.get(table, encoded);
    if (!got) {
      failed = got.error();
      return CachedRead::kWouldBlock;
    }
    if (!*got) return CachedRead::kAbsent;
    value = std::move(**got);
    return CachedRead::kFound;
  });
  if (failed) return *failed;
  return std::move(*found);
}

std::optional<Found> read_cached(Backend& backend, const Key& key, std::string_view encoded) {
  return read(key, [&](Table table, std::string& value) { return backend.get_cached(table, encoded, value); });
}

}  // namespace escrow::engine
