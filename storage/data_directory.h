// The directory that holds everything Escrow stores, and the right to use it.
//
//   LOCK      flock(2) while a process owns the directory; holds its process id in decimal, for people
//   VERSION   number of the format of everything else, in decimal, and a newline
//   db/       the RocksDB database
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"

namespace escrow {

/// Owns the lock until it is destroyed; the operating system releases it as well when the process dies.
/// Two owners exclude each other within one process too. Not for network file systems without flock.
class DataDirectory {
 public:
  /// What this program writes, and the only one that it reads.
  ///   2: exchanges and queues with flags, bindings with a kind of destination, virtual hosts
  ///   3: the next sequence in the state of a log, numbers of the records of the write-ahead log, states of
  ///      transactions, schedules in the head
  static constexpr std::uint32_t kFormatVersion = 4;

  /// Creates what is missing (0700) and locks. Errors:
  ///   kFailedPrecondition  DATA_DIRECTORY_IN_USE   another process has it (metadata: pid, if known)
  ///   kFailedPrecondition  DATA_FORMAT_TOO_NEW     written by a newer version
  ///   kFailedPrecondition  DATA_FORMAT_TOO_OLD     written by a version from before the first release
  ///   kDataLoss            DATA_FORMAT_UNREADABLE  VERSION is missing beside data, or is no number
  ///   kUnavailable         DATA_DIRECTORY_UNUSABLE the operating system refuses (permissions, disk, …)
  static Result<DataDirectory> open(const std::string& path);

  DataDirectory(DataDirectory&& other) noexcept
      : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
  DataDirectory& operator=(DataDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    return *this;
  }
  ~DataDirectory();

  const std::string& path() const { return path_; }
  /// Where RocksStore lives. Exists.
  std::string database_path() const { return path_ + "/db"; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  Result<void> check_version();
  Result<void> write_version();

  std::string path_;
  int lock_ = -1;  ///< file descriptor; -1 after a move
};

}  // namespace escrow
