#include "server/admin_secret.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/invariant.h"

namespace escrow::server {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kMinSecretCharacters = 16;
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

Error unusable(const std::string& path, const std::string& why) {
  return {ErrorCode::kUnavailable, "ADMIN_SECRET_UNUSABLE", path + ": " + why, {{"path", path}}};
}

Error failed(const std::string& path) { return unusable(path, std::strerror(errno)); }

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string generate() {
  ESCROW_INVARIANT(sodium_init() >= 0, "libsodium starts");
  std::array<unsigned char, kSecretBytes> random;
  randombytes_buf(random.data(), random.size());
  std::string text(sodium_base64_encoded_len(random.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), random.data(), random.size(), kVariant);
  text.pop_back();  // the terminating zero
  return text;
}

/// Complete or not at all: a crash must not leave half a secret.
Result<AdminSecret> create(const std::string& directory, const std::string& path) {
  AdminSecret made{path, generate(), true};
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  const std::string content = made.secret + "\n";
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (!file) return failed(temporary);
    if (::write(file.descriptor(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        ::fsync(file.descriptor()) != 0) {
      return failed(temporary);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed(path);
  const File parent(directory, O_RDONLY | O_DIRECTORY);
  if (!parent || ::fsync(parent.descriptor()) != 0) return failed(directory);
  return made;
}

}  // namespace

Result<AdminSecret> load_admin_secret(const std::string& data_directory) {
  const std::string path = data_directory + "/admin-secret";
  const File file(path, O_RDONLY);
  if (!file) return errno == ENOENT ? create(data_directory, path) : failed(path);
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) return failed(path);
  if ((status.st_mode & 077) != 0) return unusable(path, "others may read it; make it mode 0600, or delete it");
  std::array<char, 1025> buffer;
  const ssize_t size = ::read(file.descriptor(), buffer.data(), buffer.size());
  if (size < 0) return failed(path);
  std::string secret(buffer.data(), static_cast<std::size_t>(size));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.size() < kMinSecretCharacters || secret.size() >= buffer.size() - 1) {
    return unusable(path, "it holds no secret of 16 to 1,023 characters; delete it to get a new one");
  }
  return AdminSecret{path, std::move(secret), false};
}

}  // namespace escrow::server
