// The Store on RocksDB: one column family per Table, one write-ahead log, one fsync per commit.
//
// Beside the tables, the default column family holds the batch stamp of storage/rocks_wal_proof.h, which
// every numbered set writes as its first operation; recovery checks with it that nothing acknowledged is
// missing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/store.h"

namespace escrow {

/// Sizes in bytes. The defaults keep what RocksDB allocates below 100 MiB under sustained load.
struct RocksStoreOptions {
  /// All memtables together, those being flushed included. A commit waits for a flush when they are full.
  std::size_t memtable_bytes = std::size_t{96} << 20;
  /// Data, index and filter blocks.
  std::size_t block_cache_bytes = std::size_t{24} << 20;
  /// Opens although acknowledged batches are missing: an operator's last resort when there is no copy to
  /// restore.
  bool accept_data_loss = false;
};

/// What RocksDB holds at the moment, in bytes unless said otherwise.
struct RocksStoreFigures {
  std::uint64_t memtables = 0;
  std::uint64_t block_cache = 0;
  std::uint64_t table_readers = 0;
  std::uint64_t table_files = 0;         ///< live data on disk, the log not included
  std::uint64_t pending_compaction = 0;  ///< estimate of what compactions still have to rewrite
  bool writes_delayed = false;           ///< commits are being slowed down or held
};

/// Threads as Store says: one commits, any number read. Iterators must not outlive the store.
///
/// A failed commit poisons the store: every later commit fails with STORE_POISONED, because what the failed
/// one left on disk is unknown until recovery.
class RocksStore final : public Store {
 public:
  struct Parts;  // RocksDB's types stay in the sources

  /// Opens or creates. The directory must exist and belong to this process alone (storage/data_directory.h).
  ///
  /// Before anything is written, the logs are examined (rocks_wal_proof.h). kDataLoss with reason
  /// ACKNOWLEDGED_DATA_MISSING, and nothing changed on disk, when a batch that was acknowledged would not be
  /// recovered. A tail that a crash tore, none of it acknowledged, is dropped silently.
  static Result<std::unique_ptr<RocksStore>> open(const std::string& directory, const RocksStoreOptions& options);

  explicit RocksStore(std::unique_ptr<Parts> parts);
  /// Syncs nothing: to be sure of kNoSync sets, end with a set that is synced. After an error of the disk,
  /// leaves RocksDB as it is, threads included: the process is expected to stop.
  ~RocksStore() override;
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  Result<void> commit(const WriteSet& set, Durability durability) override;
  std::uint64_t last_batch() const override;
  Result<std::optional<std::string>> get(Table table, std::string_view key) const override;
  CachedRead get_cached(Table table, std::string_view key, std::string& value) const override;
  std::unique_ptr<StoreIterator> scan(Table table, std::string_view from, std::string_view to) const override;

  /// Gives the disk space of what was erased in [from, to] back now; it does so by itself, too, when nothing more is erased
  /// (space_reclaimer.h). Rewrites the files that overlap the range, so it takes as long as what is alive there is large.
  /// Any thread but the committing one.
  Result<void> reclaim(Table table, std::string_view from, std::string_view to);

  /// Any thread. Takes RocksDB's mutex for a moment: meant for metrics, not for the path of a message.
  RocksStoreFigures figures() const;

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace escrow
