// What tests of AMQP stand on: a server that ends and starts again at the same place, and clients for it.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/amqp_client.h"
#include "tests/e2e/escrowd.h"
#include "tests/unit/storage/scratch_directory.h"

namespace escrow::e2e {

class AmqpServer : public testing::Test {
 protected:
  void start(const std::vector<std::string>& flags = {}) {
    server_ = std::make_unique<ServerProcess>(ServerProcess::Options{.program = built_program("escrowd"),
                                                                     .data_directory = directory_.path() + "/data",
                                                                     .flags = flags,
                                                                     .amqp = at_});
    ASSERT_TRUE(server_->wait_ready(kPatience)) << server_->errors();
  }
  void TearDown() override {
    if (server_ != nullptr && HasFailure()) std::fputs(server_->errors().c_str(), stderr);
  }
  /// As a power cut does.
  void crash() {
    server_->signal(SIGKILL);
    server_->join();
  }
  std::unique_ptr<AmqpClient> connect() const { return std::make_unique<AmqpClient>(at_); }
  std::unique_ptr<AmqpClient> client(const std::string& user = "guest", const std::string& vhost = "/") const {
    auto out = connect();
    out->open(user, user, vhost);
    return out;
  }
  /// The configuration of users with their names for passwords.
  std::string configuration(const std::vector<std::string>& users, const std::string& rest) const {
    const std::string path = directory_.path() + "/escrow.toml";
    std::ofstream out(path);
    out << "vhosts = [\"/\", \"orders\", \"empty\"]\n[users]\n";
    for (const std::string& user : users) {
      std::string hash = run({.command = {built_program("escrow"), "hash-password"}, .input = user + "\n"}).output;
      hash.resize(hash.find('\n'));
      out << user << " = \"" << hash << "\"\n";
    }
    out << rest;
    return path;
  }

  const ScratchDirectory directory_;
  const Loopback at_ = Loopback::free();
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace escrow::e2e
