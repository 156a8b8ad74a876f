// A disk in memory that can lose power, and then keeps only what a real one might have kept.
//
// Writing goes to a cache. Syncing a file makes its bytes durable, syncing a directory makes its entries
// durable, and neither does the other's work. When power fails, any subset of the 4 KiB blocks that were
// written since the last sync of their file survives, and any subset of the directory changes (creations,
// renames, removals) since the last sync of their directory; a file that grew may have its old size, its new
// one, or any between, with zeros where a block did not survive. That is worse than any file system on
// purpose. Three things are not: a rename that survives takes along the creations and renames before it,
// because every journal orders these and RocksDB counts on it when it points CURRENT to a new MANIFEST;
// directories themselves are durable at once; and what is appended to a MANIFEST survives up to the first block
// that does not, because RocksDB refuses one with zeros in its last record. (File systems write data before the
// size that covers it, so a hole there takes one that does not; nothing is lost then, but nothing starts.)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace escrow {

/// Thread-safe. Paths are plain strings; "/a/b" lies in the directory "/a".
class FaultDisk {
 public:
  static constexpr std::size_t kBlockSize = 4096;

  struct File;  // an inode: lives as long as a name or a handle does
  using Handle = std::shared_ptr<File>;
  enum class Outcome : std::uint8_t { kDone, kNoPower, kNotFound };

  // What changes the disk. Each counts as one operation, and none does anything without power.

  /// A new, empty file; the name's old file, if any, loses it.
  Outcome create(const std::string& path, Handle& file);
  Outcome append(File& file, std::string_view bytes);
  Outcome truncate(File& file, std::size_t size);
  Outcome sync(File& file);
  Outcome sync_directory(const std::string& path);
  Outcome rename(const std::string& from, const std::string& to);
  Outcome remove(const std::string& path);
  Outcome make_directory(const std::string& path);

  // What only looks. Not counted.

  Outcome find(const std::string& path, Handle& file) const;
  Outcome is_directory(const std::string& path) const;
  Outcome list(const std::string& directory, std::vector<std::string>& names) const;
  Outcome read(const File& file, std::uint64_t offset, std::size_t size, std::string& bytes) const;
  Outcome size(const File& file, std::uint64_t& bytes) const;

  /// Operations since power came on. Power fails at the one with number `operation` (from 1), which does
  /// nothing.
  std::uint64_t operations() const;
  void fail_power_at(std::uint64_t operation);
  /// As if the next operation were the one.
  void fail_power_now();
  bool has_power() const;

  /// Power fails, if it has not yet. Returns the disk as the next start of the machine finds it. This one
  /// stays without power, so that whoever still holds it can do no harm.
  std::shared_ptr<FaultDisk> restart(Random& random);

  /// A disk that says "synced" and lies with this probability. For proving that tests notice.
  void lie_about_syncs(double probability, Random random);

 private:
  struct NameChange {
    std::string from;  ///< empty: a creation
    std::string to;    ///< empty: a removal
    Handle file;
  };
  using Names = std::map<std::string, Handle>;

  bool begin_operation();
  void apply(const NameChange& change, Names& names) const;
  void change_name(NameChange change);
  void keep_some_names(double kept, Random& random);
  static Handle survivor_of(const File& file, Random& random, double kept, bool holes);

  mutable std::mutex mutex_;  ///< guards everything below, and every File
  Names names_;
  Names durable_names_;
  std::vector<NameChange> unsynced_names_;
  std::set<std::string> directories_;
  std::uint64_t operations_ = 0;
  std::uint64_t fail_at_ = 0;  ///< 0: never
  bool power_ = true;
  double lie_probability_ = 0;
  Random lie_random_{0};
};

}  // namespace escrow
