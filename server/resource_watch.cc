#include "server/resource_watch.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

namespace escrow::server {
namespace {

constexpr std::chrono::seconds kInterval{1};

std::uint64_t page_size() { return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)); }

/// nullopt: there is no such file, or it begins with no number ("max").
std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

/// The smallest limit of a control group and those around it.
std::uint64_t group_limit(const std::filesystem::path& root, std::filesystem::path group, const char* file) {
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  for (;; group = group.parent_path()) {
    if (const auto found = number_in(root / group.relative_path() / file)) limit = std::min(limit, *found);
    if (!group.has_relative_path()) return limit;
  }
}

/// The second number, in pages.
std::uint64_t resident_memory() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  in >> size >> resident;
  return resident * page_size();
}

/// What is free for this user. A disk that cannot be asked is no reason to stop publishers.
std::uint64_t disk_free(const std::string& directory) {
  std::error_code failed;
  const auto space = std::filesystem::space(directory, failed);
  return failed ? std::numeric_limits<std::uint64_t>::max() : space.available;
}

broker::ResourceLimits limits_of(const Configuration& c) {
  const double part = c.alarms_memory_high_watermark * static_cast<double>(usable_memory());
  return {.memory = c.alarms_memory_high_watermark_absolute > 0 ? c.alarms_memory_high_watermark_absolute
                                                                : static_cast<std::uint64_t>(part),
          .disk_free = c.alarms_disk_free_limit};
}

}  // namespace

std::uint64_t usable_memory() {
  std::uint64_t usable = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * page_size();
  // "0::/path" in version 2, "4:memory:/path" in version 1.
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) usable = std::min(usable, group_limit("/sys/fs/cgroup", path, "memory.max"));
    if (controllers == "memory") {
      usable = std::min(usable, group_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
  }
  return usable;
}

ResourceWatch::ResourceWatch(boost::asio::io_context& context, const Configuration& configuration, Changed changed)
    : timer_(context),
      directory_(configuration.data_dir),
      limits_(limits_of(configuration)),
      changed_(std::move(changed)) {
  measure();
}

void ResourceWatch::measure() {
  const broker::Resources now{.memory = resident_memory(), .disk_free = disk_free(directory_)};
  const broker::LowResources low = judge(low_, limits_, now);
  if (low == std::exchange(low_, low)) return;
  if (low.any()) {
    spdlog::warn(
        "alarm: {}: publishers are held up; {} of at most {} bytes of memory used, {} of at least {} bytes of disk "
        "free",
        low.text(), now.memory, limits_.memory, now.disk_free, limits_.disk_free);
  } else {
    spdlog::info("alarm over: publishers go on");
  }
  changed_(low);
}

void ResourceWatch::wait() {
  timer_.expires_after(kInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    measure();
    wait();
  });
}

}  // namespace escrow::server
