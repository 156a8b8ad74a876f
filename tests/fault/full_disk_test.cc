// escrowd when the system refuses to write: what it says, how it ends, and what is left.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>

#include "client/cpp/broker.h"
#include "tests/support/server_process.h"
#include "tests/unit/storage/scratch_directory.h"

namespace escrow {
namespace {

constexpr std::chrono::seconds kPatience{60};

/// Processes started meanwhile cannot make a file larger: writing fails with EFBIG, as it does with ENOSPC on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

class FullDisk : public testing::Test {
 protected:
  std::unique_ptr<ServerProcess> start() const {
    auto server = std::make_unique<ServerProcess>(
        ServerProcess::Options{.program = built_program("escrowd"), .data_directory = directory_.path() + "/data"});
    EXPECT_TRUE(server->wait_ready(kPatience)) << server->errors();
    return server;
  }
  static client::Broker broker(const ServerProcess& server) {
    return client::Broker(client::Client({.target = server.target(),
                                          .user = "guest",
                                          .password = "guest",
                                          .attempt_timeout = kPatience,
                                          .call_timeout = kPatience}));
  }

 private:
  const ScratchDirectory directory_;
};

TEST_F(FullDisk, a_failed_write_stops_the_server_and_loses_nothing_that_was_acknowledged) {
  std::unique_ptr<ServerProcess> server;
  {
    const FileSizeLimit limit(512 << 10);
    server = start();
  }
  client::Broker limited = broker(*server);
  ASSERT_TRUE(limited.declare_queue("q"));
  std::uint64_t acknowledged = 0;
  const client::Message message{.routing_key = "q", .body = std::string(3000, 'x')};
  while (limited.publish(message)) ASSERT_LT(++acknowledged, 2000u) << "files became larger than they can be";
  ASSERT_TRUE(server->wait_end(kPatience));
  EXPECT_EQ(server->join(), -SIGABRT);
  EXPECT_NE(server->errors().find("escrowd: a batch could not be made durable, stopping: RocksDB failed while"),
            std::string::npos)
      << server->errors();
  EXPECT_NE(server->errors().find("File too large"), std::string::npos) << server->errors();

  server = start();
  const auto queues = broker(*server).list_queues();
  ASSERT_TRUE(queues) << queues.error().message;
  ASSERT_EQ(queues->queues.size(), 1u);
  const std::uint64_t found = queues->queues[0].messages_ready;
  EXPECT_GE(found, acknowledged);
  EXPECT_LE(found, acknowledged + 1) << "the last one was not acknowledged, and no other was sent";
}

}  // namespace
}  // namespace escrow
