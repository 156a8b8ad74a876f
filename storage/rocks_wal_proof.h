// What the write-ahead log proves about batches that were acknowledged.
//
// RocksDB's point-in-time recovery ends at the first record it cannot read, whether a crash tore the tail
// there or acknowledged data rotted in the middle. Every numbered batch therefore says in its record which
// batch was already durable when it was written. The scan below reads whatever is intact, also beyond damage,
// and so learns a number that recovery must reach: what was durable was acknowledged. Where recovery would
// stay behind it, we do not start.
//
// Records that carry no batch, such as the bodies that a batch refers to and that are written before it, are part of the
// chain all the same: every record has a number, and recovery ends before the first one that is missing.
//
// Pure: bytes in, facts out. storage/rocks_recovery.h brings the files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace escrow {

/// What every record says of itself.
struct BatchStamp {
  std::uint64_t number = 0;   ///< of its batch; of one that carries none, of the last batch before it
  std::uint64_t durable = 0;  ///< the last batch that was on disk when it was written
  std::uint64_t record = 0;   ///< counts the records, without gaps
  bool operator==(const BatchStamp&) const = default;
};

/// The stamp is the value of this key in the default column family, and the first operation of its record.
inline constexpr std::string_view kBatchStampKey = "batch";

std::string encode_batch_stamp(const BatchStamp& stamp);
/// nullopt: not a stamp.
std::optional<BatchStamp> decode_batch_stamp(std::string_view value);
/// The stamp of a RocksDB write batch, or of its first bytes; nullopt: it does not start with one.
std::optional<BatchStamp> stamp_of_write_batch(std::string_view batch);

/// A place in a log where no intact record could be read.
struct WalDamage {
  std::string file;
  std::uint64_t offset = 0;        ///< of the first byte that makes no sense
  std::uint64_t after_number = 0;  ///< last numbered batch read before it, in any of the logs; 0: none
};

struct WalProof {
  std::uint64_t durable = 0;  ///< the largest number that an intact record says was on disk
  std::string durable_file;   ///< where that record is
  std::uint64_t durable_offset = 0;
  std::uint64_t last_number = 0;   ///< of the last complete numbered batch
  std::vector<WalDamage> damages;  ///< in the order of the logs; no more than kMaxDamages are kept
  static constexpr std::size_t kMaxDamages = 64;
};

/// Reads one log block by block, keeping no more than the beginning of one record. Any damage is stepped
/// over.
class WalScanner {
 public:
  static constexpr std::size_t kBlockSize = 32 * 1024;

  /// Adds to `proof`, which must outlive the scanner. Logs are scanned in the order of their numbers.
  WalScanner(std::string file, std::uint64_t log_number, WalProof& proof)
      : file_(std::move(file)), log_number_(static_cast<std::uint32_t>(log_number)), proof_(proof) {}

  /// The next block: kBlockSize bytes, fewer only at the end of the file.
  void block(std::string_view bytes);

 private:
  struct Fragment;
  static std::optional<Fragment> read_fragment(std::string_view block, std::size_t at);
  void take(const Fragment& fragment, std::uint64_t offset);
  void note_stamp(bool complete);
  void note_damage(std::uint64_t offset);
  std::size_t find_record(std::string_view block, std::size_t from) const;

  std::string file_;
  std::uint32_t log_number_;
  WalProof& proof_;
  std::uint64_t block_offset_ = 0;
  bool in_record_ = false;
  bool in_damage_ = false;  ///< nothing intact since the last damage that was noted
  std::string head_;        ///< first bytes of the record that is being read
  std::uint64_t head_offset_ = 0;
  std::uint64_t last_record_ = 0;  ///< the last complete one of this log
};

/// How far recovery gets, as RocksDB itself replays the logs.
struct WalReplay {
  BatchStamp flushed;  ///< of the last record in table files
  /// Records that would be replayed, in order, as runs without gaps.
  struct Run {
    std::uint64_t first = 0;
    BatchStamp last;
  };
  std::vector<Run> runs;

  void add(const BatchStamp& stamp);
  /// The last record before the first gap: where recovery ends.
  BatchStamp recovered() const;
};

/// kDataLoss, ACKNOWLEDGED_DATA_MISSING, with a message for the operator, if recovery would end before a
/// batch that is proved to have been durable.
Result<void> judge_recovery(const WalProof& proof, const WalReplay& replay, const std::string& directory);

}  // namespace escrow
