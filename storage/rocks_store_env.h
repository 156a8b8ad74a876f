// Opens a RocksStore on a file system of the caller's: for tests of faults. The only header here that names
// RocksDB.
#pragma once

#include <memory>
#include <string>

#include "rocksdb/env.h"
#include "storage/rocks_store.h"

namespace escrow {

/// As RocksStore::open. `env` must outlive the store.
Result<std::unique_ptr<RocksStore>> open_rocks_store(const std::string& directory, const RocksStoreOptions& options,
                                                     rocksdb::Env* env);

}  // namespace escrow
