// The administrator's password: generated at the first start, kept in the data directory, readable by its owner alone.
//
//   <data directory>/admin-secret    43 characters of base64url (256 random bits) and a newline, mode 0600
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace escrow::server {

inline constexpr std::string_view kAdministrator = "admin";
/// Of a development server; the password is the same.
inline constexpr std::string_view kDevelopmentUser = "guest";

struct AdminSecret {
  std::string path;
  std::string secret;
  bool created = false;
};

/// Reads the file, or creates it. The data directory is locked by this process. UNAVAILABLE, ADMIN_SECRET_UNUSABLE when
/// the file cannot be used; also when others may read it, because then it is no secret.
Result<AdminSecret> load_admin_secret(const std::string& data_directory);

}  // namespace escrow::server
