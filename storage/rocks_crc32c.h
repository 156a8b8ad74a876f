// CRC32C by the processor's own instruction, for us and for RocksDB.
//
// RocksDB checksums every record of its log with CRC32C. Distributions build its shared library for the
// oldest processors they support, without SSE 4.2, so that a table-driven loop takes a quarter of the time of
// a commit. rocks_crc32c.cc therefore defines `rocksdb::crc32c::Extend` in the program itself: the dynamic
// linker resolves the library's own calls to the first definition it finds, and the program comes before its
// libraries.
//
// This is an optimisation and nothing depends on it. If a future library inlines the function, hides the
// symbol or is linked with -Bsymbolic, it uses its own code and computes the same numbers. Linked statically,
// RocksDB's definition and this one collide and the linker says so: then leave this file out, a static build
// is compiled with SSE 4.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace escrow {

/// CRC32C (Castagnoli, RFC 3720) of bytes whose predecessors have the checksum `crc`; 0 starts anew.
std::uint32_t extend_crc32c(std::uint32_t crc, std::string_view bytes);

/// The same without special instructions: what runs where there are none.
std::uint32_t extend_crc32c_portable(std::uint32_t crc, std::string_view bytes);

/// RocksDB has called our definition at least once. Any thread.
bool rocksdb_uses_our_crc32c();

}  // namespace escrow
