// RocksDB on a FaultDisk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/fault/fault_disk.h"

namespace escrow {

/// `disk` must outlive it. RocksDB's own log file (LOG) is not written.
std::shared_ptr<rocksdb::FileSystem> make_fault_file_system(FaultDisk& disk);

/// Runs RocksDB on the file system of `disk` with its flushes and compactions on the calling thread, when told to:
/// so one seed is one sequence of disk operations. `disk` must outlive it.
///
/// With several threads of one's own, as under a whole server, use rocksdb::NewCompositeEnv(make_fault_file_system(…)).
class StepwiseEnv final : public rocksdb::EnvWrapper {
 public:
  explicit StepwiseEnv(FaultDisk& disk);

  /// Runs what is waiting, and what that leads to.
  void run_background();
  std::size_t waiting() const { return jobs_.size(); }
  /// From now on jobs go to RocksDB's threads: before the database is closed, which may wait for them.
  void let_run();

  const char* Name() const override { return "escrow.stepwise"; }
  void Schedule(void (*work)(void*), void* argument, Priority priority, void* tag, void (*undo)(void*)) override;
  int UnSchedule(void* tag, Priority priority) override;

 private:
  struct Job {
    void (*work)(void*);
    void* argument;
    Priority priority;
    void* tag;
    void (*undo)(void*);
  };
  std::vector<Job> jobs_;
  bool stepwise_ = true;
};

}  // namespace escrow
