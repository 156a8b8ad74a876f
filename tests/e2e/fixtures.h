// What tests of gRPC stand on: one server for a whole file, or one that ends and starts again.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/escrowd.h"
#include "tests/unit/storage/scratch_directory.h"

namespace escrow::e2e {

/// The status of a call, or of an operation of a stream.
template <class Status>
void expect(const Status& status, grpc::StatusCode code, const std::string& reason) {
  const Failure found = failure(status);
  EXPECT_EQ(found.code, code) << found.message;
  EXPECT_EQ(found.reason, reason) << found.message;
}

/// One server for all tests of a file, which use names of their own.
class OneServer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<ScratchDirectory>();
    server_ = std::make_unique<Escrowd>(directory_->path() + "/data");
    server_->require_ready();
    api_ = std::make_unique<Api>(server_->channel());
    api_->set_up_topology();
  }
  static void TearDownTestSuite() {
    api_.reset();
    EXPECT_EQ(server_->stop(), 0);
    server_.reset();
    directory_.reset();
  }

  static Api& api() { return *api_; }
  static Escrowd& server() { return *server_; }

  static std::uint64_t prepare(const std::string& id, const std::string& body = "body") {
    v1::PrepareResponse response;
    const grpc::Status status = api().prepare(Api::prepare_request(id, body), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.epoch();
  }

 private:
  static inline std::unique_ptr<ScratchDirectory> directory_;
  static inline std::unique_ptr<Escrowd> server_;
  static inline std::unique_ptr<Api> api_;
};

/// Tests that start and end servers on a directory of their own.
class ManyRuns : public testing::Test {
 protected:
  void start(const std::vector<std::string>& flags = {}) {
    server_ = std::make_unique<Escrowd>(data(), flags);
    server_->require_ready();
    api_ = std::make_unique<Api>(server_->channel());
  }
  /// As an operator stops it.
  void stop() {
    api_.reset();
    EXPECT_EQ(server_->stop(), 0);
  }
  /// As a power cut does.
  void crash() {
    server_->signal(SIGKILL);
    server_->join();
  }

  std::string data() const { return directory_.path() + "/data"; }
  Api& api() { return *api_; }
  Escrowd& server() { return *server_; }

 private:
  const ScratchDirectory directory_;
  std::unique_ptr<Escrowd> server_;
  std::unique_ptr<Api> api_;
};

}  // namespace escrow::e2e
