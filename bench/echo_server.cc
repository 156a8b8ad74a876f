#include "bench/echo_server.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "bench/fail.h"
#include "escrow/v1/coordinator.grpc.pb.h"

namespace escrow::bench {
namespace {

class EchoService final : public v1::Coordinator::WithRawCallbackMethod_Prepare<v1::Coordinator::Service> {
 public:
  grpc::ServerUnaryReactor* Prepare(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override {
    *response = *request;
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

void run_echo_server() {
  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) fail("the echo server cannot start", "no port");
  std::printf("%d\n", port);
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  server->Shutdown();
}

EchoServer::EchoServer(const char* program) {
  int input[2];
  int output[2];
  if (pipe(input) != 0 || pipe(output) != 0) fail("pipe", "no descriptors");
  pid_ = fork();
  if (pid_ < 0) fail("fork", "no process");
  if (pid_ == 0) {
    // It ends when the other end of its input is gone, also when this process is killed.
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    for (const int descriptor : {input[0], input[1], output[0], output[1]}) close(descriptor);
    execl(program, program, "--echo", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  std::FILE* lines = fdopen(output[0], "r");
  int port = 0;
  if (lines == nullptr || std::fscanf(lines, "%d", &port) != 1) fail("the echo server", "does not start");
  std::fclose(lines);
  target_ = "127.0.0.1:" + std::to_string(port);
  input_ = input[1];
}

EchoServer::~EchoServer() {
  close(input_);
  waitpid(pid_, nullptr, 0);
}

}  // namespace escrow::bench
