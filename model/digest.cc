#include "model/digest.h"

#include <sodium.h>

namespace escrow {

namespace {
const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
}  // namespace

Digest sha256(std::initializer_list<std::string_view> parts) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (const std::string_view part : parts) crypto_hash_sha256_update(&state, raw(part), part.size());
  Digest digest;
  crypto_hash_sha256_final(&state, digest.data());
  return digest;
}

Digest blake2b(std::string_view bytes) {
  Digest digest;
  crypto_generichash(digest.data(), digest.size(), raw(bytes), bytes.size(), nullptr, 0);
  return digest;
}

}  // namespace escrow
