#include "engine/head.h"

#include <algorithm>

#include "base/bytes.h"

namespace escrow::engine {

namespace {
constexpr std::uint8_t kVersion = 1;
}

std::string Head::encode() const {
  std::string out;
  ByteWriter(out)
      .u8(kVersion)
      .u64(batch)
      .i64(to_micros(engine_time))
      .u64(next_epoch)
      .u64(next_log)
      .u64(next_body)
      .u32(next_lane)
      .u64(last_timer_bucket)
      .u64(schedules)
      .u64(audit.sequence)
      .bytes(as_bytes(audit.hash));
  return out;
}

Result<Head> Head::decode(std::string_view in) {
  ByteReader reader(in);
  const bool known = reader.u8() == kVersion;
  Head head;
  head.batch = reader.u64();
  head.engine_time = from_micros(reader.i64());
  head.next_epoch = reader.u64();
  head.next_log = reader.u64();
  head.next_body = reader.u64();
  head.next_lane = reader.u32();
  head.last_timer_bucket = reader.u64();
  head.schedules = reader.u64();
  head.audit.sequence = reader.u64();
  const std::string_view hash = reader.bytes(sizeof(Digest));
  if (!known || !reader.done()) {
    return Error{
        ErrorCode::kDataLoss, "HEAD_DAMAGED", "the stored head cannot be read: restore the data directory", {}};
  }
  std::ranges::copy(hash, head.audit.hash.begin());
  return head;
}

}  // namespace escrow::engine
