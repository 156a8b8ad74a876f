// The producers' side of checks.
#include "tests/fault/crash_life.h"

namespace escrow::crash {
namespace {

using Stream = grpc::ClientReaderWriterInterface<v1::CheckbacksRequest, v1::CheckbacksResponse>;

void answer(Life& life, Stream& stream, const v1::CheckbacksResponse::Check& check, Random& random) {
  const TransactionPlan* plan = life.transactions().asked(check);
  v1::CheckbacksRequest receipt;
  receipt.mutable_receipt()->set_check_id(check.check_id());
  stream.Write(receipt);
  v1::CheckbacksRequest reply;
  reply.mutable_answer()->set_check_id(check.check_id());
  reply.mutable_answer()->set_reason("crash test");
  if (plan == nullptr || random.chance(0.1)) {
    reply.mutable_answer()->set_verdict(v1::VERDICT_UNKNOWN);
  } else {
    life.transactions().sending_decision(*plan, plan->commit);
    reply.mutable_answer()->set_verdict(plan->commit ? v1::VERDICT_COMMIT : v1::VERDICT_ROLLBACK);
  }
  stream.Write(reply);
}

}  // namespace

void run_checkbacks(Life& life, const std::string& group, Random random) {
  grpc::ClientContext context;
  life.connection().authorize(context);
  const Life::Cancellable cancellable(life, context);
  const auto stream = life.coordinator().Checkbacks(&context);
  v1::CheckbacksRequest open;
  open.mutable_open()->set_group(group);
  stream->Write(open);
  v1::CheckbacksResponse response;
  while (stream->Read(&response)) {
    if (response.has_check() && !life.ending()) answer(life, *stream, response.check(), random);
  }
  life.judge(stream->Finish(), "Checkbacks");
}

}  // namespace escrow::crash
