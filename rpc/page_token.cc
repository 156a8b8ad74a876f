#include "rpc/page_token.h"

#include <sodium.h>

#include "base/bytes.h"
#include "model/digest.h"
#include "rpc/status.h"

namespace escrow::rpc {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kMaxTokenBytes = 2048;
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::string checksum(std::string_view list, std::string_view position) {
  std::string both;
  ByteWriter(both).string(list).bytes(position);
  return std::string(as_bytes(blake2b(both)).substr(0, kChecksumBytes));
}

}  // namespace

std::string encode_page_token(std::string_view list, std::string_view position) {
  std::string plain;
  ByteWriter(plain).u8(kVersion).bytes(checksum(list, position)).bytes(position);
  std::string token(sodium_base64_encoded_len(plain.size(), kVariant), '\0');
  sodium_bin2base64(token.data(), token.size(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                    kVariant);
  token.pop_back();  // the terminating zero
  return token;
}

Result<std::string> decode_page_token(std::string_view list, std::string_view token) {
  const Error wrong = malformed("page_token is not one that this list returned, or the filter has changed");
  if (token.size() > kMaxTokenBytes) return wrong;
  std::string plain(token.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(reinterpret_cast<unsigned char*>(plain.data()), plain.size(), token.data(),
                                       token.size(), nullptr, &size, &end, kVariant);
  if (failed != 0 || end != token.data() + token.size()) return wrong;
  ByteReader reader(std::string_view(plain).substr(0, size));
  const std::uint8_t version = reader.u8();
  const std::string_view sum = reader.bytes(kChecksumBytes);
  if (!reader.ok() || version != kVersion || sum != checksum(list, reader.rest())) return wrong;
  return std::string(reader.rest());
}

Result<std::size_t> check_page_size(int page_size) {
  if (page_size < 0) return malformed("page_size is negative");
  if (page_size > kMaxPageSize) return limit_exceeded("page_size", kMaxPageSize);
  return static_cast<std::size_t>(page_size == 0 ? kDefaultPageSize : page_size);
}

}  // namespace escrow::rpc
