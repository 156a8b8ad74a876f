// A RocksStore whose disk fails while it runs, and what the engine makes of it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/engine_thread.h"
#include "storage/rocks_store_env.h"
#include "tests/fault/fault_file_system.h"

namespace escrow {
namespace {

struct Machine {
  Machine() {
    disk->make_directory("/db");
    auto opened = open_rocks_store("/db", RocksStoreOptions{}, env.get());
    EXPECT_TRUE(opened.ok());
    store = std::move(*opened);
  }
  std::shared_ptr<FaultDisk> disk = std::make_shared<FaultDisk>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(make_fault_file_system(disk));
  std::unique_ptr<RocksStore> store;
};

/// Never destroyed, as nothing is in a process that stops because its store failed: RocksDB still uses it.
Machine& doomed_machine() {
  static auto& machine = *new Machine;
  return machine;
}

Result<void> commit(Store& store, std::uint64_t number) {
  WriteSet set;
  set.set_batch(number, 0);
  set.put(Table::kHead, "head", std::to_string(number));
  return store.commit(set, Store::Durability::kSync);
}

TEST(FailedStore, a_failed_commit_is_an_error_for_the_operator_and_poisons_the_store) {
  Machine& machine = doomed_machine();
  ASSERT_TRUE(commit(*machine.store, 1).ok());
  machine.disk->fail_power_now();
  const auto failed = commit(*machine.store, 2);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(failed.error().reason, "STORE_IO_ERROR");
  EXPECT_NE(failed.error().message.find("committing batch 2"), std::string::npos) << failed.error().message;
  const auto after = commit(*machine.store, 2);
  ASSERT_FALSE(after.ok());
  EXPECT_EQ(after.error().reason, "STORE_POISONED");
  EXPECT_EQ(machine.store->last_batch(), 1u);
}

TEST(FailedStore, opening_reports_a_disk_that_fails) {
  auto disk = std::make_shared<FaultDisk>();
  StepwiseEnv env(disk);
  disk->make_directory("/db");
  disk->fail_power_now();
  const auto opened = open_rocks_store("/db", RocksStoreOptions{}, &env);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
}

/// Says that it got an answer, which nobody must hear.
struct TalkativePort final : engine::Port {
  void reply(std::uint64_t, Result<engine::Reply>) override { std::fprintf(stderr, "ANSWERED\n"); }
  void deliver(const broker::Delivery&) override {}
  void consumer_cancelled(broker::ConsumerId) override {}
  void check(const engine::Check&) override {}
  void flush() override {}
  void closed() override {}
};

/// Declares a queue on a disk that fails.
void run_engine_into_failure() {
  Machine& machine = doomed_machine();
  const SystemClock clock;
  auto started = engine::EngineThread::start(*machine.store, clock, {}, 1);
  machine.disk->fail_power_now();
  TalkativePort port;
  EXPECT_TRUE((*started)->inbox().try_post({&port, 1, "tester", engine::DeclareQueue{{"/", "q", {}}}}));
  (*started)->drain(std::chrono::minutes(1));
}

TEST(FailedStoreDeathTest, a_failed_commit_ends_the_process_and_answers_nobody) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";  // there are threads
  EXPECT_EXIT(run_engine_into_failure(), testing::KilledBySignal(SIGABRT),
              "^escrowd: a batch could not be made durable, stopping: RocksDB failed while committing batch 1: "
              ".*no power.*start again");
}

}  // namespace
}  // namespace escrow
