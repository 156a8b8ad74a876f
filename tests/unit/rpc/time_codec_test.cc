#include "rpc/time_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace escrow::rpc {
namespace {

google::protobuf::Duration duration(std::int64_t seconds, std::int32_t nanos) {
  google::protobuf::Duration out;
  out.set_seconds(seconds);
  out.set_nanos(nanos);
  return out;
}

RC_GTEST_PROP(TimeProto, every_microsecond_comes_back, ()) {
  const Timestamp time = from_micros(*rc::gen::inRange<std::int64_t>(-62'135'596'800'000'000, 253'402'300'799'999'999));
  google::protobuf::Timestamp proto;
  to_proto(time, proto);
  RC_ASSERT(proto.nanos() >= 0);
  const Result<Timestamp> back = to_model(proto);
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == time);
}

TEST(TimeProto, durations_keep_their_microseconds) {
  EXPECT_EQ(*to_model(duration(1, 500'000'999)), Duration(1'500'000));
  EXPECT_EQ(*to_model(duration(-1, -500'000'000)), Duration(-1'500'000));
}

TEST(TimeProto, what_protobuf_forbids_is_malformed) {
  EXPECT_FALSE(to_model(duration(1, -1)).ok());
  EXPECT_FALSE(to_model(duration(0, 1'000'000'000)).ok());
  EXPECT_FALSE(to_model(duration(315'576'000'001, 0)).ok());
  google::protobuf::Timestamp time;
  time.set_nanos(-1);
  EXPECT_FALSE(to_model(time).ok());
  time.set_nanos(0);
  time.set_seconds(253'402'300'800);
  EXPECT_FALSE(to_model(time).ok());
}

}  // namespace
}  // namespace escrow::rpc
