#include "storage/rocks_options.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include "rocksdb/write_buffer_manager.h"
#include "storage/rocks_append.h"
#include "storage/rocks_store.h"

namespace escrow {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;

/// Tables whose keys come in order and go in order: a file of them is soon all tombstones.
bool consumed_in_order(Table table) {
  return table == Table::kPages || table == Table::kPageIndex || table == Table::kPageState ||
         table == Table::kTimers || table == Table::kBodies;
}

/// Picks the log or lane of a key. Only of keys of the table's full size: see hinted_key_size.
class LogOfKey final : public rocksdb::SliceTransform {
 public:
  LogOfKey(std::size_t key_size, std::size_t prefix_size) : key_size_(key_size), prefix_size_(prefix_size) {}
  const char* Name() const override { return "escrow.log_of_key"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override { return {key.data(), prefix_size_}; }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() == key_size_; }

 private:
  std::size_t key_size_;
  std::size_t prefix_size_;
};

/// Tables that are asked for keys they mostly do not hold.
bool asked_for_absent_keys(Table table) {
  return table == Table::kOpenTransactions || table == Table::kDecidedTransactions || table == Table::kChecks ||
         table == Table::kPageState;
}

bool holds_large_values(Table table) {
  return table == Table::kPages || table == Table::kBodies || table == Table::kAudit || table == Table::kTimers;
}

rocksdb::BlockBasedTableOptions block_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = std::move(cache);
  blocks.checksum = rocksdb::kXXH3;
  blocks.format_version = 5;
  // Index and filter blocks live in the cache like all others: otherwise memory grows with the backlog.
  blocks.cache_index_and_filter_blocks = true;
  blocks.cache_index_and_filter_blocks_with_high_priority = true;
  blocks.pin_l0_filter_and_index_blocks_in_cache = false;
  return blocks;
}

}  // namespace

std::size_t hinted_key_size(Table table) {
  if (table == Table::kPages || table == Table::kPageIndex || table == Table::kPageState) return 16;
  return table == Table::kTimers ? 20 : 0;
}

rocksdb::Options database_options(const RocksStoreOptions& options) {
  rocksdb::Options db;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.recycle_log_file_num = 0;  // with recycled logs 7.8.3 hung in open after every kill -9
  // All tables are flushed together. So all of them have seen the logs up to the same point, and the one
  // batch stamp in the default column family says for all of them what is in table files.
  db.atomic_flush = true;
  db.avoid_flush_during_recovery = false;

  // A quarter is being filled while up to three are being flushed; then commits wait. The manager switches
  // earlier when it is many tables that fill, not one.
  db.write_buffer_size = std::max(options.memtable_bytes / 4, 64 * kKiB);
  db.max_write_buffer_number = 3;  // of every table, the default one included, for all are switched together
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes / 2);
  db.max_total_wal_size = 4 * options.memtable_bytes;
  db.max_background_jobs = 2;
  db.max_subcompactions = 1;
  // Flushes and compactions write steadily and wait for themselves; else their pages reach the disk all at
  // once, at the fsync of a file, in the way of the log's.
  db.bytes_per_sync = kMiB;
  db.strict_bytes_per_sync = true;
  db.allow_concurrent_memtable_write = false;  // one thread commits
  db.enable_write_thread_adaptive_yield = false;
  db.avoid_unnecessary_blocking_io = true;  // iterators do not delete files on the reader's thread
  db.max_bgerror_resume_count = 0;          // a failed flush stops the process; nothing goes on half-way

  db.max_open_files = 512;
  db.max_file_opening_threads = 1;
  db.max_manifest_file_size = 16 * kMiB;
  db.max_log_file_size = 4 * kMiB;
  db.keep_log_file_num = 4;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.skip_stats_update_on_db_open = true;

  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.block_cache_bytes;
  cache.strict_capacity_limit = false;  // strict would fail reads; the excess is what is pinned at the moment
  cache.num_shard_bits = 2;
  cache.high_pri_pool_ratio = 0.5;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(block_options(rocksdb::NewLRUCache(cache))));
  db.compression = rocksdb::kNoCompression;
  db.arena_block_size = std::min(16 * kKiB, db.write_buffer_size / 8);
  return db;
}

rocksdb::ColumnFamilyOptions table_options(Table table, const rocksdb::Options& database) {
  rocksdb::ColumnFamilyOptions cf(database);
  const auto* shared = database.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  rocksdb::BlockBasedTableOptions blocks = block_options(shared->block_cache);
  cf.merge_operator = make_append_operator();
  if (holds_large_values(table)) cf.arena_block_size = std::min(256 * kKiB, database.write_buffer_size / 8);
  cf.compression = rocksdb::kLZ4Compression;
  cf.target_file_size_base = std::max<std::size_t>(database.write_buffer_size, kMiB);
  cf.max_bytes_for_level_base = 4 * cf.target_file_size_base;
  if (holds_large_values(table)) {
    blocks.block_size = 32 * kKiB;
    cf.compression = rocksdb::kNoCompression;
  }
  if (asked_for_absent_keys(table)) {
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    cf.memtable_prefix_bloom_size_ratio = 0.02;
    cf.memtable_whole_key_filtering = true;
  }
  if (consumed_in_order(table)) {
    // A file that is nearly all tombstones is compacted soon, so that the disk of a drained queue comes back.
    // Where as much is written as consumed, half of a file is tombstones; to compact all those halves the
    // throughput.
    cf.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(0, 0, 0.75));
  }
  if (const std::size_t key_size = hinted_key_size(table); key_size != 0) {
    // Every log writes at its own end: remembering that place saves half of the work of many small pages.
    const std::size_t prefix_size = table == Table::kTimers ? 4 : 8;
    cf.memtable_insert_with_hint_prefix_extractor = std::make_shared<LogOfKey>(key_size, prefix_size);
  }
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return cf;
}

}  // namespace escrow
