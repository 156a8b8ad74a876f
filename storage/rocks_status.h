// RocksDB's errors, translated once.
#pragma once

#include <string_view>

#include "base/result.h"

namespace rocksdb {
class Status;
}

namespace escrow {

/// `doing` completes "RocksDB failed while …". kDataLoss for I/O errors, corruption and a full disk,
/// kInternal for everything that only a mistake of ours explains.
Error store_error(const rocksdb::Status& status, std::string_view doing);

}  // namespace escrow
