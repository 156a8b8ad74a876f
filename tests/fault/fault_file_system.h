// RocksDB on a FaultDisk.
#pragma once

#include <deque>
#include <memory>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/fault/fault_disk.h"

namespace escrow {

/// RocksDB's own log file (LOG) is not written.
std::shared_ptr<rocksdb::FileSystem> make_fault_file_system(std::shared_ptr<FaultDisk> disk);

/// Runs RocksDB on the file system of `disk` with its flushes and compactions on the calling thread, when
/// told to: so one seed is one sequence of disk operations (given the same addresses, see
/// fault_power_loss_main.cc). Only what a closing database still waits for runs on one of RocksDB's threads.
/// For one thread.
///
/// With several threads, as under a whole server, use rocksdb::NewCompositeEnv(make_fault_file_system(…)).
class StepwiseEnv final : public rocksdb::EnvWrapper {
 public:
  explicit StepwiseEnv(std::shared_ptr<FaultDisk> disk);

  /// Runs what is waiting, and what that leads to. To be called before the database is closed, too.
  void run_background();
  std::size_t waiting() const { return jobs_.size(); }

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

  std::deque<Job> jobs_;
};

}  // namespace escrow
