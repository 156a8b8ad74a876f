// How RocksDB is set up, and why. What was tried and measured is in docs/performance.md.
#pragma once

#include "storage/keyspace.h"

namespace rocksdb {
struct Options;
struct ColumnFamilyOptions;
}  // namespace rocksdb

namespace escrow {

struct RocksStoreOptions;

/// Those of the database and of its default column family, which holds the batch stamp only.
rocksdb::Options database_options(const RocksStoreOptions& options);

/// Those of the column family of a table; it shares caches and limits with `database`.
rocksdb::ColumnFamilyOptions table_options(Table table, const rocksdb::Options& database);

}  // namespace escrow
