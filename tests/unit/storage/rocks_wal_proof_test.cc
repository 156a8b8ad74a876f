// The format of the stamp and of the log around it, and what the scan learns from intact and from damaged
// logs.
#include "storage/rocks_wal_proof.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/random.h"
#include "storage/rocks_crc32c.h"

namespace escrow {
namespace {

/// Writes a log as RocksDB does: fragments in blocks, zeros where no header fits.
class LogWriter {
 public:
  explicit LogWriter(std::optional<std::uint32_t> recycled_log = std::nullopt) : recycled_log_(recycled_log) {}

  void record(std::string_view payload) {
    starts_.push_back(bytes_.size());
    bool first = true;
    do {
      const std::size_t header = recycled_log_ ? 11 : 7;
      std::size_t left = WalScanner::kBlockSize - bytes_.size() % WalScanner::kBlockSize;
      if (left < header) {
        bytes_.append(left, '\0');
        left = WalScanner::kBlockSize;
      }
      const std::string_view part = payload.substr(0, left - header);
      payload.remove_prefix(part.size());
      const bool last = payload.empty();
      fragment(first ? (last ? 1 : 2) : (last ? 4 : 3), part);
      first = false;
    } while (!payload.empty());
  }
  void batch(std::uint64_t number, std::uint64_t durable, std::size_t size = 100) {
    std::string batch;
    ByteWriter(batch)
        .u64(number * 10)
        .u32(2)
        .u8(1)
        .string("batch")
        .string(encode_batch_stamp({number, durable, number}));
    batch.append(size, static_cast<char>('a' + number % 26));
    record(batch);
  }

  std::string& bytes() { return bytes_; }
  std::size_t start(std::size_t record) const { return starts_[record]; }

 private:
  void fragment(std::uint8_t type, std::string_view payload) {
    std::string checked;
    ByteWriter writer(checked);
    writer.u8(recycled_log_ ? static_cast<std::uint8_t>(type + 4) : type);
    if (recycled_log_) writer.u32(*recycled_log_);
    writer.bytes(payload);
    const std::uint32_t crc = extend_crc32c(0, checked);
    ByteWriter(bytes_)
        .u32(((crc >> 15) | (crc << 17)) + 0xa282ead8u)
        .u16(static_cast<std::uint16_t>(payload.size()))
        .bytes(checked);
  }
  std::optional<std::uint32_t> recycled_log_;
  std::string bytes_;
  std::vector<std::size_t> starts_;
};

WalProof scan(std::string_view bytes, std::uint64_t log_number = 7) {
  WalProof proof;
  WalScanner scanner("000007.log", log_number, proof);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), WalScanner::kBlockSize))) {
    scanner.block(bytes.substr(0, WalScanner::kBlockSize));
  }
  return proof;
}

/// Batches 1 to `count`, each durable when the next is written.
LogWriter synced_log(std::uint64_t count, std::size_t size = 100) {
  LogWriter log;
  for (std::uint64_t number = 1; number <= count; ++number) log.batch(number, number - 1, size);
  return log;
}

TEST(BatchStamp, has_these_bytes) {
  const BatchStamp stamp{0x0102030405060708, 0x1112131415161718, 0x2122232425262728};
  const std::string value = encode_batch_stamp(stamp);
  EXPECT_EQ(value,
            "\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11"
            "\x28\x27\x26\x25\x24\x23\x22\x21");
  EXPECT_EQ(decode_batch_stamp(value), stamp);
  EXPECT_EQ(decode_batch_stamp(value.substr(1)), std::nullopt);
  EXPECT_EQ(decode_batch_stamp(value + "x"), std::nullopt);
}

TEST(BatchStamp, is_the_first_operation_of_its_batch) {
  const std::string header(12, 'h');
  const std::string stamp = std::string("\1\5batch\30", 8) + encode_batch_stamp({2, 1, 3});
  EXPECT_EQ(stamp_of_write_batch(header + stamp), (BatchStamp{2, 1, 3}));
  EXPECT_EQ(stamp_of_write_batch(header + stamp + "more"), (BatchStamp{2, 1, 3}));
  EXPECT_EQ(stamp_of_write_batch(header + "x" + stamp), std::nullopt);
  EXPECT_EQ(stamp_of_write_batch((header + stamp).substr(0, 43)), std::nullopt);
  EXPECT_EQ(stamp_of_write_batch(""), std::nullopt);
}

TEST(WalScanner, learns_what_the_last_batch_knew_to_be_durable) {
  const WalProof proof = scan(synced_log(5).bytes());
  EXPECT_EQ(proof.durable, 4u);
  EXPECT_EQ(proof.last_number, 5u);
  EXPECT_EQ(proof.durable_file, "000007.log");
  EXPECT_TRUE(proof.damages.empty());
}

TEST(WalScanner, reads_records_of_every_size_around_the_end_of_a_block) {
  for (std::size_t size = WalScanner::kBlockSize - 80; size < WalScanner::kBlockSize + 10; ++size) {
    LogWriter log;
    log.batch(1, 0, size);
    log.batch(2, 1, 3 * WalScanner::kBlockSize);
    log.batch(3, 2);
    const WalProof proof = scan(log.bytes());
    ASSERT_EQ(proof.last_number, 3u) << size;
    ASSERT_EQ(proof.durable, 2u) << size;
    ASSERT_TRUE(proof.damages.empty()) << size;
  }
}

TEST(WalScanner, reads_recycled_logs_and_ends_where_the_old_log_shows_through) {
  LogWriter log(7);
  log.batch(1, 0, 40'000);
  log.batch(2, 1);
  const WalProof whole = scan(log.bytes(), 7);
  EXPECT_EQ(whole.last_number, 2u);
  EXPECT_TRUE(whole.damages.empty());
  const WalProof other = scan(log.bytes(), 8);
  EXPECT_EQ(other.last_number, 0u);
  EXPECT_EQ(other.durable, 0u);
}

TEST(WalScanner, a_torn_tail_proves_nothing_beyond_itself) {
  const LogWriter written = synced_log(5);
  LogWriter log = written;
  for (std::size_t size = log.start(4); size < log.bytes().size(); ++size) {
    const WalProof proof = scan(std::string_view(log.bytes()).substr(0, size));
    ASSERT_EQ(proof.last_number, 4u) << size;
    ASSERT_EQ(proof.durable, 3u) << size;
  }
}

TEST(WalScanner, the_stamp_of_a_torn_batch_still_proves_the_ones_before) {
  LogWriter log;
  log.batch(1, 0);
  log.batch(2, 1, 100'000);
  const WalProof proof = scan(std::string_view(log.bytes()).substr(0, 60'000));
  EXPECT_EQ(proof.last_number, 1u);
  EXPECT_EQ(proof.durable, 1u);
}

TEST(WalScanner, finds_intact_batches_behind_any_damaged_byte) {
  LogWriter log = synced_log(6);
  for (std::size_t at = log.start(2); at < log.start(3); ++at) {
    for (const char flip : {1, 128}) {
      std::string bytes = log.bytes();
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      const WalProof proof = scan(bytes);
      ASSERT_EQ(proof.durable, 5u) << at;
      ASSERT_EQ(proof.damages.size(), 1u) << at;
      ASSERT_EQ(proof.damages[0].offset, log.start(2)) << at;
      ASSERT_EQ(proof.damages[0].after_number, 2u) << at;
    }
  }
}

TEST(WalScanner, resynchronises_at_the_next_block_when_a_block_is_gone) {
  LogWriter log = synced_log(900);
  ASSERT_GT(log.bytes().size(), 3 * WalScanner::kBlockSize);
  std::fill_n(log.bytes().begin() + WalScanner::kBlockSize, WalScanner::kBlockSize, '\0');
  const WalProof proof = scan(log.bytes());
  EXPECT_EQ(proof.durable, 899u);
  ASSERT_EQ(proof.damages.size(), 1u);
  EXPECT_GE(proof.damages[0].offset, WalScanner::kBlockSize);
}

TEST(WalScanner, a_batch_quoted_by_a_message_is_not_taken_for_one) {
  LogWriter quoted;
  quoted.batch(1'000'000'000, 999'999'999);
  LogWriter log;
  log.batch(1, 0);
  std::string batch;
  ByteWriter(batch).u64(20).u32(2).u8(1).string("batch").string(encode_batch_stamp({2, 1, 2})).bytes(quoted.bytes());
  log.record(batch);
  log.batch(3, 2);
  EXPECT_EQ(scan(log.bytes()).durable, 2u);
  log.bytes()[log.start(1) + 20] ^= 1;
  EXPECT_EQ(scan(log.bytes()).durable, 2u);
}

TEST(WalScanner, survives_any_bytes) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    LogWriter log = synced_log(40, 2'000);
    for (std::uint64_t i = random.below(50); i > 0; --i) {
      log.bytes()[random.below(log.bytes().size())] = static_cast<char>(random.next());
    }
    log.bytes().resize(random.below(log.bytes().size()));
    EXPECT_LE(scan(log.bytes()).durable, 39u);
  }
}

TEST(WalReplay, ends_before_the_first_gap) {
  WalReplay replay;
  EXPECT_EQ(replay.recovered().number, 0u);
  replay.flushed = {10, 9, 20};
  EXPECT_EQ(replay.recovered(), replay.flushed);
  for (const std::uint64_t i : {8, 9, 10, 11, 12}) replay.add({i, i - 1, i + 10});
  EXPECT_EQ(replay.runs.size(), 1u);
  EXPECT_EQ(replay.recovered(), (BatchStamp{12, 11, 22}));
  replay.add({14, 13, 24});
  EXPECT_EQ(replay.recovered().number, 12u);
}

TEST(WalReplay, ends_before_a_batch_if_a_record_without_one_is_missing_before_it) {
  WalReplay replay;
  replay.add({1, 0, 1});
  replay.add({1, 1, 2});
  replay.add({2, 1, 4});
  EXPECT_EQ(replay.recovered(), (BatchStamp{1, 1, 2}));
}

TEST(WalReplay, does_not_start_behind_a_gap) {
  WalReplay replay;
  replay.flushed = {10, 9, 10};
  replay.add({12, 11, 12});
  EXPECT_EQ(replay.recovered().number, 10u);
}

TEST(JudgeRecovery, refuses_only_what_is_proved_to_be_missing) {
  WalProof proof;
  proof.durable = 12;
  proof.durable_file = "000009.log";
  proof.durable_offset = 400;
  proof.damages = {{"000005.log", 70, 3}, {"000009.log", 300, 10}};
  WalReplay replay;
  replay.flushed.number = 12;
  EXPECT_TRUE(judge_recovery(proof, replay, "/data/db").ok());
  replay.flushed.number = 10;
  const auto refused = judge_recovery(proof, replay, "/data/db");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(refused.error().reason, "ACKNOWLEDGED_DATA_MISSING");
  for (const char* part : {"/data/db", "batches up to 12", "000009.log at byte 400", "end with batch 10",
                           "000009.log seems to be damaged at byte 300", "Restore"}) {
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << part << " in " << refused.error().message;
  }
}

}  // namespace
}  // namespace escrow
