#include "storage/rocks_crc32c.h"

#include <array>
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace escrow {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed

constexpr std::array<std::array<std::uint32_t, 256>, 8> make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t previous = tables[t - 1][i];
      tables[t][i] = (previous >> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}
constexpr auto kTables = make_tables();

std::uint64_t load_u64(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

#if defined(__x86_64__)

// The instruction takes one operand per cycle but answers after three: three independent thirds of a stretch
// keep it busy. The sums of the first two are then moved over the bytes that follow them, by a table for that
// one length.
constexpr std::size_t kThird = 1024;

/// shift[b][v]: the sum `v << 8 b` after kThird bytes of zeros.
constexpr std::array<std::array<std::uint32_t, 256>, 4> make_shift() {
  std::array<std::array<std::uint32_t, 256>, 4> shift{};
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kThird; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
    of_bit[bit] = crc;
  }
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t v = 0; v < 256; ++v) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((v >> bit & 1) != 0) shift[byte][v] ^= of_bit[byte * 8 + bit];
      }
    }
  }
  return shift;
}
constexpr auto kShift = make_shift();

std::uint64_t shift_third(std::uint64_t crc) {
  return kShift[0][crc & 0xff] ^ kShift[1][crc >> 8 & 0xff] ^ kShift[2][crc >> 16 & 0xff] ^ kShift[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) std::uint32_t extend_sse42(std::uint32_t before, const char* p, std::size_t n) {
  std::uint64_t crc = ~before;
  for (; n >= 3 * kThird; p += 3 * kThird, n -= 3 * kThird) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kThird; i += 8) {
      crc = _mm_crc32_u64(crc, load_u64(p + i));
      second = _mm_crc32_u64(second, load_u64(p + kThird + i));
      third = _mm_crc32_u64(third, load_u64(p + 2 * kThird + i));
    }
    crc = shift_third(shift_third(crc) ^ second) ^ third;
  }
  for (; n >= 8; p += 8, n -= 8) crc = _mm_crc32_u64(crc, load_u64(p));
  for (; n > 0; ++p, --n) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<unsigned char>(*p));
  }
  return ~static_cast<std::uint32_t>(crc);
}

#endif

std::uint32_t extend_table(std::uint32_t before, const char* p, std::size_t n) {
  std::uint32_t crc = ~before;
  for (; n >= 8; p += 8, n -= 8) {
    const std::uint64_t v = load_u64(p) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][v >> (8 * i) & 0xff];
  }
  for (; n > 0; ++p, --n) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(*p)) & 0xff];
  return ~crc;
}

using Extend = std::uint32_t (*)(std::uint32_t, const char*, std::size_t);

Extend choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();  // RocksDB may call before main
  if (__builtin_cpu_supports("sse4.2")) return &extend_sse42;
#endif
  return &extend_table;
}

std::uint32_t dispatch(std::uint32_t crc, const char* p, std::size_t n) {
  static const Extend extend = choose();
  return extend(crc, p, n);
}

std::atomic<bool> called_by_rocksdb{false};

}  // namespace

std::uint32_t extend_crc32c(std::uint32_t crc, std::string_view bytes) {
  return dispatch(crc, bytes.data(), bytes.size());
}

std::uint32_t extend_crc32c_portable(std::uint32_t crc, std::string_view bytes) {
  return extend_table(crc, bytes.data(), bytes.size());
}

bool rocksdb_uses_our_crc32c() { return called_by_rocksdb.load(std::memory_order_relaxed); }

}  // namespace escrow

namespace rocksdb::crc32c {

// Signature and meaning are RocksDB's (util/crc32c.h there, not installed).
__attribute__((used, visibility("default"))) std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t n);

std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t n) {
  if (!escrow::called_by_rocksdb.load(std::memory_order_relaxed)) {
    escrow::called_by_rocksdb.store(true, std::memory_order_relaxed);
  }
  return escrow::dispatch(crc, data, n);
}

}  // namespace rocksdb::crc32c
