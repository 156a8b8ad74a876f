// Looks at a database before it is opened for writing, and decides where its recovery ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace rocksdb {
class Env;
class WalFilter;
struct Options;
}  // namespace rocksdb

namespace escrow {

struct RecoveryPlan {
  bool exists = false;           ///< there is a database
  std::uint64_t last_batch = 0;  ///< the batch with which recovery ends; 0: none
  std::uint64_t last_record = 0;
};

/// Reads the logs twice: once for what they prove, once as RocksDB replays them. Writes nothing.
/// `options` are those the database will be opened with.
Result<RecoveryPlan> plan_recovery(const std::string& directory, const rocksdb::Options& options, rocksdb::Env* env,
                                   bool accept_data_loss);

/// Ends the replay of the logs before the first record beyond `last_record`. RocksDB skips a stretch of zeros
/// without a word, and a crash leaves such a stretch where a block of a growing file was not written but a
/// later one was.
std::unique_ptr<rocksdb::WalFilter> make_replay_end(std::uint64_t last_record);

}  // namespace escrow
