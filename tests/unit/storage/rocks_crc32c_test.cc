#include "storage/rocks_crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "tests/unit/storage/store_harness.h"

namespace escrow {
namespace {

// RFC 3720, B.4.
struct Vector {
  std::string bytes;
  std::uint32_t crc;
};
std::vector<Vector> rfc3720() {
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising.push_back(static_cast<char>(i));
    falling.push_back(static_cast<char>(31 - i));
  }
  const std::string scsi_read(
      "\x01\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0\x04\0\0\0\0\x14\0\0\0\x18\x28\0\0\0\0\0\0\0\x02\0\0"
      "\0\0\0\0\0",
      48);
  return {{std::string(32, '\0'), 0x8a9136aa},
          {std::string(32, '\xff'), 0x62a8ab43},
          {rising, 0x46dd794e},
          {falling, 0x113fdb5c},
          {scsi_read, 0xd9963a56},
          {"123456789", 0xe3069283},
          {"", 0}};
}

TEST(Crc32c, meets_the_published_vectors) {
  for (const Vector& vector : rfc3720()) {
    EXPECT_EQ(extend_crc32c(0, vector.bytes), vector.crc);
    EXPECT_EQ(extend_crc32c_portable(0, vector.bytes), vector.crc);
  }
}

TEST(Crc32c, is_the_same_with_and_without_the_instruction_and_in_pieces) {
  Random random(3720);
  std::string bytes;
  for (int i = 0; i < 20'000; ++i) bytes.push_back(static_cast<char>(random.next()));
  for (int round = 0; round < 300; ++round) {
    const std::size_t from = random.below(64);
    const std::string_view all = std::string_view(bytes).substr(from, random.below(bytes.size() - from));
    const std::size_t cut = random.below(all.size() + 1);
    const std::uint32_t whole = extend_crc32c_portable(0, all);
    ASSERT_EQ(extend_crc32c(0, all), whole) << all.size();
    ASSERT_EQ(extend_crc32c(extend_crc32c(0, all.substr(0, cut)), all.substr(cut)), whole) << all.size() << " " << cut;
  }
}

// The log's records carry checksums, so writing and reading one back goes through the function.
TEST(Crc32c, is_what_rocks_db_calls) {
  const auto harness = make_rocks_harness();
  WriteSet set;
  set.put(Table::kHead, "head", "value");
  ASSERT_TRUE(harness->store().commit(set, Store::Durability::kSync).ok());
  harness->reopen();
  EXPECT_EQ(value_of(harness->store(), Table::kHead, "head"), "value");
  EXPECT_TRUE(rocksdb_uses_our_crc32c()) << "the library computes CRC32C itself: correct, but slower";
}

}  // namespace
}  // namespace escrow
