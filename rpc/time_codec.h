// Points and lengths of time: protobuf ↔ base/clock.h, whose resolution is the microsecond.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "base/clock.h"
#include "base/result.h"

namespace escrow::rpc {

void to_proto(Timestamp time, google::protobuf::Timestamp& out);

/// MALFORMED unless seconds and nanoseconds are within the bounds that protobuf states and have the same sign. Fractions
/// of a microsecond are dropped.
Result<Duration> to_model(const google::protobuf::Duration& duration);
Result<Timestamp> to_model(const google::protobuf::Timestamp& time);

}  // namespace escrow::rpc
