#include "storage/rocks_status.h"

#include <gtest/gtest.h>

#include "rocksdb/status.h"

namespace escrow {
namespace {

TEST(StoreError, says_what_failed_and_what_to_do) {
  const Error full = store_error(rocksdb::Status::NoSpace("/data"), "committing batch 7");
  EXPECT_EQ(full.code, ErrorCode::kDataLoss);
  EXPECT_EQ(full.reason, "STORE_NO_SPACE");
  EXPECT_NE(full.message.find("while committing batch 7"), std::string::npos);
  EXPECT_NE(full.message.find("make room"), std::string::npos);

  EXPECT_EQ(store_error(rocksdb::Status::Corruption("block"), "reading a key").reason, "STORE_CORRUPT");
  EXPECT_EQ(store_error(rocksdb::Status::IOError("disk"), "reading a key").reason, "STORE_IO_ERROR");

  const Error ours = store_error(rocksdb::Status::InvalidArgument("options"), "opening /data");
  EXPECT_EQ(ours.code, ErrorCode::kInternal);
  EXPECT_EQ(ours.reason, "STORE_INTERNAL");
}

}  // namespace
}  // namespace escrow
