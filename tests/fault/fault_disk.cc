#include "tests/fault/fault_disk.h"

#include <algorithm>
#include <utility>

namespace escrow {

struct FaultDisk::File {
  std::string content;          ///< what the running system sees
  std::string durable;          ///< what is certainly on the disk
  std::set<std::size_t> dirty;  ///< blocks of `content` written since the last sync
};

namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

bool FaultDisk::begin_operation() {
  if (!power_) return false;
  ++operations_;
  if (operations_ == fail_at_) power_ = false;
  return power_;
}

FaultDisk::Outcome FaultDisk::create(const std::string& path, Handle& file) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  if (!directories_.contains(parent_of(path))) return Outcome::kNotFound;
  file = std::make_shared<File>();
  change_name({"", path, file});
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::append(File& file, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  if (bytes.empty()) return Outcome::kDone;
  const std::size_t first = file.content.size() / kBlockSize;
  file.content.append(bytes);
  for (std::size_t block = first; block * kBlockSize < file.content.size(); ++block) file.dirty.insert(block);
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::truncate(File& file, std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  file.dirty.insert(std::min(size, file.content.size()) / kBlockSize);
  file.content.resize(size);
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::sync(File& file) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  if (lie_probability_ > 0 && lie_random_.chance(lie_probability_)) return Outcome::kDone;
  file.durable.resize(file.content.size());
  for (const std::size_t block : file.dirty) {
    const std::size_t from = block * kBlockSize;
    if (from < file.content.size()) file.durable.replace(from, kBlockSize, file.content, from, kBlockSize);
  }
  file.dirty.clear();
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  const std::string directory = without_trailing_slash(path);
  std::vector<NameChange> elsewhere;
  for (NameChange& change : unsynced_names_) {
    if (parent_of(change.to.empty() ? change.from : change.to) == directory) {
      apply(change, durable_names_);
    } else {
      elsewhere.push_back(std::move(change));
    }
  }
  unsynced_names_ = std::move(elsewhere);
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  const auto found = names_.find(from);
  if (found == names_.end()) return Outcome::kNotFound;
  change_name({from, to, found->second});
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  if (!names_.contains(path)) return Outcome::kNotFound;
  change_name({path, "", nullptr});
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!begin_operation()) return Outcome::kNoPower;
  directories_.insert(without_trailing_slash(path));
  return Outcome::kDone;
}

void FaultDisk::apply(const NameChange& change, Names& names) const {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.file;
}

void FaultDisk::change_name(NameChange change) {
  apply(change, names_);
  unsynced_names_.push_back(std::move(change));
}

FaultDisk::Outcome FaultDisk::find(const std::string& path, Handle& file) const {
  const std::lock_guard lock(mutex_);
  if (!power_) return Outcome::kNoPower;
  const auto found = names_.find(path);
  if (found == names_.end()) return Outcome::kNotFound;
  file = found->second;
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::is_directory(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  if (!power_) return Outcome::kNoPower;
  return directories_.contains(without_trailing_slash(path)) ? Outcome::kDone : Outcome::kNotFound;
}

FaultDisk::Outcome FaultDisk::list(const std::string& directory, std::vector<std::string>& names) const {
  const std::lock_guard lock(mutex_);
  names.clear();
  if (!power_) return Outcome::kNoPower;
  const std::string path = without_trailing_slash(directory);
  if (!directories_.contains(path)) return Outcome::kNotFound;
  for (const auto& [name, file] : names_) {
    if (parent_of(name) == path) names.push_back(name.substr(path.size() + 1));
  }
  for (const std::string& child : directories_) {
    if (child != path && parent_of(child) == path) names.push_back(child.substr(path.size() + 1));
  }
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::read(const File& file, std::uint64_t offset, std::size_t size, std::string& bytes) const {
  const std::lock_guard lock(mutex_);
  bytes.clear();
  if (!power_) return Outcome::kNoPower;
  if (offset < file.content.size()) bytes = file.content.substr(offset, size);
  return Outcome::kDone;
}

FaultDisk::Outcome FaultDisk::size(const File& file, std::uint64_t& bytes) const {
  const std::lock_guard lock(mutex_);
  if (!power_) return Outcome::kNoPower;
  bytes = file.content.size();
  return Outcome::kDone;
}

std::uint64_t FaultDisk::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void FaultDisk::fail_power_at(std::uint64_t operation) {
  const std::lock_guard lock(mutex_);
  fail_at_ = operation;
}

void FaultDisk::fail_power_now() {
  const std::lock_guard lock(mutex_);
  power_ = false;
}

bool FaultDisk::has_power() const {
  const std::lock_guard lock(mutex_);
  return power_;
}

void FaultDisk::lie_about_syncs(double probability, Random random) {
  const std::lock_guard lock(mutex_);
  lie_probability_ = probability;
  lie_random_ = random;
}

std::shared_ptr<FaultDisk> FaultDisk::restart(Random& random) {
  const std::lock_guard lock(mutex_);
  power_ = false;
  // Whole caches survive or go as often as parts of them: both happen to real disks.
  constexpr double kKept[] = {0, 0.5, 0.9, 1};
  const double blocks_kept = kKept[random.below(4)];
  const double names_kept = kKept[random.below(4)];
  keep_some_names(names_kept, random);
  auto next = std::make_shared<FaultDisk>();
  for (const auto& [name, file] : durable_names_) {
    const bool holes = name.find("/MANIFEST-") == std::string::npos;
    next->names_[name] = survivor_of(*file, random, blocks_kept, holes);
  }
  next->durable_names_ = next->names_;
  next->directories_ = directories_;
  next->lie_probability_ = lie_probability_;
  next->lie_random_ = lie_random_;
  return next;
}

void FaultDisk::keep_some_names(double kept, Random& random) {
  std::vector<bool> survives;
  for (const NameChange& change : unsynced_names_) {
    survives.push_back(random.chance(kept));
    if (!survives.back() || change.from.empty() || change.to.empty()) continue;
    for (std::size_t earlier = 0; earlier < survives.size(); ++earlier) {
      if (!unsynced_names_[earlier].to.empty()) survives[earlier] = true;
    }
  }
  for (std::size_t i = 0; i < unsynced_names_.size(); ++i) {
    if (survives[i]) apply(unsynced_names_[i], durable_names_);
  }
  unsynced_names_.clear();
}

FaultDisk::Handle FaultDisk::survivor_of(const File& file, Random& random, double kept, bool holes) {
  const std::size_t low = std::min(file.durable.size(), file.content.size());
  const std::size_t high = std::max(file.durable.size(), file.content.size());
  const std::uint64_t choice = random.below(3);
  const std::size_t size = choice == 0   ? file.durable.size()
                           : choice == 1 ? file.content.size()
                                         : low + random.below(high - low + 1);
  std::string bytes = file.durable;
  bytes.resize(size, '\0');
  for (const std::size_t block : file.dirty) {
    const std::size_t from = block * kBlockSize;
    if (from >= size || from >= file.content.size()) break;
    if (!random.chance(kept)) {
      if (holes) continue;
      bytes.resize(std::min(size, std::max(from, file.durable.size())));
      break;
    }
    const std::size_t n = std::min({kBlockSize, size - from, file.content.size() - from});
    bytes.replace(from, n, file.content, from, n);
  }
  return std::make_shared<File>(File{bytes, bytes, {}});
}

}  // namespace escrow
