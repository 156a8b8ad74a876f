#include "base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/unit/golden.h"

namespace escrow {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

template <class Write>
std::string written(Write&& write) {
  std::string out;
  ByteWriter writer(out);
  write(writer);
  return out;
}

std::string varint(std::uint64_t value) {
  return written([&](ByteWriter& w) { w.varint(value); });
}

TEST(ByteWriter, writes_integers_little_endian) {
  const std::string out =
      written([](ByteWriter& w) { w.u8(0x01).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f).i64(-2); });
  EXPECT_EQ(hex(out), golden("01 0302 07060504 0f0e0d0c0b0a0908 feffffffffffffff"));
}

TEST(ByteWriter, writes_integers_of_keys_big_endian) {
  const std::string out =
      written([](ByteWriter& w) { w.u16_be(0x0203).u32_be(0x04050607).u64_be(0x08090a0b0c0d0e0f); });
  EXPECT_EQ(hex(out), golden("0203 04050607 08090a0b0c0d0e0f"));
}

TEST(ByteWriter, writes_varints_seven_bits_at_a_time_lowest_first) {
  EXPECT_EQ(hex(varint(0)), "00");
  EXPECT_EQ(hex(varint(127)), "7f");
  EXPECT_EQ(hex(varint(128)), "8001");
  EXPECT_EQ(hex(varint(300)), "ac02");
  EXPECT_EQ(hex(varint(16'383)), "ff7f");
  EXPECT_EQ(hex(varint(16'384)), "808001");
  EXPECT_EQ(hex(varint(kMax)), "ffffffffffffffffff01");
}

TEST(ByteWriter, writes_strings_with_their_length_in_front) {
  const std::string out = written([](ByteWriter& w) { w.string("").string("abc").bytes("raw"); });
  EXPECT_EQ(hex(out), golden("00 03 616263 726177"));
}

TEST(ByteWriter, appends_to_what_is_there) {
  std::string out = "before";
  ByteWriter(out).u8('!');
  EXPECT_EQ(out, "before!");
}

RC_GTEST_PROP(ByteReader, reads_back_what_was_written,
              (std::uint8_t a, std::uint16_t b, std::uint32_t c, std::uint64_t d, std::int64_t e,
               const std::string& text)) {
  const std::string out = written([&](ByteWriter& w) {
    w.u8(a).u16(b).u32(c).u64(d).i64(e).u16_be(b).u32_be(c).u64_be(d).varint(d).string(text).bytes(text);
  });
  ByteReader reader(out);
  RC_ASSERT(reader.u8() == a);
  RC_ASSERT(reader.u16() == b);
  RC_ASSERT(reader.u32() == c);
  RC_ASSERT(reader.u64() == d);
  RC_ASSERT(reader.i64() == e);
  RC_ASSERT(reader.u16_be() == b);
  RC_ASSERT(reader.u32_be() == c);
  RC_ASSERT(reader.u64_be() == d);
  RC_ASSERT(reader.varint() == d);
  RC_ASSERT(reader.string() == text);
  RC_ASSERT(reader.bytes(text.size()) == text);
  RC_ASSERT(reader.done());
}

RC_GTEST_PROP(ByteWriter, orders_big_endian_keys_as_their_numbers, (std::uint64_t a, std::uint64_t b)) {
  const auto key = [](std::uint64_t v) { return written([&](ByteWriter& w) { w.u64_be(v); }); };
  RC_ASSERT((key(a) < key(b)) == (a < b));
}

TEST(ByteReader, fails_at_every_length_that_is_too_short) {
  const std::string whole = written([](ByteWriter& w) {
    w.u8(1).u16(2).u32(3).u64(4).i64(5).u16_be(6).u32_be(7).u64_be(8).varint(300).string("abc").bytes("de");
  });
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    ByteReader reader(std::string_view(whole).substr(0, size));
    reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.i64();
    reader.u16_be(), reader.u32_be(), reader.u64_be(), reader.varint(), reader.string(), reader.bytes(2);
    EXPECT_EQ(reader.ok(), size == whole.size()) << size;
    EXPECT_EQ(reader.done(), size == whole.size()) << size;
  }
}

TEST(ByteReader, gives_nothing_after_its_first_failure) {
  ByteReader reader(std::string_view("\x01\x02\x03", 3));
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0u);
  EXPECT_EQ(reader.varint(), 0u);
  EXPECT_EQ(reader.string(), "");
  EXPECT_EQ(reader.rest(), "");
  EXPECT_FALSE(reader.done());
}

TEST(ByteReader, can_be_failed_by_who_finds_the_content_wrong) {
  ByteReader reader("abc");
  reader.fail();
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.rest(), "");
}

TEST(ByteReader, is_not_done_while_bytes_are_left) {
  ByteReader reader("ab");
  reader.u8();
  EXPECT_TRUE(reader.ok());
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.rest(), "b");
}

TEST(ByteReader, points_into_what_it_reads) {
  const std::string in = varint(3) + "abc";
  ByteReader reader(in);
  EXPECT_EQ(reader.string().data(), in.data() + 1);
}

TEST(Varint, takes_at_most_ten_bytes) {
  for (int bits = 0; bits <= 64; ++bits) {
    const std::uint64_t value = bits == 0 ? 0 : kMax >> (64 - bits);
    const std::string encoded = varint(value);
    EXPECT_EQ(encoded.size(), static_cast<std::size_t>(bits == 0 ? 1 : (bits + 6) / 7)) << bits;
    ByteReader reader(encoded);
    EXPECT_EQ(reader.varint(), value);
    EXPECT_TRUE(reader.done());
  }
}

TEST(Varint, over_64_bits_fails) {
  for (const char* text : {"ffffffffffffffffff02", "80808080808080808002", "ffffffffffffffffff7f",
                           "8080808080808080808000", "ffffffffffffffffffffff01"}) {
    const std::string in = bytes_of(text);
    ByteReader reader(in);
    EXPECT_EQ(reader.varint(), 0u) << text;
    EXPECT_FALSE(reader.ok()) << text;
  }
}

TEST(Varint, that_does_not_end_fails) {
  const std::string whole = varint(kMax);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ByteReader reader(std::string_view(whole).substr(0, size));
    reader.varint();
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(Varint, as_a_length_never_reaches_past_the_end) {
  for (const std::uint64_t length : {std::uint64_t{4}, std::uint64_t{1} << 32, kMax, kMax - 8}) {
    const std::string in = varint(length) + "abc";
    ByteReader reader(in);
    EXPECT_EQ(reader.string(), "") << length;
    EXPECT_FALSE(reader.ok()) << length;
  }
}

RC_GTEST_PROP(ByteReader, survives_any_input, (const std::string& in, const std::vector<std::uint8_t>& steps)) {
  ByteReader reader(in);
  for (const std::uint8_t step : steps) {
    const std::size_t before = reader.rest().size();
    switch (step % 6) {
      case 0:
        reader.u8();
        break;
      case 1:
        reader.u16_be();
        break;
      case 2:
        reader.u64();
        break;
      case 3:
        reader.varint();
        break;
      case 4:
        reader.string();
        break;
      case 5:
        reader.bytes(step);
        break;
    }
    RC_ASSERT(reader.rest().size() <= before);
  }
}

}  // namespace
}  // namespace escrow
