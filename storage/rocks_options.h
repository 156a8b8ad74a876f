// How RocksDB is set up, and why. What was tried and measured is in docs/performance.md.
#pragma once

#include <cstddef>

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

/// Size of the keys for which memtables of the table remember a place per log (keyspace.h); 0: they do not.
///
/// In 7.8.3 the start of a range deletion must not be such a key: range deletions have a memtable of their
/// own, but share the remembered places with the other one, and it would take them for its own and crash.
std::size_t hinted_key_size(Table table);

}  // namespace escrow
