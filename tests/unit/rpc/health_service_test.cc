#include "rpc/health_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/rpc/grpc_harness.h"

namespace escrow::rpc {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using Response = grpc::health::v1::HealthCheckResponse;

class HealthServices : public testing::Test {
 protected:
  void SetUp() override {
    grpc_.serve({&service_});
    stub_ = Health::NewStub(grpc_.channel());
  }
  static HealthCheckRequest request(const std::string& service) {
    HealthCheckRequest request;
    request.set_service(service);
    return request;
  }
  grpc::Status check(const std::string& service, Response& response) {
    grpc::ClientContext anybody;
    return stub_->Check(&anybody, request(service), &response);
  }
  Response::ServingStatus status(const std::string& service = "") {
    Response response;
    EXPECT_TRUE(check(service, response).ok());
    return response.status();
  }

  HealthService service_{{"a.Service"}};
  GrpcHarness grpc_;
  std::unique_ptr<Health::Stub> stub_;
};

TEST_F(HealthServices, anybody_is_told_that_the_server_and_its_services_serve) {
  EXPECT_EQ(status(), Response::SERVING);
  EXPECT_EQ(status("a.Service"), Response::SERVING);
}

TEST_F(HealthServices, a_service_that_is_not_there_is_not_found) {
  Response response;
  const grpc::Status status = check("b.Service", response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(reason(status), "SERVICE_UNKNOWN");
}

TEST_F(HealthServices, who_watches_is_told_the_status_and_its_change_and_then_the_end) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<Response>>> watches;
  Response response;
  for (int i = 0; i < 10; ++i) {
    contexts.push_back(GrpcHarness::context());
    watches.push_back(stub_->Watch(contexts.back().get(), request("a.Service")));
    ASSERT_TRUE(watches.back()->Read(&response));
    EXPECT_EQ(response.status(), Response::SERVING);
  }
  service_.stop_serving();
  for (const auto& watch : watches) {
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(), Response::NOT_SERVING);
    EXPECT_FALSE(watch->Read(&response));
    EXPECT_EQ(reason(watch->Finish()), "SHUTTING_DOWN");
  }
  EXPECT_EQ(status(), Response::NOT_SERVING);
  grpc_.shut_down();  // waits for every call: none may be left over
}

TEST_F(HealthServices, a_watch_of_a_service_that_is_not_there_goes_on) {
  const auto context = GrpcHarness::context();
  const auto watch = stub_->Watch(context.get(), request("b.Service"));
  Response response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), Response::SERVICE_UNKNOWN);
  context->TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
  grpc_.shut_down();
}

TEST_F(HealthServices, cancelled_watches_go) {
  for (int i = 0; i < 20; ++i) {
    const auto context = GrpcHarness::context();
    const auto watch = stub_->Watch(context.get(), request(""));
    Response response;
    if (i % 2 == 0) {
      ASSERT_TRUE(watch->Read(&response));
    }
    context->TryCancel();
    watch->Finish();
  }
  grpc_.shut_down();
}

}  // namespace
}  // namespace escrow::rpc
