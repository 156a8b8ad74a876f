// Basic authentication (RFC 7617) as it stands in the metadata key `authorization`, and stored password hashes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace escrow::rpc {

struct Credentials {
  std::string user;
  std::string password;
};

/// Limits of what is looked at, before anything expensive is done with it.
inline constexpr std::size_t kMaxUserBytes = 255;
inline constexpr std::size_t kMaxPasswordBytes = 1024;

/// "Basic <base64 of user:password>"; the scheme in any case. Empty when it is not that, or beyond a limit.
std::optional<Credentials> parse_basic(std::string_view authorization);
/// What a client sends.
std::string format_basic(const Credentials& credentials);

/// A name that may stand in the configuration and in the audit ledger: 1 to kMaxUserBytes bytes of UTF-8 without colon
/// (RFC 7617) or control character.
Result<void> check_user_name(std::string_view name);

/// INVALID_ARGUMENT unless it is an Argon2id hash ("$argon2id$…", as `escrow hash-password` prints it) that takes a
/// sensible amount of memory (at most kMaxHashMemoryKib) and passes to verify.
Result<void> check_password_hash(std::string_view hash);
inline constexpr std::uint64_t kMaxHashMemoryKib = 256 * 1024;
inline constexpr std::uint64_t kMaxHashPasses = 16;

/// Takes the time and memory that the hash asks for, tens of milliseconds at least.
bool verify_password(const std::string& hash, std::string_view password);

}  // namespace escrow::rpc
