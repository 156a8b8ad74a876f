#include "storage/data_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/unit/storage/scratch_directory.h"

namespace escrow {
namespace {

std::string content(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}
void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
std::string version(std::uint32_t number) { return std::to_string(number) + "\n"; }

class DataDirectoryTest : public testing::Test {
 protected:
  ScratchDirectory scratch_;
  std::string path_ = scratch_.path() + "/deep/data";
};

TEST_F(DataDirectoryTest, is_created_for_its_owner_only) {
  const auto directory = DataDirectory::open(path_);
  ASSERT_TRUE(directory.ok()) << directory.error().message;
  EXPECT_EQ(directory->path(), path_);
  for (const std::string& path : {path_, directory->database_path()}) {
    struct stat found {};
    ASSERT_EQ(stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0700u) << path;
  }
  EXPECT_EQ(content(path_ + "/VERSION"), version(DataDirectory::kFormatVersion));
  EXPECT_EQ(content(path_ + "/LOCK"), std::to_string(getpid()) + "\n");
}

TEST_F(DataDirectoryTest, can_be_opened_again_after_its_owner_is_gone) {
  { ASSERT_TRUE(DataDirectory::open(path_).ok()); }
  ASSERT_TRUE(DataDirectory::open(path_).ok());
}

TEST_F(DataDirectoryTest, has_one_owner_within_a_process) {
  auto first = DataDirectory::open(path_);
  ASSERT_TRUE(first.ok());
  const DataDirectory moved = std::move(*first);
  const auto second = DataDirectory::open(path_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(second.error().reason, "DATA_DIRECTORY_IN_USE");
  EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos) << second.error().message;
}

TEST_F(DataDirectoryTest, has_one_owner_among_processes_and_is_free_when_it_dies) {
  int ready[2], stop[2];
  ASSERT_EQ(pipe(ready) + pipe(stop), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto mine = DataDirectory::open(path_);
    const char answer = mine.ok() ? 'y' : 'n';
    char byte;
    (void)!write(ready[1], &answer, 1);
    (void)!read(stop[0], &byte, 1);
    _exit(0);  // without releasing anything
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto refused = DataDirectory::open(path_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().metadata,
            (std::vector<std::pair<std::string, std::string>>{{"pid", std::to_string(child)}}));
  ASSERT_EQ(write(stop[1], "x", 1), 1);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(DataDirectory::open(path_).ok());
  for (const int fd : {ready[0], ready[1], stop[0], stop[1]}) close(fd);
}

TEST_F(DataDirectoryTest, a_newer_format_is_refused_by_name) {
  { ASSERT_TRUE(DataDirectory::open(path_).ok()); }
  write_text(path_ + "/VERSION", version(DataDirectory::kFormatVersion + 1));
  const auto directory = DataDirectory::open(path_);
  ASSERT_FALSE(directory.ok());
  EXPECT_EQ(directory.error().reason, "DATA_FORMAT_TOO_NEW");
  EXPECT_NE(directory.error().message.find("version " + std::to_string(DataDirectory::kFormatVersion + 1)),
            std::string::npos);
  EXPECT_EQ(content(path_ + "/VERSION"), version(DataDirectory::kFormatVersion + 1));
}

TEST_F(DataDirectoryTest, an_older_format_is_refused_by_name) {
  { ASSERT_TRUE(DataDirectory::open(path_).ok()); }
  write_text(path_ + "/VERSION", "1\n");
  const auto directory = DataDirectory::open(path_);
  ASSERT_FALSE(directory.ok());
  EXPECT_EQ(directory.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(directory.error().reason, "DATA_FORMAT_TOO_OLD");
  EXPECT_NE(directory.error().message.find("version 1"), std::string::npos);
  EXPECT_EQ(content(path_ + "/VERSION"), "1\n");
}

TEST_F(DataDirectoryTest, a_version_that_is_none_is_refused) {
  for (const char* text : {"", "1", "one\n", "0\n", "1\n1\n", "-1\n", "99999999999\n"}) {
    std::filesystem::create_directories(path_);
    write_text(path_ + "/VERSION", text);
    const auto directory = DataDirectory::open(path_);
    ASSERT_FALSE(directory.ok()) << text;
    EXPECT_EQ(directory.error().reason, "DATA_FORMAT_UNREADABLE");
  }
}

TEST_F(DataDirectoryTest, data_without_a_version_is_refused) {
  { ASSERT_TRUE(DataDirectory::open(path_).ok()); }
  std::filesystem::remove(path_ + "/VERSION");
  const auto directory = DataDirectory::open(path_);
  ASSERT_FALSE(directory.ok());
  EXPECT_EQ(directory.error().reason, "DATA_FORMAT_UNREADABLE");
}

TEST_F(DataDirectoryTest, a_version_half_written_by_a_crash_is_written_again) {
  std::filesystem::create_directories(path_);
  write_text(path_ + "/VERSION.new", "garbage");
  ASSERT_TRUE(DataDirectory::open(path_).ok());
  EXPECT_EQ(content(path_ + "/VERSION"), version(DataDirectory::kFormatVersion));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/VERSION.new"));
}

TEST_F(DataDirectoryTest, what_is_no_directory_is_refused) {
  write_text(scratch_.path() + "/file", "");
  const auto directory = DataDirectory::open(scratch_.path() + "/file");
  ASSERT_FALSE(directory.ok());
  EXPECT_EQ(directory.error().reason, "DATA_DIRECTORY_UNUSABLE");
}

}  // namespace
}  // namespace escrow
