#include "storage/rocks_status.h"

#include <string>

#include "rocksdb/status.h"

namespace escrow {

Error store_error(const rocksdb::Status& status, std::string_view doing) {
  const std::string what = "RocksDB failed while " + std::string(doing) + ": " + status.ToString() + ". ";
  if (status.IsNoSpace()) {
    return {ErrorCode::kDataLoss,
            "STORE_NO_SPACE",
            what + "The disk is full: make room and start again; nothing that was acknowledged is lost.",
            {}};
  }
  if (status.IsCorruption()) {
    return {ErrorCode::kDataLoss,
            "STORE_CORRUPT",
            what +
                "A file of the data directory is damaged: check the disk and restore the directory from a "
                "backup.",
            {}};
  }
  if (status.IsIOError()) {
    return {ErrorCode::kDataLoss,
            "STORE_IO_ERROR",
            what + "Check the disk, the permissions and the system's log, and start again.",
            {}};
  }
  return {ErrorCode::kInternal, "STORE_INTERNAL", what + "This is a defect of Escrow: please report it.", {}};
}

}  // namespace escrow
