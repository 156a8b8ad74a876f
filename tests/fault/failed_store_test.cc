// A RocksStore whose disk fails while it runs.
#include <gtest/gtest.h>

#include "storage/rocks_store_env.h"
#include "tests/fault/fault_file_system.h"

namespace escrow {
namespace {

using Durability = Store::Durability;

class FailedStore : public testing::Test {
 protected:
  FailedStore() {
    disk_->make_directory("/db");
    auto opened = open_rocks_store("/db", RocksStoreOptions{}, &env_);
    EXPECT_TRUE(opened.ok());
    store_ = std::move(*opened);
  }
  Result<void> commit(std::uint64_t number) {
    WriteSet set;
    set.set_batch(number, 0);
    set.put(Table::kHead, "head", std::to_string(number));
    return store_->commit(set, Durability::kSync);
  }
  std::shared_ptr<FaultDisk> disk_ = std::make_shared<FaultDisk>();
  StepwiseEnv env_{disk_};
  std::unique_ptr<RocksStore> store_;
};

TEST_F(FailedStore, AFailedCommitIsAnErrorForTheOperatorAndPoisonsTheStore) {
  ASSERT_TRUE(commit(1).ok());
  disk_->fail_power_now();
  const auto failed = commit(2);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(failed.error().reason, "STORE_IO_ERROR");
  EXPECT_NE(failed.error().message.find("committing batch 2"), std::string::npos) << failed.error().message;
  const auto after = commit(2);
  ASSERT_FALSE(after.ok());
  EXPECT_EQ(after.error().reason, "STORE_POISONED");
  EXPECT_EQ(store_->last_batch(), 1u);
}

TEST_F(FailedStore, OpeningReportsADiskThatFails) {
  disk_->fail_power_now();
  const auto opened = open_rocks_store("/db", RocksStoreOptions{}, &env_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace escrow
