#include "rpc/credentials.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "rpc/status.h"
#include "rpc/utf8.h"

namespace escrow::rpc {
namespace {

constexpr std::string_view kScheme = "basic ";
constexpr std::size_t kMaxDecodedBytes = kMaxUserBytes + 1 + kMaxPasswordBytes;

bool has_scheme(std::string_view authorization) {
  return authorization.size() > kScheme.size() &&
         std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

/// The number after `name` in "$argon2id$v=19$m=65536,t=2,p=1$salt$hash".
std::optional<std::uint64_t> parameter(std::string_view hash, std::string_view name) {
  const std::size_t at = hash.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const char* const begin = hash.data() + at + name.size();
  if (std::from_chars(begin, hash.data() + hash.size(), value).ec != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Credentials> parse_basic(std::string_view authorization) {
  if (!has_scheme(authorization)) return std::nullopt;
  authorization.remove_prefix(kScheme.size());
  std::array<unsigned char, kMaxDecodedBytes> buffer;
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(buffer.data(), buffer.size(), authorization.data(), authorization.size(),
                                       nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || end != authorization.data() + authorization.size()) return std::nullopt;
  const std::string_view decoded(reinterpret_cast<const char*>(buffer.data()), size);
  const std::size_t colon = decoded.find(':');
  if (colon == std::string_view::npos || colon > kMaxUserBytes) return std::nullopt;
  if (decoded.size() - colon - 1 > kMaxPasswordBytes) return std::nullopt;
  return Credentials{std::string(decoded.substr(0, colon)), std::string(decoded.substr(colon + 1))};
}

std::string format_basic(const Credentials& credentials) {
  const std::string plain = credentials.user + ":" + credentials.password;
  std::string out(sodium_base64_encoded_len(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // the terminating zero
  return "Basic " + out;
}

Result<void> check_user_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxUserBytes) return malformed("a user name has 1 to 255 bytes");
  const auto forbidden = [](char c) { return c == ':' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!is_utf8(name) || std::ranges::any_of(name, forbidden)) {
    return malformed("a user name is UTF-8 without colon and control characters");
  }
  return {};
}

Result<void> check_password_hash(std::string_view hash) {
  if (!hash.starts_with(crypto_pwhash_argon2id_STRPREFIX) || hash.size() >= crypto_pwhash_argon2id_STRBYTES) {
    return malformed("not an Argon2id hash; `escrow hash-password` makes one");
  }
  const auto memory_kib = parameter(hash, "$m=");
  const auto passes = parameter(hash, ",t=");
  if (!memory_kib || !passes || std::ranges::count(hash, '$') != 5) return malformed("a damaged Argon2id hash");
  if (*memory_kib > kMaxHashMemoryKib) return limit_exceeded("hash_memory_kib", kMaxHashMemoryKib);
  if (*passes > kMaxHashPasses) return limit_exceeded("hash_passes", kMaxHashPasses);
  return {};
}

bool verify_password(const std::string& hash, std::string_view password) {
  return crypto_pwhash_argon2id_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

}  // namespace escrow::rpc
