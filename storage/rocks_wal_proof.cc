#include "storage/rocks_wal_proof.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "storage/rocks_crc32c.h"

namespace escrow {
namespace {

// A log of RocksDB is a sequence of blocks of 32 KiB; the last may be shorter. A record that does not fit
// into its block is cut into fragments, so that every block starts with a fragment; fewer than seven bytes at
// the end of a block stay zero.
//
//   fragment   checksum u32   masked CRC32C of everything from `type` on
//              length   u16   of the payload
//              type     u8    1 full, 2 first, 3 middle, 4 last; 5 to 8 the same in a file that is used again
//             [log      u32]  types 5 to 8: low half of the log's number, tells old fragments from new ones
//              payload
//
//   payload of a whole record, a write batch
//              sequence u64
//              count    u32
//              operations; the first is the stamp:
//                1 u8 (put, default column family), 5 u8, "batch", 24 u8, number u64, durable u64, record u64
constexpr std::size_t kHeaderSize = 7;
constexpr std::size_t kRecyclableHeaderSize = 11;
constexpr std::size_t kBatchHeaderSize = 12;
constexpr std::size_t kStampValueSize = 24;
constexpr std::string_view kStampStart("\1\5batch\30", 8);
constexpr std::size_t kHeadSize = kBatchHeaderSize + kStampStart.size() + kStampValueSize;

enum Type : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4, kRecyclableFull = 5, kRecyclableLast = 8 };

std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = extend_crc32c(0, bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/// After damage, a batch found in the middle of a block might be one that a message body quotes. A real one
/// goes on from what was read before it.
constexpr std::uint64_t kPlausibleAdvance = 1 << 24;

}  // namespace

std::string encode_batch_stamp(const BatchStamp& stamp) {
  std::string value;
  ByteWriter(value).u64(stamp.number).u64(stamp.durable).u64(stamp.record);
  return value;
}

std::optional<BatchStamp> decode_batch_stamp(std::string_view value) {
  ByteReader reader(value);
  BatchStamp stamp;
  stamp.number = reader.u64();
  stamp.durable = reader.u64();
  stamp.record = reader.u64();
  if (!reader.done()) return std::nullopt;
  return stamp;
}

std::optional<BatchStamp> stamp_of_write_batch(std::string_view batch) {
  if (batch.size() < kHeadSize || batch.substr(kBatchHeaderSize, kStampStart.size()) != kStampStart) {
    return std::nullopt;
  }
  return decode_batch_stamp(batch.substr(kBatchHeaderSize + kStampStart.size(), kStampValueSize));
}

struct WalScanner::Fragment {
  std::size_t end;  ///< in the block
  std::uint8_t type;
  std::optional<std::uint32_t> log;
  std::string_view payload;
};

std::optional<WalScanner::Fragment> WalScanner::read_fragment(std::string_view block, std::size_t at) {
  ByteReader reader(block.substr(at));
  const std::uint32_t checksum = reader.u32();
  const std::size_t length = reader.u16();
  const std::uint8_t type = reader.u8();
  const bool recyclable = type >= kRecyclableFull && type <= kRecyclableLast;
  const std::size_t header = recyclable ? kRecyclableHeaderSize : kHeaderSize;
  if (!reader.ok() || type == 0 || at + header + length > block.size()) return std::nullopt;
  const std::size_t checked_from = at + kHeaderSize - 1;
  if (masked_crc(block.substr(checked_from, header + length - (kHeaderSize - 1))) != checksum) return std::nullopt;
  Fragment fragment{at + header + length, type, std::nullopt, block.substr(at + header, length)};
  if (recyclable) {
    fragment.log = reader.u32();
    fragment.type = static_cast<std::uint8_t>(type - kRecyclableFull + kFull);
  }
  return fragment;
}

void WalScanner::block(std::string_view bytes) {
  std::size_t at = 0;
  while (at + kHeaderSize <= bytes.size()) {
    const auto fragment = read_fragment(bytes, at);
    const bool current = fragment && (!fragment->log || *fragment->log == log_number_);
    if (current) {
      take(*fragment, block_offset_ + at);
      at = fragment->end;
      continue;
    }
    note_damage(block_offset_ + at);
    at = find_record(bytes, at + 1);
  }
  block_offset_ += bytes.size();
}

/// Position of the next fragment in the block that is intact and starts a plausible numbered batch; its end
/// if none.
std::size_t WalScanner::find_record(std::string_view block, std::size_t from) const {
  std::size_t stamp = from;
  while ((stamp = block.find(kStampStart, stamp)) != std::string_view::npos) {
    for (const std::size_t header : {kHeaderSize, kRecyclableHeaderSize}) {
      if (stamp < from + header + kBatchHeaderSize) continue;
      const std::size_t at = stamp - kBatchHeaderSize - header;
      const auto fragment = read_fragment(block, at);
      if (!fragment || (fragment->type != kFull && fragment->type != kFirst)) continue;
      const auto found = stamp_of_write_batch(fragment->payload);
      if (!found || found->durable > found->number || found->durable < proof_.durable) continue;
      if (last_record_ != 0 && found->record <= last_record_) continue;
      if (last_record_ != 0 && found->record - last_record_ > kPlausibleAdvance) continue;
      return at;
    }
    ++stamp;
  }
  return block.size();
}

void WalScanner::take(const Fragment& fragment, std::uint64_t offset) {
  in_damage_ = false;
  const bool starts = fragment.type == kFull || fragment.type == kFirst;
  const bool ends = fragment.type == kFull || fragment.type == kLast;
  if (starts) {
    head_.clear();
    head_offset_ = offset;
    in_record_ = true;
  } else if (!in_record_ || fragment.type > kLast) {
    return;  // its start is lost, or it is no batch at all
  }
  const std::size_t missing = kHeadSize - std::min(kHeadSize, head_.size());
  head_.append(fragment.payload.substr(0, missing));
  note_stamp(ends);
  in_record_ = !ends;
}

/// What a stamp says of earlier batches is true even if the rest of its own batch is torn.
void WalScanner::note_stamp(bool complete) {
  const auto stamp = stamp_of_write_batch(head_);
  if (!stamp) return;
  if (stamp->durable > proof_.durable) {
    proof_.durable = stamp->durable;
    proof_.durable_file = file_;
    proof_.durable_offset = head_offset_;
  }
  if (!complete) return;
  last_record_ = stamp->record;
  proof_.last_number = stamp->number;
}

void WalScanner::note_damage(std::uint64_t offset) {
  in_record_ = false;
  if (!in_damage_ && proof_.damages.size() < WalProof::kMaxDamages) {
    proof_.damages.push_back({file_, offset, proof_.last_number});
  }
  in_damage_ = true;
}

void WalReplay::add(const BatchStamp& stamp) {
  if (!runs.empty() && runs.back().last.record + 1 == stamp.record) {
    runs.back().last = stamp;
  } else {
    runs.push_back({stamp.record, stamp});
  }
}

BatchStamp WalReplay::recovered() const {
  BatchStamp last = flushed;
  for (const Run& run : runs) {
    if (run.first > last.record + 1) break;
    if (run.last.record > last.record) last = run.last;
  }
  return last;
}

Result<void> judge_recovery(const WalProof& proof, const WalReplay& replay, const std::string& directory) {
  const std::uint64_t recovered = replay.recovered().number;
  if (proof.durable <= recovered) return {};
  const auto damage = std::find_if(proof.damages.begin(), proof.damages.end(),
                                   [&](const WalDamage& d) { return d.after_number >= recovered; });
  std::string where = "No damaged place was found, so a log file is probably missing.";
  if (damage != proof.damages.end()) {
    where = "The log " + damage->file + " seems to be damaged at byte " + std::to_string(damage->offset) + ".";
  }
  Error error{ErrorCode::kDataLoss,
              "ACKNOWLEDGED_DATA_MISSING",
              "Acknowledged data is missing in " + directory + ": batches up to " + std::to_string(proof.durable) +
                  " were on disk and confirmed to clients (so says " + proof.durable_file + " at byte " +
                  std::to_string(proof.durable_offset) + "), but recovery would end with batch " +
                  std::to_string(recovered) + ". " + where +
                  " Nothing has been changed. Restore that file, or the whole directory from a backup, and "
                  "start again. "
                  "Only if there is no copy: start once with data loss accepted; everything after batch " +
                  std::to_string(recovered) + " is then gone for good.",
              {}};
  error.with("durable_batch", std::to_string(proof.durable)).with("recovered_batch", std::to_string(recovered));
  if (damage != proof.damages.end()) {
    error.with("damaged_file", damage->file).with("damaged_offset", std::to_string(damage->offset));
  }
  return error;
}

}  // namespace escrow
