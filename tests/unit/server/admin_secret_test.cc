#include "server/admin_secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/storage/scratch_directory.h"

namespace escrow::server {
namespace {

class AdminSecretFile : public testing::Test {
 protected:
  std::string path() const { return directory_.path() + "/admin-secret"; }
  void write(const std::string& text, ::mode_t mode = 0600) {
    std::ofstream(path()) << text;
    ASSERT_EQ(::chmod(path().c_str(), mode), 0);
  }
  std::string reason() const {
    const Result<AdminSecret> loaded = load_admin_secret(directory_.path());
    return loaded ? "fine" : loaded.error().reason;
  }

  ScratchDirectory directory_;
};

TEST_F(AdminSecretFile, is_made_once_for_its_owner_alone) {
  const Result<AdminSecret> first = load_admin_secret(directory_.path());
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(first->created);
  EXPECT_EQ(first->path, path());
  EXPECT_EQ(first->secret.size(), 43u);
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const Result<AdminSecret> second = load_admin_secret(directory_.path());
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->secret, first->secret);
}

TEST_F(AdminSecretFile, is_never_the_same_twice) {
  const ScratchDirectory other;
  EXPECT_NE(load_admin_secret(directory_.path())->secret, load_admin_secret(other.path())->secret);
}

TEST_F(AdminSecretFile, can_be_chosen) {
  write("a secret of my own\n");
  EXPECT_EQ(load_admin_secret(directory_.path())->secret, "a secret of my own");
}

TEST_F(AdminSecretFile, is_refused_when_it_is_no_secret) {
  write("a secret of my own\n", 0640);
  EXPECT_EQ(reason(), "ADMIN_SECRET_UNUSABLE") << "others may read it";
  for (const std::string& text : {std::string(), std::string("\n"), std::string(15, 'x'), std::string(1024, 'x')}) {
    write(text);
    EXPECT_EQ(reason(), "ADMIN_SECRET_UNUSABLE") << text.size();
  }
  write(std::string(16, 'x'));
  EXPECT_EQ(reason(), "fine");
  write(std::string(1023, 'x'));
  EXPECT_EQ(reason(), "fine");
}

TEST_F(AdminSecretFile, what_a_crash_left_of_its_making_does_not_matter) {
  std::ofstream(path() + ".new") << "half";
  EXPECT_EQ(reason(), "fine");
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
}

}  // namespace
}  // namespace escrow::server
