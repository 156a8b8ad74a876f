#include "tests/fault/fault_file_system.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rocksdb/system_clock.h"

namespace escrow {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Outcome = FaultDisk::Outcome;

IOStatus status_of(Outcome outcome, const std::string& path) {
  switch (outcome) {
    case Outcome::kDone:
      return IOStatus::OK();
    case Outcome::kNotFound:
      return IOStatus::PathNotFound(path);
    case Outcome::kNoPower:
      break;
  }
  return IOStatus::IOError(path, "no power");
}

/// Reading returns bytes in `scratch`, as RocksDB wants them.
IOStatus read_into(const FaultDisk& disk, const FaultDisk::File& file, std::uint64_t offset, std::size_t n,
                   Slice* result, char* scratch) {
  std::string bytes;
  const Outcome outcome = disk.read(file, offset, n, bytes);
  std::memcpy(scratch, bytes.data(), bytes.size());
  *result = Slice(scratch, bytes.size());
  return status_of(outcome, "read");
}

class SequentialReader final : public rocksdb::FSSequentialFile {
 public:
  SequentialReader(std::shared_ptr<FaultDisk> disk, FaultDisk::Handle file)
      : disk_(std::move(disk)), file_(std::move(file)) {}
  IOStatus Read(std::size_t n, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    IOStatus status = read_into(*disk_, *file_, position_, n, result, scratch);
    position_ += result->size();
    return status;
  }
  IOStatus Skip(std::uint64_t n) override {
    position_ += n;
    return IOStatus::OK();
  }

 private:
  std::shared_ptr<FaultDisk> disk_;
  FaultDisk::Handle file_;
  std::uint64_t position_ = 0;
};

class RandomReader final : public rocksdb::FSRandomAccessFile {
 public:
  RandomReader(std::shared_ptr<FaultDisk> disk, FaultDisk::Handle file)
      : disk_(std::move(disk)), file_(std::move(file)) {}
  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return read_into(*disk_, *file_, offset, n, result, scratch);
  }

 private:
  std::shared_ptr<FaultDisk> disk_;
  FaultDisk::Handle file_;
};

class Writer final : public rocksdb::FSWritableFile {
 public:
  Writer(std::shared_ptr<FaultDisk> disk, FaultDisk::Handle file) : disk_(std::move(disk)), file_(std::move(file)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override {
    return status_of(disk_->append(*file_, {bytes.data(), bytes.size()}), "append");
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    std::uint64_t now = 0;
    const Outcome outcome = disk_->size(*file_, now);
    if (outcome != Outcome::kDone || now == size) return status_of(outcome, "truncate");  // as every close asks for
    return status_of(disk_->truncate(*file_, size), "truncate");
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return status_of(disk_->sync(*file_), "sync"); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    std::uint64_t size = 0;
    disk_->size(*file_, size);
    return size;
  }

 private:
  std::shared_ptr<FaultDisk> disk_;
  FaultDisk::Handle file_;
};

class DirectoryHandle final : public rocksdb::FSDirectory {
 public:
  DirectoryHandle(std::shared_ptr<FaultDisk> disk, std::string path) : disk_(std::move(disk)), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return status_of(disk_->sync_directory(path_), path_); }

 private:
  std::shared_ptr<FaultDisk> disk_;
  std::string path_;
};

class NoLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  std::size_t GetLogFileSize() const override { return 0; }
};

/// RocksDB sleeps for a second before it tries again what failed; here nothing gets better by waiting.
class SleeplessClock final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "escrow.sleepless"; }
  void SleepForMicroseconds(int) override {}
};

class Lock final : public rocksdb::FileLock {};

class FaultFileSystem final : public rocksdb::FileSystem {
 public:
  explicit FaultFileSystem(std::shared_ptr<FaultDisk> disk) : disk_(std::move(disk)) {}
  const char* Name() const override { return "escrow.fault"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file, IODebugContext*) override {
    return open(path, [&](auto handle) { *file = std::make_unique<SequentialReader>(disk_, std::move(handle)); });
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file, IODebugContext*) override {
    return open(path, [&](auto handle) { *file = std::make_unique<RandomReader>(disk_, std::move(handle)); });
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) override {
    FaultDisk::Handle handle;
    if (disk_->find(path, handle) == Outcome::kNotFound) return NewWritableFile(path, options, file, context);
    return open(path, [&](auto found) { *file = std::make_unique<Writer>(disk_, std::move(found)); });
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    FaultDisk::Handle handle;
    const Outcome outcome = disk_->create(path, handle);
    if (outcome == Outcome::kDone) *file = std::make_unique<Writer>(disk_, std::move(handle));
    return status_of(outcome, path);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext*) override {
    const Outcome outcome = disk_->is_directory(path);
    if (outcome == Outcome::kDone) *directory = std::make_unique<DirectoryHandle>(disk_, path);
    return status_of(outcome, path);
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    FaultDisk::Handle handle;
    const Outcome outcome = disk_->find(path, handle);
    if (outcome == Outcome::kNotFound && disk_->is_directory(path) == Outcome::kDone) return IOStatus::OK();
    return outcome == Outcome::kNotFound ? IOStatus::NotFound(path) : status_of(outcome, path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    const Outcome outcome = disk_->list(path, *names);
    return outcome == Outcome::kNotFound ? IOStatus::NotFound(path) : status_of(outcome, path);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is, IODebugContext*) override {
    const Outcome outcome = disk_->is_directory(path);
    *is = outcome == Outcome::kDone;
    return outcome == Outcome::kNoPower ? status_of(outcome, path) : IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* size, IODebugContext*) override {
    return open(path, [&](const auto& handle) { disk_->size(*handle, *size); });
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, std::uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return open(path, [](const auto&) {});
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_->remove(path), path);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    return status_of(disk_->rename(from, to), from);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return status_of(disk_->make_directory(path), path);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    return disk_->is_directory(path) == Outcome::kDone ? IOStatus::OK() : CreateDir(path, options, context);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported(path);
  }

  IOStatus LockFile(const std::string&, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    *lock = new Lock;
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute, IODebugContext*) override {
    *absolute = path;
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* logger,
                     IODebugContext*) override {
    *logger = std::make_shared<NoLogger>();
    return IOStatus::OK();
  }

 private:
  template <class Use>
  IOStatus open(const std::string& path, Use&& use) {
    FaultDisk::Handle handle;
    const Outcome outcome = disk_->find(path, handle);
    if (outcome == Outcome::kDone) use(std::move(handle));
    return status_of(outcome, path);
  }
  std::shared_ptr<FaultDisk> disk_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_fault_file_system(std::shared_ptr<FaultDisk> disk) {
  return std::make_shared<FaultFileSystem>(std::move(disk));
}

StepwiseEnv::StepwiseEnv(std::shared_ptr<FaultDisk> disk)
    : EnvWrapper(rocksdb::NewCompositeEnv(make_fault_file_system(std::move(disk)))) {
  system_clock_ = std::make_shared<SleeplessClock>(rocksdb::SystemClock::Default());
}

void StepwiseEnv::Schedule(void (*work)(void*), void* argument, Priority priority, void* tag, void (*undo)(void*)) {
  jobs_.push_back({work, argument, priority, tag, undo});
}

/// Called by a database that is being closed. What it cannot take back, for lack of a tag, it waits for.
int StepwiseEnv::UnSchedule(void* tag, Priority priority) {
  int removed = 0;
  for (const Job& job : std::exchange(jobs_, {})) {
    if (job.tag == nullptr) {
      target()->Schedule(job.work, job.argument, job.priority, job.tag, job.undo);
    } else if (job.tag != tag || job.priority != priority) {
      jobs_.push_back(job);
    } else {
      ++removed;
      if (job.undo != nullptr) job.undo(job.argument);
    }
  }
  return removed;
}

void StepwiseEnv::run_background() {
  while (!jobs_.empty()) {
    const Job job = jobs_.front();
    jobs_.pop_front();
    job.work(job.argument);
  }
}

}  // namespace escrow
