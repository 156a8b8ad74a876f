#include "tests/fault/rocks_disk.h"

#include <utility>

#include "base/invariant.h"
#include "storage/rocks_store_env.h"

namespace escrow {
namespace {

const std::string kDirectory = "/data/db";

/// Memtables are small, so that a short run flushes and compacts. The cache has room for all: which blocks
/// meet in one of its shards depends on the name that RocksDB draws for a session.
RocksStoreOptions small_store() {
  RocksStoreOptions options;
  options.memtable_bytes = 128 << 10;
  options.block_cache_bytes = 64 << 20;
  return options;
}

}  // namespace

RocksDisk::RocksDisk(Random random, std::uint64_t losses, double lying_syncs) : random_(random), losses_left_(losses) {
  disk_->make_directory("/data");
  disk_->make_directory(kDirectory);
  if (lying_syncs > 0) disk_->lie_about_syncs(lying_syncs, random_.split("lies"));
}

RocksDisk::~RocksDisk() { abandon_store(); }

Result<void> RocksDisk::start() {
  for (;;) {
    // A recovery takes about 85 operations.
    constexpr std::uint64_t kWithin[] = {100, 400, 1'000, 1'000};
    const std::uint64_t operations = 1 + random_.below(kWithin[random_.below(4)]);
    if (losses_left_ > 0) disk_->fail_power_at(disk_->operations() + operations);
    env_ = std::make_unique<StepwiseEnv>(disk_);
    auto opened = open_rocks_store(kDirectory, small_store(), env_.get());
    if (opened.ok()) store_ = std::move(*opened);
    // RocksDB deletes old files last, and does not mind if that fails.
    if (has_power()) return opened.ok() ? Result<void>() : opened.error();
    ++counts_.in_recovery;
    cut_power(random_);
  }
}

bool RocksDisk::commit(const WriteSet& set, Store::Durability durability) {
  // At most one commit overtakes a flush: RocksDB holds commits that run too far ahead, and nobody else
  // flushes.
  if (overtaken_) run_background();
  overtaken_ = env_->waiting() > 0;
  if (!has_power()) return false;
  const bool committed = store_->commit(set, durability).ok();
  if (!has_power()) return false;
  ESCROW_INVARIANT(committed, "a commit fails only for lack of power");
  ++counts_.sets;
  return true;
}

void RocksDisk::step() {
  if (env_->waiting() > 0 && random_.chance(0.5)) run_background();
}

void RocksDisk::run_background() {
  env_->run_background();
  overtaken_ = false;
  ++counts_.background;
}

void RocksDisk::stop_faults() {
  losses_left_ = 0;
  disk_->fail_power_at(0);
}

void RocksDisk::cut_power(Random& random) {
  ++counts_.losses;
  if (losses_left_ > 0) --losses_left_;
  abandon_store();
  disk_ = disk_->restart(random);
}

/// The process dies with the power: nothing of it is destroyed in order.
void RocksDisk::abandon_store() {
  disk_->fail_power_now();
  counts_.operations += disk_->operations();
  static_cast<void>(store_.release());
  static_cast<void>(env_.release());
}

}  // namespace escrow
