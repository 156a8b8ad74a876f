// Certificates that a test makes itself, with the program openssl.
#pragma once

#include <string>

namespace escrow::e2e {

/// Names of PEM files.
struct Certificate {
  std::string certificate;
  std::string key;
};

/// Its files are in a directory of the caller's, which outlives it.
class CertificateAuthority {
 public:
  CertificateAuthority(std::string directory, const std::string& name);

  const std::string& file() const { return own_.certificate; }
  /// `subject` as "/CN=shop/O=Example", `alternative_names` as "DNS:shop,IP:127.0.0.1". `name` is for the files.
  Certificate issue(const std::string& name, const std::string& subject,
                    const std::string& alternative_names = "DNS:localhost") const;

 private:
  Certificate files(const std::string& name) const {
    return {directory_ + "/" + name + ".pem", directory_ + "/" + name + ".key"};
  }

  const std::string directory_;
  const Certificate own_;
};

}  // namespace escrow::e2e
