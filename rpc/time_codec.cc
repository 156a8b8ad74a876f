#include "rpc/time_codec.h"

#include "rpc/status.h"

namespace escrow::rpc {
namespace {

constexpr std::int32_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kMaxDurationSeconds = 315'576'000'000;   // 10,000 years
constexpr std::int64_t kMinTimestampSeconds = -62'135'596'800;  // 0001-01-01
constexpr std::int64_t kMaxTimestampSeconds = 253'402'300'799;  // 9999-12-31

Duration to_micros(std::int64_t seconds, std::int32_t nanos) {
  return std::chrono::seconds(seconds) + Duration(nanos / 1000);
}

}  // namespace

void to_proto(Timestamp time, google::protobuf::Timestamp& out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(time - seconds).count()));
}

Result<Duration> to_model(const google::protobuf::Duration& duration) {
  const std::int64_t seconds = duration.seconds();
  const std::int32_t nanos = duration.nanos();
  const bool one_sign = (seconds >= 0 && nanos >= 0) || (seconds <= 0 && nanos <= 0);
  if (!one_sign || seconds > kMaxDurationSeconds || seconds < -kMaxDurationSeconds || nanos >= kNanosPerSecond ||
      nanos <= -kNanosPerSecond) {
    return malformed("a duration is out of the range of google.protobuf.Duration");
  }
  return to_micros(seconds, nanos);
}

Result<Timestamp> to_model(const google::protobuf::Timestamp& time) {
  if (time.seconds() < kMinTimestampSeconds || time.seconds() > kMaxTimestampSeconds || time.nanos() < 0 ||
      time.nanos() >= kNanosPerSecond) {
    return malformed("a time is out of the range of google.protobuf.Timestamp");
  }
  return Timestamp(to_micros(time.seconds(), time.nanos()));
}

}  // namespace escrow::rpc
