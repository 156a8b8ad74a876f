#include "tests/e2e/certificates.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/support/process.h"

namespace escrow::e2e {
namespace {

void openssl(std::vector<std::string> command) {
  command.insert(command.begin(), {"/usr/bin/env", "openssl"});
  const Finished finished = run({.command = std::move(command)});
  if (finished.code != 0) throw std::runtime_error("openssl: " + finished.errors);
}

/// Of a new key, which is written to a file; arguments that are the same for authorities and others.
std::vector<std::string> request(const std::string& subject, const std::string& key, const std::string& out) {
  return {"req",    "-x509", "-newkey", "ec",    "-pkeyopt", "ec_paramgen_curve:prime256v1",
          "-nodes", "-days", "2",       "-subj", subject,    "-keyout",
          key,      "-out",  out};
}

}  // namespace

CertificateAuthority::CertificateAuthority(std::string directory, const std::string& name)
    : directory_(std::move(directory)), own_(files(name)) {
  openssl(request("/CN=" + name, own_.key, own_.certificate));
}

Certificate CertificateAuthority::issue(const std::string& name, const std::string& subject,
                                        const std::string& alternative_names) const {
  Certificate out = files(name);
  std::vector<std::string> command = request(subject, out.key, out.certificate);
  for (const char* const more : {"-CA", own_.certificate.c_str(), "-CAkey", own_.key.c_str(), "-addext"}) {
    command.emplace_back(more);
  }
  command.push_back("subjectAltName=" + alternative_names);
  command.insert(command.end(), {"-addext", "basicConstraints=critical,CA:FALSE"});
  openssl(std::move(command));
  return out;
}

}  // namespace escrow::e2e
