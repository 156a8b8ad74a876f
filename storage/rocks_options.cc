#include "storage/rocks_options.h"

#include <algorithm>

#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
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

/// Tables that are asked for keys they mostly do not hold.
bool asked_for_absent_keys(Table table) {
  return table == Table::kOpenTransactions || table == Table::kDecidedTransactions || table == Table::kChecks ||
         table == Table::kPageState;
}

bool holds_large_values(Table table) {
  return table == Table::kPages || table == Table::kBodies || table == Table::kAudit || table == Table::kTimers;
}

rocksdb::BlockBasedTableOptions block_options(const rocksdb::Options& database) {
  const auto* shared = database.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = shared->block_cache;
  blocks.checksum = rocksdb::kXXH3;
  blocks.format_version = 5;
  // Index and filter blocks live in the cache like all others: otherwise memory grows with the backlog.
  blocks.cache_index_and_filter_blocks = true;
  blocks.cache_index_and_filter_blocks_with_high_priority = true;
  blocks.pin_l0_filter_and_index_blocks_in_cache = false;
  return blocks;
}

}  // namespace

rocksdb::Options database_options(const RocksStoreOptions& options) {
  rocksdb::Options db;
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.recycle_log_file_num = 0;  // with recycled logs 7.8.3 hung in open after every kill -9
  // All tables are flushed together. So all of them have seen the logs up to the same point, and the one batch
  // stamp in the default column family says for all of them what is in table files.
  db.atomic_flush = true;
  db.avoid_flush_during_recovery = false;

  db.db_write_buffer_size = 0;
  db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.memtable_bytes);
  db.max_background_jobs = 2;
  db.max_subcompactions = 1;
  db.bytes_per_sync = kMiB;  // else a file's pages all reach the disk at its fsync, in the way of the log's
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
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = rocksdb::NewLRUCache(cache);
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(block_options(db)));
  db.compression = rocksdb::kNoCompression;
  db.max_write_buffer_number = 4;  // of every table, for all are switched together; memory is bounded above
  db.arena_block_size = 16 * kKiB;
  db.write_buffer_size = options.memtable_bytes / 2;
  return db;
}

rocksdb::ColumnFamilyOptions table_options(Table table, const rocksdb::Options& database) {
  rocksdb::ColumnFamilyOptions cf(database);
  rocksdb::BlockBasedTableOptions blocks = block_options(database);
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
    // A file in which half of a stretch is tombstones is compacted soon, so that the disk comes back.
    cf.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(128, 64, 0.5));
  }
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return cf;
}

}  // namespace escrow
