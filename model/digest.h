// Cryptographic digests, by libsodium.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace escrow {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 of the parts, one after the other: what auditors can recompute with any tool.
Digest sha256(std::initializer_list<std::string_view> parts);
/// BLAKE2b-256: faster, for digests that stay inside.
Digest blake2b(std::string_view bytes);

inline std::string_view as_bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace escrow
