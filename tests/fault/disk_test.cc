// The disk that loses power, on its own: it must be as cruel as it says, and not more.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "tests/fault/fault_disk.h"

namespace escrow {
namespace {

using Outcome = FaultDisk::Outcome;

class Disk : public testing::Test {
 protected:
  Disk() { disk_->make_directory("/d"); }
  FaultDisk::Handle create(const std::string& path) {
    FaultDisk::Handle file;
    EXPECT_EQ(disk_->create(path, file), Outcome::kDone);
    return file;
  }
  static std::string content(const FaultDisk& disk, const std::string& path) {
    FaultDisk::Handle file;
    if (disk.find(path, file) != Outcome::kDone) return "(none)";
    std::string bytes;
    EXPECT_EQ(disk.read(*file, 0, 1 << 20, bytes), Outcome::kDone);
    return bytes;
  }
  /// What the path may hold after a power loss, over many of them.
  std::set<std::string> outcomes(const std::string& path, const std::function<void()>& act) {
    std::set<std::string> found;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      disk_ = std::make_shared<FaultDisk>();
      disk_->make_directory("/d");
      act();
      Random random(seed);
      found.insert(content(*disk_->restart(random), path));
    }
    return found;
  }
  /// Of a file of which "begin" was synced and two blocks of x after it were not. All or nothing of them must be among it.
  std::set<std::string> outcomes_of_two_unsynced_blocks(const std::string& path) {
    const std::string block(FaultDisk::kBlockSize, 'x');
    const auto found = outcomes(path, [&] {
      const auto file = create(path);
      disk_->append(*file, "begin");
      disk_->sync(*file);
      disk_->sync_directory("/d");
      disk_->append(*file, block + block);
    });
    EXPECT_TRUE(found.contains("begin"));
    EXPECT_TRUE(found.contains("begin" + block + block));
    return found;
  }
  std::shared_ptr<FaultDisk> disk_ = std::make_shared<FaultDisk>();
};

TEST_F(Disk, keeps_what_was_synced_under_a_name_that_was_synced) {
  EXPECT_EQ(outcomes("/d/f",
                     [&] {
                       const auto file = create("/d/f");
                       disk_->append(*file, "synced");
                       disk_->sync(*file);
                       disk_->sync_directory("/d");
                     }),
            (std::set<std::string>{"synced"}));
}

TEST_F(Disk, a_synced_file_needs_its_directory_synced) {
  EXPECT_EQ(outcomes("/d/f",
                     [&] {
                       const auto file = create("/d/f");
                       disk_->append(*file, "synced");
                       disk_->sync(*file);
                     }),
            (std::set<std::string>{"(none)", "synced"}));
}

TEST_F(Disk, may_keep_any_length_of_what_was_not_synced_and_zeros_for_a_block) {
  const auto found = outcomes_of_two_unsynced_blocks("/d/f");
  EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const std::string& bytes) {
    return bytes.size() > FaultDisk::kBlockSize && bytes[100] == '\0' && bytes.back() == 'x';
  })) << "a hole";
  for (const std::string& bytes : found) EXPECT_EQ(bytes.substr(0, 5), "begin");
}

TEST_F(Disk, a_manifest_has_no_holes) {
  const auto found = outcomes_of_two_unsynced_blocks("/d/MANIFEST-000001");
  for (const std::string& bytes : found) EXPECT_EQ(bytes.find('\0'), std::string::npos);
}

TEST_F(Disk, a_rename_happens_whole_or_not_and_takes_its_file_along) {
  const auto act = [&] {
    create("/d/old");
    disk_->sync_directory("/d");
    const auto file = create("/d/new");
    disk_->append(*file, "new");
    disk_->sync(*file);
    disk_->rename("/d/new", "/d/old");
  };
  EXPECT_EQ(outcomes("/d/old", act), (std::set<std::string>{"", "new"}));
}

TEST_F(Disk, a_removal_may_be_undone) {
  const auto act = [&] {
    const auto file = create("/d/f");
    disk_->append(*file, "x");
    disk_->sync(*file);
    disk_->sync_directory("/d");
    disk_->remove("/d/f");
  };
  EXPECT_EQ(outcomes("/d/f", act), (std::set<std::string>{"(none)", "x"}));
}

TEST_F(Disk, does_nothing_from_the_operation_on_at_which_power_fails) {
  const auto file = create("/d/f");
  disk_->fail_power_at(disk_->operations() + 2);
  EXPECT_EQ(disk_->append(*file, "a"), Outcome::kDone);
  EXPECT_EQ(disk_->append(*file, "b"), Outcome::kNoPower);
  EXPECT_EQ(disk_->sync(*file), Outcome::kNoPower);
  FaultDisk::Handle found;
  EXPECT_EQ(disk_->find("/d/f", found), Outcome::kNoPower);
  EXPECT_FALSE(disk_->has_power());
}

TEST_F(Disk, a_lying_disk_forgets_what_it_said_was_synced) {
  const auto act = [&] {
    disk_->lie_about_syncs(1, Random(1));
    const auto file = create("/d/f");
    disk_->append(*file, "x");
    disk_->sync(*file);
    disk_->sync_directory("/d");
  };
  EXPECT_TRUE(outcomes("/d/f", act).contains(""));
}

}  // namespace
}  // namespace escrow
