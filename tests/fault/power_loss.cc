#include "tests/fault/power_loss.h"

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"
#include "storage/rocks_store_env.h"
#include "tests/fault/fault_file_system.h"

namespace escrow {
namespace {

const std::string kDirectory = "/data/db";
constexpr std::array kTables = {Table::kHead, Table::kPages, Table::kTimers, Table::kOpenTransactions};

/// What the tables must hold.
class Model {
 public:
  void apply(const WriteSet& set) {
    set.for_each([this](WriteSet::Op op, Table table, std::string_view key, std::string_view value) {
      auto& map = tables_[table];
      switch (op) {
        case WriteSet::Op::kPut:
          map.insert_or_assign(std::string(key), std::string(value));
          break;
        case WriteSet::Op::kAppend:
          map[std::string(key)].append(value);
          break;
        case WriteSet::Op::kErase:
          map.erase(std::string(key));
          break;
        case WriteSet::Op::kEraseRange:
          map.erase(map.lower_bound(std::string(key)), map.lower_bound(std::string(value)));
          break;
      }
    });
  }

  /// The first difference, or nothing.
  std::optional<std::string> differs_from(const Store& store) {
    for (const Table table : kTables) {
      const std::string name(kTableNames[static_cast<std::size_t>(table)]);
      auto expected = tables_[table].begin();
      const auto end = tables_[table].end();
      auto it = store.scan(table, {}, {});
      for (; it->valid(); it->next(), ++expected) {
        if (expected == end) return name + " holds too much";
        if (it->key() != expected->first) return name + " lacks a key or holds another";
        if (it->value() != expected->second) return name + " holds another value";
      }
      if (!it->status().ok()) return it->status().error().message;
      if (expected != end) return name + " lacks its last keys";
    }
    return std::nullopt;
  }

 private:
  std::map<Table, std::map<std::string, std::string>> tables_;
};

WriteSet random_set(std::uint64_t number, Random& random) {
  WriteSet set;
  set.set_batch(number, 0);
  set.put(Table::kHead, "head", std::to_string(number));
  for (std::uint64_t operations = random.below(8); operations > 0; --operations) {
    const Table table = kTables[1 + random.below(kTables.size() - 1)];
    // Of the sizes that these tables really have, for RocksDB is told of them.
    const auto key = [&] {
      std::string bytes;
      if (table == Table::kTimers) {
        ByteWriter(bytes)
            .u32_be(static_cast<std::uint32_t>(random.below(3)))
            .u64_be(random.below(20))
            .u64_be(0);
      } else {
        ByteWriter(bytes).u64_be(random.below(3)).u64_be(random.below(20));
      }
      if (random.chance(0.1)) bytes.resize(random.below(24));
      return bytes;
    };
    const auto value = [&] {
      const std::size_t size = random.chance(0.02) ? 60'000 : random.chance(0.3) ? 6'000 : 200;
      return std::string(random.below(size), static_cast<char>('a' + random.below(26)));
    };
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        set.put(table, key(), value());
        break;
      case 3:
      case 4:
        set.append(table, key(), value());
        break;
      case 5:
      case 6:
        set.erase(table, key());
        break;
      default: {
        std::string from = key();
        std::string to = key();
        if (to < from) std::swap(from, to);
        set.erase_range(table, from, to);
      }
    }
  }
  return set;
}

class Cycle {
 public:
  Cycle(std::uint64_t seed, const PowerLossOptions& options) : random_(seed) {
    disk_->make_directory("/data");
    disk_->make_directory(kDirectory);
    if (options.lying_syncs > 0) disk_->lie_about_syncs(options.lying_syncs, random_.split("lies"));
  }

  PowerLossReport run() {
    const std::uint64_t incarnations = 2 + random_.below(3);
    for (std::uint64_t i = 0; i < incarnations && good(); ++i) {
      if (random_.chance(0.8)) fail_power_later(random_.chance(0.3) ? 150 : 1'500);
      if (!recover()) continue;
      work();
      end_incarnation();
    }
    if (good() && recover()) end_incarnation();
    return report_;
  }

 private:
  bool good() const { return report_.problem.empty(); }
  void fail(std::string problem) {
    if (report_.problem.empty()) report_.problem = std::move(problem);
  }
  void fail_power_later(std::uint64_t within) {
    disk_->fail_power_at(disk_->operations() + 1 + random_.below(within));
  }

  /// Opens the store, with as many power losses on the way as happen, and checks it. False: a check failed.
  bool recover() {
    for (;;) {
      env_ = std::make_unique<StepwiseEnv>(disk_);
      RocksStoreOptions options;
      options.memtable_bytes = 128 << 10;
      options.block_cache_bytes = 256 << 10;
      auto opened = open_rocks_store(kDirectory, options, env_.get());
      if (opened.ok()) {
        store_ = std::move(*opened);
        break;
      }
      if (disk_->has_power()) return fail("refused to open: " + opened.error().message), false;
      ++report_.counts.in_recovery;
      restart();
    }
    // From here on it is the store that is judged, and it must be able to read.
    const std::uint64_t last = store_->last_batch();
    if (!disk_->has_power()) return true;
    return check(last);
  }

  bool check(std::uint64_t last) {
    if (last < acknowledged_) {
      return fail("acknowledged up to " + std::to_string(acknowledged_) + ", recovered " +
                  std::to_string(last)),
             false;
    }
    if (last > settled_ + written_.size()) return fail("recovered more than was written"), false;
    report_.counts.lost_sets += settled_ + written_.size() - last;
    for (; settled_ < last; ++settled_) {
      model_.apply(written_.front());
      written_.pop_front();
    }
    written_.clear();
    acknowledged_ = last;
    const auto difference = model_.differs_from(*store_);
    if (difference && disk_->has_power())
      return fail("after batch " + std::to_string(last) + ": " + *difference), false;
    return true;
  }

  void work() {
    for (std::uint64_t sets = random_.below(100); sets > 0; --sets) {
      const std::uint64_t number = store_->last_batch() + 1;
      written_.push_back(random_set(number, random_));
      const auto durability = random_.chance(0.7) ? Store::Durability::kSync : Store::Durability::kNoSync;
      const auto result = store_->commit(written_.back(), durability);
      if (!result.ok()) {
        if (disk_->has_power()) fail("commit failed: " + result.error().message);
        return;
      }
      ++report_.counts.sets;
      if (durability == Store::Durability::kSync) acknowledged_ = number;
      // At most one commit overtakes a flush: RocksDB holds commits that run too far ahead, and nobody else
      // flushes.
      if (env_->waiting() == 0) continue;
      if (std::exchange(overtaken_, !overtaken_) || random_.chance(0.5)) {
        env_->run_background();
        overtaken_ = false;
        ++report_.counts.flushes;
      }
    }
  }

  /// An orderly end, if power is still on, or a crash.
  void end_incarnation() {
    if (disk_->has_power() && random_.chance(0.2)) {
      env_->run_background();
      store_.reset();
      env_.reset();
      return;
    }
    restart();
  }

  /// The process dies with the power: nothing of it is destroyed in order.
  void restart() {
    disk_->fail_power_now();
    ++report_.counts.power_losses;
    (void)store_.release();
    (void)env_.release();
    Random loss = random_.split("loss");
    disk_ = disk_->restart(loss);
    if (random_.chance(0.4)) fail_power_later(200);  // again, while recovering
  }

  Random random_;
  std::shared_ptr<FaultDisk> disk_ = std::make_shared<FaultDisk>();
  std::unique_ptr<StepwiseEnv> env_;
  std::unique_ptr<RocksStore> store_;
  Model model_;                   ///< after batch settled_
  std::uint64_t settled_ = 0;     ///< last batch found by the last recovery
  std::deque<WriteSet> written_;  ///< those after settled_, the last of which may have failed
  std::uint64_t acknowledged_ = 0;
  bool overtaken_ = false;  ///< a commit has gone ahead of what waits in the background
  PowerLossReport report_;
};

}  // namespace

PowerLossReport run_power_loss_cycle(std::uint64_t seed, const PowerLossOptions& options) {
  return Cycle(seed, options).run();
}

}  // namespace escrow
