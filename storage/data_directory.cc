#include "storage/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

namespace escrow {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Error unusable(const std::string& what, const std::string& path) {
  return {ErrorCode::kUnavailable,
          "DATA_DIRECTORY_UNUSABLE",
          "Cannot " + what + " " + path + ": " + std::strerror(errno) + ".",
          {}};
}

Result<void> sync_directory(const std::string& path) {
  const FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return unusable("sync the directory", path);
  return {};
}

/// An existing directory keeps its permissions: they may be the operator's choice.
Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return unusable("create the directory", path);
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return unusable("look at", path);
    if (S_ISDIR(found.st_mode)) return {};
    errno = ENOTDIR;
    return unusable("use", path);
  }
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  return sync_directory(parent.string());
}

/// The whole of a small file; nullopt if there is none.
Result<std::optional<std::string>> read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return unusable("open", path);
  }
  char buffer[64];
  const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
  if (n < 0) return unusable("read", path);
  return std::optional<std::string>(std::string(buffer, static_cast<std::size_t>(n)));
}

/// The number before the newline; nullopt if the text is anything else.
std::optional<std::uint32_t> number_line(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || std::string_view(end, text.data() + text.size()) != "\n") return std::nullopt;
  return number;
}

Error in_use(const std::string& path, const std::string& lock_path) {
  Error error{ErrorCode::kFailedPrecondition,
              "DATA_DIRECTORY_IN_USE",
              "The data directory " + path + " is in use by another process",
              {}};
  const auto text = read_file(lock_path);
  const auto pid = text.ok() && text->has_value() ? number_line(**text) : std::nullopt;
  if (pid) {
    error.message += ", whose id is " + std::to_string(*pid);
    error.with("pid", std::to_string(*pid));
  }
  error.message += ": stop it, or start this one with a directory of its own.";
  return error;
}

/// Replaces the content by this process's id. For people only: nothing depends on it.
void write_pid(int lock) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock, 0) == 0) (void)!::pwrite(lock, pid.data(), pid.size(), 0);
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  std::error_code ignored;  // if a parent cannot be created, the directory cannot either, and says why
  std::filesystem::create_directories(std::filesystem::absolute(path).parent_path(), ignored);
  if (auto made = make_directory(path); !made.ok()) return made.error();
  const std::string lock_path = path + "/LOCK";
  FileDescriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return unusable("open", lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return in_use(path, lock_path);
    return unusable("lock", lock_path);
  }
  write_pid(lock.get());
  DataDirectory directory(path, lock.release());
  if (auto checked = directory.check_version(); !checked.ok()) return checked.error();
  if (auto made = make_directory(directory.database_path()); !made.ok()) return made.error();
  return directory;
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

Result<void> DataDirectory::check_version() {
  const std::string file = path_ + "/VERSION";
  const auto text = read_file(file);
  if (!text.ok()) return text.error();
  if (!text->has_value()) {
    if (!std::filesystem::exists(database_path())) return write_version();
    return Error{ErrorCode::kDataLoss,
                 "DATA_FORMAT_UNREADABLE",
                 file +
                     " is missing, though there is data beside it: restore it from a backup, or write into it the "
                     "format version that the previous server named at its start.",
                 {}};
  }
  const auto version = number_line(**text);
  if (!version || *version == 0) {
    return Error{ErrorCode::kDataLoss,
                 "DATA_FORMAT_UNREADABLE",
                 file + " does not hold a format version: restore it from a backup.",
                 {}};
  }
  if (*version > kFormatVersion) {
    return Error{ErrorCode::kFailedPrecondition,
                 "DATA_FORMAT_TOO_NEW",
                 "The data in " + path_ + " has format version " + std::to_string(*version) +
                     ", written by a newer Escrow; this one reads up to " + std::to_string(kFormatVersion) +
                     ": start the newer one, or restore a backup from before the upgrade.",
                 {}};
  }
  if (*version < kFormatVersion) {
    return Error{ErrorCode::kFailedPrecondition,
                 "DATA_FORMAT_TOO_OLD",
                 "The data in " + path_ + " has format version " + std::to_string(*version) +
                     ", from before the first release; this Escrow reads only " + std::to_string(kFormatVersion) +
                     ": start the one that wrote it, or begin with an empty directory.",
                 {}};
  }
  return {};
}

/// Written aside and renamed: the file is there with its number or not at all.
Result<void> DataDirectory::write_version() {
  const std::string file = path_ + "/VERSION";
  const std::string aside = file + ".new";
  const std::string text = std::to_string(kFormatVersion) + "\n";
  {
    const FileDescriptor out(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (out.get() < 0) return unusable("create", aside);
    if (::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(out.get()) != 0) {
      return unusable("write", aside);
    }
  }
  if (::rename(aside.c_str(), file.c_str()) != 0) return unusable("rename to VERSION", aside);
  return sync_directory(path_);
}

}  // namespace escrow
