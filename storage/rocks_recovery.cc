#include "storage/rocks_recovery.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/wal_filter.h"
#include "rocksdb/write_batch.h"
#include "storage/rocks_status.h"
#include "storage/rocks_wal_proof.h"

namespace escrow {
namespace {

struct Log {
  std::uint64_t number;
  std::string file;
};

struct DirectoryListing {
  bool has_current = false;
  bool has_data = false;  ///< a log or a table file
  std::vector<Log> logs;  ///< by number
};

Result<DirectoryListing> list(const std::string& directory, rocksdb::Env* env) {
  std::vector<std::string> names;
  const rocksdb::Status status = env->GetChildren(directory, &names);
  if (status.IsNotFound()) return DirectoryListing{};
  if (!status.ok()) return store_error(status, "listing " + directory);
  DirectoryListing listing;
  for (const std::string& name : names) {
    listing.has_current |= name == "CURRENT";
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const std::string_view suffix(end, static_cast<std::size_t>(name.data() + name.size() - end));
    if (error != std::errc() || (suffix != ".log" && suffix != ".sst")) continue;
    listing.has_data = true;
    if (suffix == ".log") listing.logs.push_back({number, name});
  }
  std::sort(listing.logs.begin(), listing.logs.end(), [](const Log& a, const Log& b) { return a.number < b.number; });
  return listing;
}

Result<void> scan_log(const std::string& directory, const Log& log, rocksdb::Env* env, WalProof& proof) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  const std::string path = directory + "/" + log.file;
  rocksdb::Status status = env->NewSequentialFile(path, &file, rocksdb::EnvOptions());
  if (!status.ok()) return store_error(status, "opening " + path);
  WalScanner scanner(log.file, log.number, proof);
  std::string block;
  std::string buffer(WalScanner::kBlockSize, '\0');
  for (bool end = false; !end;) {
    rocksdb::Slice read;
    status = file->Read(WalScanner::kBlockSize - block.size(), &read, buffer.data());
    if (!status.ok()) return store_error(status, "reading " + path);
    block.append(read.data(), read.size());
    end = read.empty();
    if (!end && block.size() < WalScanner::kBlockSize) continue;  // a short read is not yet the end
    scanner.block(block);
    block.clear();
  }
  return {};
}

/// Takes note of every record and lets none into a memtable.
class ReplayObserver final : public rocksdb::WalFilter {
 public:
  explicit ReplayObserver(WalReplay& replay) : replay_(replay) {}
  const char* Name() const override { return "escrow.replay_observer"; }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch*, bool*) override {
    if (const auto stamp = stamp_of_write_batch(batch.Data())) replay_.add(*stamp);
    return WalProcessingOption::kIgnoreCurrentRecord;
  }

 private:
  WalReplay& replay_;
};

class ReplayEnd final : public rocksdb::WalFilter {
 public:
  explicit ReplayEnd(std::uint64_t last_record) : last_record_(last_record) {}
  const char* Name() const override { return "escrow.replay_end"; }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch*, bool*) override {
    const auto stamp = stamp_of_write_batch(batch.Data());
    return stamp && stamp->record > last_record_ ? WalProcessingOption::kStopReplay
                                                 : WalProcessingOption::kContinueProcessing;
  }

 private:
  std::uint64_t last_record_;
};

/// RocksDB's own log file would be created even by a read-only database.
class NoLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

/// Opens read-only, so that RocksDB tells what it would replay and what is in table files.
Result<WalReplay> observe_replay(const std::string& directory, const rocksdb::Options& options) {
  WalReplay replay;
  ReplayObserver observer(replay);
  rocksdb::Options read_only = options;
  read_only.wal_filter = &observer;
  read_only.info_log = std::make_shared<NoLogger>();
  read_only.create_if_missing = false;
  std::unique_ptr<rocksdb::DB> db;
  {
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(read_only, directory, &opened);
    if (!status.ok()) return store_error(status, "examining " + directory);
    db.reset(opened);
  }
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), std::string(kBatchStampKey), &value);
  if (status.IsNotFound()) return replay;
  if (!status.ok()) return store_error(status, "reading the last batch of " + directory);
  const auto stamp = decode_batch_stamp(value);
  if (!stamp) {
    return Error{ErrorCode::kDataLoss,
                 "STORE_CORRUPT",
                 "The batch stamp in " + directory + " is not one: restore the directory from a backup.",
                 {}};
  }
  replay.flushed = *stamp;
  return replay;
}

}  // namespace

Result<RecoveryPlan> plan_recovery(const std::string& directory, const rocksdb::Options& options, rocksdb::Env* env,
                                   bool accept_data_loss) {
  const auto listing = list(directory, env);
  if (!listing.ok()) return listing.error();
  if (!listing->has_current) {
    if (!listing->has_data) return RecoveryPlan{};
    // RocksDB would take this for a new database and begin with an empty one.
    return Error{ErrorCode::kDataLoss,
                 "STORE_CORRUPT",
                 directory + " holds data but no file CURRENT: restore the directory from a backup.",
                 {}};
  }
  WalProof proof;
  for (const Log& log : listing->logs) {
    if (auto scanned = scan_log(directory, log, env, proof); !scanned.ok()) return scanned.error();
  }
  auto replay = observe_replay(directory, options);
  if (!replay.ok()) return replay.error();
  if (!accept_data_loss) {
    if (auto judged = judge_recovery(proof, *replay, directory); !judged.ok()) return judged.error();
  }
  const BatchStamp last = replay->recovered();
  return RecoveryPlan{true, last.number, last.record};
}

std::unique_ptr<rocksdb::WalFilter> make_replay_end(std::uint64_t last_record) {
  return std::make_unique<ReplayEnd>(last_record);
}

}  // namespace escrow
