#include "storage/rocks_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "base/invariant.h"
#include "base/planted_fault.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "rocksdb/wal_filter.h"
#include "rocksdb/write_batch.h"
#include "storage/rocks_options.h"
#include "storage/rocks_recovery.h"
#include "storage/rocks_status.h"
#include "storage/rocks_store_env.h"
#include "storage/rocks_wal_proof.h"
#include "storage/space_reclaimer.h"

namespace escrow {
namespace {

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

class RocksIterator final : public StoreIterator {
 public:
  RocksIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* table, std::string_view from, std::string_view to)
      : to_(to), upper_bound_(to_) {
    rocksdb::ReadOptions options;
    // Never without a bound: past the end of what is asked for there may be any number of tombstones.
    if (!to_.empty()) options.iterate_upper_bound = &upper_bound_;
    it_.reset(db.NewIterator(options, table));
    it_->Seek(slice(from));
  }
  bool valid() const override { return it_->Valid(); }
  std::string_view key() const override { return view(it_->key()); }
  std::string_view value() const override { return view(it_->value()); }
  void next() override { it_->Next(); }
  Result<void> status() const override {
    if (it_->status().ok()) return {};
    return store_error(it_->status(), "scanning a table");
  }

 private:
  std::string to_;
  rocksdb::Slice upper_bound_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

Error poisoned() {
  return {ErrorCode::kDataLoss,
          "STORE_POISONED",
          "An earlier commit failed, so what is on disk is unknown until recovery: restart the server.",
          {}};
}

}  // namespace

struct RocksStore::Parts {
  std::unique_ptr<rocksdb::WalFilter> replay_end;  // used while opening, but kept by the options in `db`
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kTableCount> tables{};
  rocksdb::ColumnFamilyHandle* stamps = nullptr;

  // The commit thread's.
  rocksdb::WriteBatch batch;
  std::uint64_t durable = 0;  ///< last batch that this store knows to be on disk
  std::uint64_t last_record = 0;
  bool poisoned = false;

  std::atomic<std::uint64_t> last_batch{0};

  ~Parts() {
    reclaimer.reset();
    if (!db) return;
    // The process is about to stop. Closing would write, and asserts things that do not hold after an error.
    if (poisoned || has_background_error()) {
      (void)db.release();
      return;
    }
    for (rocksdb::ColumnFamilyHandle* table : tables) db->DestroyColumnFamilyHandle(table).PermitUncheckedError();
    db->DestroyColumnFamilyHandle(stamps).PermitUncheckedError();
  }

  bool has_background_error() const {
    std::uint64_t errors = 0;
    return db->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &errors) && errors != 0;
  }
  rocksdb::ColumnFamilyHandle* handle(Table table) const { return tables[static_cast<std::size_t>(table)]; }
  rocksdb::Status fill_batch(const WriteSet& set);
  rocksdb::Status delete_range(Table table, std::string_view from, std::string_view to);
  Result<void> read_stamp();
  rocksdb::Status compact(Table table, std::string_view from, std::string_view to, std::atomic<bool>* cancelled) const;

  std::optional<SpaceReclaimer> reclaimer;  // last: it uses the others
};

RocksStore::RocksStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RocksStore::~RocksStore() = default;

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::string& directory, const RocksStoreOptions& options) {
  auto store = open_rocks_store(directory, options, rocksdb::Env::Default());
  if (!store) return store;
  Parts& parts = *(*store)->parts_;
  parts.reclaimer.emplace(
      [&parts](Table table, const std::string& from, const std::string& to, std::atomic<bool>& cancelled) {
        // An error here, which is one of the disk, is met again and reported by whoever commits or reads.
        parts.compact(table, from, to, &cancelled).PermitUncheckedError();
      });
  return store;
}

Result<std::unique_ptr<RocksStore>> open_rocks_store(const std::string& directory, const RocksStoreOptions& options,
                                                     rocksdb::Env* env) {
  rocksdb::Options database = database_options(options);
  database.env = env;
  const auto plan = plan_recovery(directory, database, env, options.accept_data_loss);
  if (!plan.ok()) return plan.error();

  auto parts = std::make_unique<RocksStore::Parts>();
  parts->replay_end = make_replay_end(plan->last_record);
  database.wal_filter = parts->replay_end.get();
  database.create_if_missing = !plan->exists;
  database.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, database);
  for (std::size_t t = 0; t < kTableCount; ++t) {
    families.emplace_back(std::string(kTableNames[t]), table_options(static_cast<Table>(t), database));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(database, directory, families, &handles, &db);
  if (!status.ok()) return store_error(status, "opening " + directory);
  parts->db.reset(db);
  parts->stamps = handles[0];
  std::copy(handles.begin() + 1, handles.end(), parts->tables.begin());

  if (auto read = parts->read_stamp(); !read.ok()) return read.error();
  if (parts->last_batch != plan->last_batch || parts->last_record != plan->last_record) {
    return Error{ErrorCode::kDataLoss,
                 "STORE_CORRUPT",
                 "Recovery of " + directory + " ended with batch " + std::to_string(parts->last_batch) +
                     " and not, as its logs say, with " + std::to_string(plan->last_batch) +
                     ": restore the directory from a backup.",
                 {}};
  }
  return std::make_unique<RocksStore>(std::move(parts));
}

Result<void> RocksStore::Parts::read_stamp() {
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), stamps, slice(kBatchStampKey), &value);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return store_error(status, "reading the last batch");
  if (const auto stamp = decode_batch_stamp(value)) {
    last_batch = durable = stamp->number;
    last_record = stamp->record;
  }
  return {};
}

rocksdb::Status RocksStore::Parts::compact(Table table, std::string_view from, std::string_view to,
                                           std::atomic<bool>* cancelled) const {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.allow_write_stall = false;
  options.canceled = cancelled;
  const rocksdb::Slice begin = slice(from);
  const rocksdb::Slice end = slice(to);
  return db->CompactRange(options, handle(table), &begin, &end);
}

rocksdb::Status RocksStore::Parts::fill_batch(const WriteSet& set) {
  batch.Clear();
  const std::uint64_t number = set.batch() != 0 ? set.batch() : last_batch.load();
  const BatchStamp stamp{number, std::max(set.durable(), durable), last_record + 1};
  rocksdb::Status status = batch.Put(stamps, slice(kBatchStampKey), encode_batch_stamp(stamp));
  set.for_each([&](WriteSet::Op op, Table table, std::string_view key, std::string_view value) {
    if (!status.ok()) return;
    switch (op) {
      case WriteSet::Op::kPut:
        status = batch.Put(handle(table), slice(key), slice(value));
        break;
      case WriteSet::Op::kAppend:
        status = batch.Merge(handle(table), slice(key), slice(value));
        break;
      case WriteSet::Op::kErase:
        status = batch.Delete(handle(table), slice(key));
        break;
      case WriteSet::Op::kEraseRange:
        if (key < value) status = delete_range(table, key, value);
        break;
    }
  });
  return status;
}

/// A key of the size that hinted_key_size warns of is deleted by itself, and the range starts right behind
/// it.
rocksdb::Status RocksStore::Parts::delete_range(Table table, std::string_view from, std::string_view to) {
  if (from.size() != hinted_key_size(table)) return batch.DeleteRange(handle(table), slice(from), slice(to));
  const rocksdb::Status status = batch.Delete(handle(table), slice(from));
  const std::string behind = std::string(from) + '\0';
  if (!status.ok() || behind >= to) return status;
  return batch.DeleteRange(handle(table), behind, slice(to));
}

Result<void> RocksStore::commit(const WriteSet& set, Durability durability) {
  Parts& p = *parts_;
  if (p.poisoned) return poisoned();
  ESCROW_INVARIANT(set.batch() == 0 || set.batch() == p.last_batch + 1, "batch numbers are contiguous");
  ESCROW_INVARIANT(set.batch() == 0 || set.durable() < set.batch(), "a batch is not durable before it is written");
  rocksdb::Status status = p.fill_batch(set);
  if (status.ok()) {
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::kSync && !planted_fault::kSkipFsync;
    status = p.db->Write(options, &p.batch);
  }
  if (!status.ok()) {
    p.poisoned = true;
    return store_error(status, "committing batch " + std::to_string(set.batch()));
  }
  ++p.last_record;
  if (set.batch() != 0) p.last_batch.store(set.batch(), std::memory_order_release);
  if (durability == Durability::kSync) p.durable = p.last_batch;
  if (p.reclaimer) p.reclaimer->committed(set);
  return {};
}

std::uint64_t RocksStore::last_batch() const { return parts_->last_batch.load(std::memory_order_acquire); }

Result<std::optional<std::string>> RocksStore::get(Table table, std::string_view key) const {
  std::string value;
  const rocksdb::Status status = parts_->db->Get(rocksdb::ReadOptions(), parts_->handle(table), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return store_error(status, "reading a key");
  return std::optional<std::string>(std::move(value));
}

CachedRead RocksStore::get_cached(Table table, std::string_view key, std::string& value) const {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  const rocksdb::Status status = parts_->db->Get(options, parts_->handle(table), slice(key), &value);
  if (status.IsNotFound()) return CachedRead::kAbsent;
  // A key that may be in a table file that is not open comes back as found, with an empty value; one whose block is not in
  // the cache as Incomplete. The slow path knows, and meets an error again and reports it.
  return status.ok() && !value.empty() ? CachedRead::kFound : CachedRead::kWouldBlock;
}

std::unique_ptr<StoreIterator> RocksStore::scan(Table table, std::string_view from, std::string_view to) const {
  return std::make_unique<RocksIterator>(*parts_->db, parts_->handle(table), from, to);
}

Result<void> RocksStore::reclaim(Table table, std::string_view from, std::string_view to) {
  const rocksdb::Status status = parts_->compact(table, from, to, nullptr);
  if (!status.ok()) return store_error(status, "reclaiming disk space");
  return {};
}

RocksStoreFigures RocksStore::figures() const {
  const auto sum = [this](const std::string& property) {
    std::uint64_t value = 0;
    parts_->db->GetAggregatedIntProperty(property, &value);
    return value;
  };
  const auto one = [this](const std::string& property) {
    std::uint64_t value = 0;
    parts_->db->GetIntProperty(property, &value);
    return value;
  };
  RocksStoreFigures figures;
  figures.memtables = sum(rocksdb::DB::Properties::kSizeAllMemTables);
  figures.block_cache = one(rocksdb::DB::Properties::kBlockCacheUsage);
  figures.table_readers = sum(rocksdb::DB::Properties::kEstimateTableReadersMem);
  figures.table_files = sum(rocksdb::DB::Properties::kLiveSstFilesSize);
  figures.pending_compaction = sum(rocksdb::DB::Properties::kEstimatePendingCompactionBytes);
  figures.writes_delayed =
      one(rocksdb::DB::Properties::kActualDelayedWriteRate) != 0 || one(rocksdb::DB::Properties::kIsWriteStopped) != 0;
  return figures;
}

}  // namespace escrow
