#include "storage/space_reclaimer.h"

#include <gtest/gtest.h>

#include <future>
#include <string>

#include "base/bytes.h"
#include "storage/rocks_store.h"
#include "tests/unit/storage/scratch_directory.h"

namespace escrow {
namespace {

using namespace std::chrono_literals;

std::string log_key(std::uint64_t log) {
  std::string key;
  ByteWriter(key).u64_be(log);
  return key;
}
std::string page_key(std::uint64_t log, std::uint64_t page) {
  std::string key = log_key(log);
  ByteWriter(key).u64_be(page);
  return key;
}

struct Reclaimed {
  Table table = Table::kHead;
  std::string from;
  std::string to;
};

/// Tells of the first time.
struct Reclaimer {
  std::promise<Reclaimed> first;
  SpaceReclaimer reclaimer{[this](Table table, const std::string& from, const std::string& to, std::atomic<bool>&) {
    first.set_value({table, from, to});
  }};
};

WriteSet erased_pages(std::uint64_t log, std::uint64_t from, std::uint64_t count) {
  WriteSet set;
  for (std::uint64_t page = from; page < from + count; ++page) set.erase(Table::kPages, page_key(log, page));
  return set;
}

TEST(SpaceReclaimer, reclaims_what_was_erased_of_a_log_when_it_comes_to_rest) {
  Reclaimer r;
  auto reclaimed = r.first.get_future();
  r.reclaimer.committed(erased_pages(7, 10, 40));
  r.reclaimer.committed(erased_pages(7, 50, 40));
  ASSERT_EQ(reclaimed.wait_for(30s), std::future_status::ready);
  const Reclaimed range = reclaimed.get();
  EXPECT_EQ(range.table, Table::kPages);
  EXPECT_EQ(range.from, page_key(7, 10));
  EXPECT_EQ(range.to, page_key(7, 89));
}

TEST(SpaceReclaimer, leaves_alone_what_is_little) {
  Reclaimer r;
  auto reclaimed = r.first.get_future();
  for (std::uint64_t log = 1; log <= 100; ++log)
    r.reclaimer.committed(erased_pages(log, 1, SpaceReclaimer::kWorth - 1));
  r.reclaimer.committed(erased_pages(1000, 1, SpaceReclaimer::kWorth));
  ASSERT_EQ(reclaimed.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(reclaimed.get().from, page_key(1000, 1)) << "the others come first in order, and are passed over";
}

TEST(SpaceReclaimer, reclaims_a_log_that_was_erased_as_a_whole) {
  Reclaimer r;
  auto reclaimed = r.first.get_future();
  WriteSet set;
  set.erase_range(Table::kPages, log_key(3), log_key(4));
  r.reclaimer.committed(set);
  ASSERT_EQ(reclaimed.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(reclaimed.get().to, log_key(4));
}

TEST(SpaceReclaimer, stops_in_the_midst_of_its_work) {
  std::promise<void> begun;
  std::promise<bool> ended;
  {
    SpaceReclaimer reclaimer([&](Table, const std::string&, const std::string&, std::atomic<bool>& cancelled) {
      begun.set_value();
      const auto deadline = std::chrono::steady_clock::now() + 30s;
      while (!cancelled && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
      ended.set_value(cancelled);
    });
    reclaimer.committed(erased_pages(1, 1, 1000));
    begun.get_future().wait();
  }
  EXPECT_TRUE(ended.get_future().get());
}

TEST(SpaceReclaimer, makes_a_store_give_back_the_disk_of_a_drained_log) {
  const ScratchDirectory directory;
  const auto store = RocksStore::open(directory.path(), {});
  ASSERT_TRUE(store.ok());
  constexpr std::uint64_t kPages = 4000;
  constexpr std::uint64_t kBytes = kPages * (64 << 10);
  std::uint64_t batch = 0;
  const auto commit = [&](WriteSet set) {
    set.set_batch(batch + 1, batch);
    ++batch;
    ASSERT_TRUE((*store)->commit(set, Store::Durability::kNoSync).ok());
  };
  const std::string page(64 << 10, 'x');
  for (std::uint64_t i = 1; i <= kPages; ++i) {
    WriteSet set;
    set.put(Table::kPages, page_key(1, i), page);
    commit(std::move(set));
  }
  ASSERT_GT((*store)->figures().table_files, kBytes / 2);
  for (std::uint64_t i = 1; i <= kPages; i += 100) commit(erased_pages(1, i, 100));
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while ((*store)->figures().table_files > kBytes / 50 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_LE((*store)->figures().table_files, kBytes / 50);
}

}  // namespace
}  // namespace escrow
