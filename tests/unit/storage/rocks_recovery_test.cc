// What RocksStore does with logs that a crash tore, that rotted, or that are not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/random.h"
#include "rocksdb/env.h"
#include "storage/rocks_store_env.h"
#include "storage/rocks_wal_proof.h"
#include "tests/unit/storage/store_harness.h"

namespace escrow {
namespace {

using Durability = Store::Durability;
using Files = std::map<std::string, std::string>;
const std::string kDirectory = "/db";

/// A file system in memory whose background work can be held, so that nothing is flushed and logs pile up.
class HeldEnv final : public rocksdb::EnvWrapper {
 public:
  HeldEnv() : EnvWrapper(rocksdb::NewMemEnv(rocksdb::Env::Default())), memory_(target()) {}
  ~HeldEnv() override { delete memory_; }
  void Schedule(void (*work)(void*), void* argument, Priority priority, void* tag, void (*undo)(void*)) override {
    if (hold) {
      held_.push_back([=, this] { memory_->Schedule(work, argument, priority, tag, undo); });
    } else {
      memory_->Schedule(work, argument, priority, tag, undo);
    }
  }
  void release() {
    hold = false;
    for (const auto& work : held_) work();
    held_.clear();
  }
  bool hold = false;

 private:
  rocksdb::Env* memory_;
  std::vector<std::function<void()>> held_;
};

/// All of one moment: begins anew when one is deleted meanwhile, which happens in the background.
Files files_of(rocksdb::Env& env) {
  Files files;
  std::vector<std::string> names;
  EXPECT_TRUE(env.GetChildren(kDirectory, &names).ok());
  for (const std::string& name : names) {
    if (name == "LOCK" || name.starts_with("LOG")) continue;
    const rocksdb::Status read = rocksdb::ReadFileToString(&env, kDirectory + "/" + name, &files[name]);
    if (read.IsNotFound() || read.IsPathNotFound()) return files_of(env);
    EXPECT_TRUE(read.ok()) << name << ": " << read.ToString();
  }
  return files;
}

/// A machine that holds these files: the store can be opened on it, and its files be read again.
struct Machine {
  explicit Machine(const Files& files) {
    EXPECT_TRUE(env.CreateDirIfMissing(kDirectory).ok());
    for (const auto& [name, content] : files) {
      EXPECT_TRUE(rocksdb::WriteStringToFile(&env, content, kDirectory + "/" + name).ok());
    }
  }
  Result<std::unique_ptr<RocksStore>> open(bool accept_data_loss = false) {
    RocksStoreOptions options;
    options.memtable_bytes = 512 << 10;
    options.accept_data_loss = accept_data_loss;
    return open_rocks_store(kDirectory, options, &env);
  }
  HeldEnv env;
};

void commit(Store& store, Durability durability, std::size_t size = 20) {
  WriteSet set;
  const std::uint64_t number = store.last_batch() + 1;
  set.set_batch(number, 0);
  set.put(Table::kHead, "head", std::to_string(number));
  set.append(Table::kPages, "page", std::string(1, static_cast<char>('a' + number % 26)));
  set.put(Table::kBodies, std::to_string(number), std::string(size, 'x'));
  ASSERT_TRUE(store.commit(set, durability).ok());
}

/// Files after `batches` commits, as a crash leaves them.
Files crashed(int batches, Durability durability = Durability::kSync, std::size_t size = 20) {
  Machine machine({});
  auto store = machine.open();
  EXPECT_TRUE(store.ok());
  for (int i = 0; i < batches; ++i) commit(**store, durability, size);
  return files_of(machine.env);
}

std::string only_log(const Files& files) {
  std::string found;
  for (const auto& [name, content] : files) {
    if (!name.ends_with(".log")) continue;
    EXPECT_EQ(found, "") << "more than one log";
    found = name;
  }
  return found;
}

void expect_prefix(Store& store, std::uint64_t last) {
  ASSERT_EQ(store.last_batch(), last);
  std::string page;
  for (std::uint64_t number = 1; number <= last; ++number) page.push_back(static_cast<char>('a' + number % 26));
  EXPECT_EQ(value_of(store, Table::kHead, "head"), last == 0 ? "(none)" : std::to_string(last));
  EXPECT_EQ(value_of(store, Table::kPages, "page"), last == 0 ? "(none)" : page);
  EXPECT_EQ(entries(store, Table::kBodies).size(), last);
}

void expect_refused(const Files& files, std::string_view part_of_message) {
  Machine machine(files);
  for (int attempt = 0; attempt < 2; ++attempt) {  // the first attempt must not destroy the proof
    const auto store = machine.open();
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(store.error().reason, "ACKNOWLEDGED_DATA_MISSING") << store.error().message;
    EXPECT_NE(store.error().message.find(part_of_message), std::string::npos) << store.error().message;
    EXPECT_EQ(files_of(machine.env), files) << "something was changed";
  }
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

// The column families are in the order of their creation, tables by number after the default one.
TEST(RocksRecovery, a_log_has_these_bytes) {
  Machine machine({});
  auto store = machine.open();
  ASSERT_TRUE(store.ok());
  WriteSet set;
  set.set_batch(1, 0);
  set.put(Table::kHead, "head", "h");
  set.append(Table::kPages, "p", "a");
  set.erase(Table::kGroups, "u");
  set.erase_range(Table::kBodies, "b", "c");
  ASSERT_TRUE((*store)->commit(set, Durability::kSync).ok());
  const Files files = files_of(machine.env);
  // clang-format off
  EXPECT_EQ(hex(files.at(only_log(files))),
            "854147d7" "4500" "01"                           // checksum, length, a whole record
            "0100000000000000" "05000000"                    // sequence, operations
            "01" "056261746368" "18" "0100000000000000" "0000000000000000" "0100000000000000"  // the stamp
            "05" "01" "0468656164" "0168"                    // put head
            "06" "04" "0170" "0161"                          // append to a page
            "04" "0b" "0175"                                 // erase a group
            "0e" "0d" "0162" "0163");                        // erase a range of bodies
  // clang-format on
}

TEST(RocksRecovery, everything_is_there_after_an_orderly_end_and_after_a_crash) {
  Machine machine({});
  for (int round = 0; round < 4; ++round) {
    auto store = machine.open();
    ASSERT_TRUE(store.ok()) << store.error().message;
    expect_prefix(**store, static_cast<std::uint64_t>(round) * 5);
    for (int i = 0; i < 5; ++i) commit(**store, i % 2 == 0 ? Durability::kSync : Durability::kNoSync);
    Machine other(files_of(machine.env));
    auto after_crash = other.open();
    ASSERT_TRUE(after_crash.ok()) << after_crash.error().message;
    expect_prefix(**after_crash, static_cast<std::uint64_t>(round) * 5 + 5);
  }
}

TEST(RocksRecovery, the_last_record_may_be_cut_anywhere) {
  const Files before = crashed(9);
  const Files files = crashed(10);
  const std::string log = only_log(files);
  ASSERT_TRUE(files.at(log).starts_with(before.at(log)));
  for (std::size_t size = before.at(log).size(); size < files.at(log).size(); ++size) {
    Files torn = files;
    torn[log].resize(size);
    Machine machine(torn);
    auto store = machine.open();
    ASSERT_TRUE(store.ok()) << size << ": " << store.error().message;
    expect_prefix(**store, 9);
    commit(**store, Durability::kSync);
    expect_prefix(**store, 10);
  }
}

TEST(RocksRecovery, the_last_record_may_be_damaged_anywhere) {
  const Files before = crashed(9);
  const Files files = crashed(10);
  const std::string log = only_log(files);
  for (std::size_t at = before.at(log).size(); at < files.at(log).size(); ++at) {
    Files damaged = files;
    damaged[log][at] = static_cast<char>(damaged[log][at] ^ (1 << (at % 8)));
    Machine machine(damaged);
    auto store = machine.open();
    ASSERT_TRUE(store.ok()) << at << ": " << store.error().message;
    expect_prefix(**store, 9);
  }
}

TEST(RocksRecovery, any_damage_to_an_earlier_record_is_refused) {
  const std::size_t from = crashed(4).at(only_log(crashed(4))).size();
  const std::size_t to = crashed(5).at(only_log(crashed(5))).size();
  const Files files = crashed(10);
  const std::string log = only_log(files);
  for (std::size_t at = from; at < to; ++at) {
    Files damaged = files;
    damaged[log][at] = static_cast<char>(damaged[log][at] ^ (1 << (at % 8)));
    expect_refused(damaged, log + " seems to be damaged at byte " + std::to_string(from));
  }
}

TEST(RocksRecovery, refused_data_can_be_given_up_expressly) {
  const std::size_t from = crashed(4).at(only_log(crashed(4))).size();
  Files files = crashed(10);
  files[only_log(files)][from + 10] ^= 1;
  Machine machine(files);
  ASSERT_FALSE(machine.open().ok());
  {
    auto store = machine.open(true);
    ASSERT_TRUE(store.ok()) << store.error().message;
    expect_prefix(**store, 4);
    commit(**store, Durability::kSync);
  }
  auto store = machine.open();
  ASSERT_TRUE(store.ok()) << store.error().message;
  expect_prefix(**store, 5);
}

/// Files after nine small batches, one that fills the rest of the log's first block, and nine small ones in
/// the next. `hole` is where batch 5 begins.
Files crashed_with_full_block(Durability durability, std::size_t& hole) {
  constexpr std::size_t kBlock = 32 * 1024;
  std::size_t fill = 20'000;
  for (int attempt = 0; attempt < 2; ++attempt) {  // the first finds out how much is missing
    Machine machine({});
    auto store = machine.open();
    EXPECT_TRUE(store.ok());
    const auto log_size = [&] {
      const Files files = files_of(machine.env);
      return files.at(only_log(files)).size();
    };
    for (int i = 0; i < 4; ++i) commit(**store, durability);
    hole = log_size();
    for (int i = 0; i < 5; ++i) commit(**store, durability);
    commit(**store, durability, fill);
    const std::size_t left = kBlock - log_size();
    for (int i = 0; i < 9; ++i) commit(**store, durability);
    if (left < 7) return files_of(machine.env);  // no header fits: the next record starts a block
    fill += left - 3;
  }
  return {};
}

// A disk that did not write one block of a growing file leaves zeros there. RocksDB steps over them without a
// word, and where the next block begins with a whole record, it would replay that.
TEST(RocksRecovery, a_hole_of_zeros_ends_recovery_or_is_refused) {
  for (const Durability durability : {Durability::kNoSync, Durability::kSync}) {
    std::size_t hole = 0;
    Files files = crashed_with_full_block(durability, hole);
    ASSERT_FALSE(files.empty());
    std::string& log = files[only_log(files)];
    std::fill(log.begin() + static_cast<std::ptrdiff_t>(hole), log.begin() + 32 * 1024, '\0');
    if (durability == Durability::kSync) {
      expect_refused(files, "at byte " + std::to_string(hole));
      continue;
    }
    Machine machine(files);
    auto store = machine.open();
    ASSERT_TRUE(store.ok()) << store.error().message;
    expect_prefix(**store, 4);
  }
}

/// Files after a batch that is synced, and after one that is not and the body before it, which fills the rest of the log's first
/// block. `hole` is where the body begins.
Files crashed_with_body(std::size_t& hole) {
  std::size_t fill = 20'000;
  for (int attempt = 0; attempt < 2; ++attempt) {  // the first finds out how much is missing
    Machine machine({});
    auto store = machine.open();
    EXPECT_TRUE(store.ok());
    const auto log_size = [&] {
      const Files files = files_of(machine.env);
      return files.at(only_log(files)).size();
    };
    commit(**store, Durability::kSync);
    hole = log_size();
    WriteSet body;
    body.put(Table::kBodies, "body", std::string(fill, 'x'));
    EXPECT_TRUE((*store)->commit(body, Durability::kNoSync).ok());
    const std::size_t left = WalScanner::kBlockSize - log_size();
    commit(**store, Durability::kNoSync);
    if (left < 7) return files_of(machine.env);  // no header fits: the next record starts a block
    fill += left - 3;
  }
  return {};
}

// The bodies that a batch refers to are written before it, in records of their own.
TEST(RocksRecovery, a_batch_whose_bodies_are_lost_is_lost_with_them) {
  std::size_t hole = 0;
  Files files = crashed_with_body(hole);
  ASSERT_FALSE(files.empty());
  std::string& log = files[only_log(files)];
  std::fill_n(log.begin() + static_cast<std::ptrdiff_t>(hole), WalScanner::kBlockSize - hole, '\0');
  Machine machine(files);
  auto store = machine.open();
  ASSERT_TRUE(store.ok()) << store.error().message;
  expect_prefix(**store, 1);
  commit(**store, Durability::kSync);
  expect_prefix(**store, 2);
}

/// Files of a store that could not flush, so that there are several logs.
Files crashed_with_logs(std::size_t logs, std::uint64_t& last) {
  Machine machine({});
  auto store = machine.open();
  EXPECT_TRUE(store.ok());
  for (int i = 0; i < 3; ++i) commit(**store, Durability::kSync);
  machine.env.hold = true;
  Files files;
  do {
    commit(**store, Durability::kSync, 20'000);
    files = files_of(machine.env);
  } while (static_cast<std::size_t>(std::count_if(
               files.begin(), files.end(), [](const auto& file) { return file.first.ends_with(".log"); })) < logs);
  commit(**store, Durability::kSync);
  commit(**store, Durability::kSync);
  files = files_of(machine.env);
  last = (*store)->last_batch();
  machine.env.release();
  return files;
}

TEST(RocksRecovery, several_logs_are_replayed) {
  std::uint64_t last = 0;
  Machine machine(crashed_with_logs(3, last));
  auto store = machine.open();
  ASSERT_TRUE(store.ok()) << store.error().message;
  expect_prefix(**store, last);
}

TEST(RocksRecovery, a_missing_log_is_refused_when_a_later_one_proves_it) {
  std::uint64_t last = 0;
  const Files files = crashed_with_logs(3, last);
  std::vector<std::string> logs;
  for (const auto& [name, content] : files) {
    if (name.ends_with(".log")) logs.push_back(name);
  }
  for (const std::string& log : {logs[0], logs[1]}) {
    Files missing = files;
    missing.erase(log);
    expect_refused(missing, "a log file is probably missing");
  }
}

TEST(RocksRecovery, a_database_without_its_current_file_is_not_taken_for_a_new_one) {
  Files files = crashed(3);
  files.erase("CURRENT");
  Machine machine(files);
  const auto store = machine.open();
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(files_of(machine.env), files);
}

}  // namespace
}  // namespace escrow
