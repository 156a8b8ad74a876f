// A file that several processes append lines to. A line is written with one call, so that it is there as a
// whole or not at all when the process is killed.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace order_service {

/// Thread-safe.
class AppendFile {
 public:
  explicit AppendFile(const std::string& path)
      : path_(path), descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) throw std::runtime_error("cannot open " + path);
  }
  ~AppendFile() { ::close(descriptor_); }
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void add(std::string line) {
    line += '\n';
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      throw std::runtime_error("cannot write to " + path_);
    }
  }

 private:
  const std::string path_;
  const int descriptor_;
};

}  // namespace order_service
