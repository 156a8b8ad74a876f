// Messages, properties and field tables: plain structs ↔ protobuf.
#pragma once

#include <google/protobuf/duration.pb.h>

#include <chrono>

#include "client/cpp/message.h"
#include "escrow/v1/message.pb.h"

namespace escrow::client::internal {

void to_proto(const FieldTable& table, v1::FieldTable& out);
FieldTable from_proto(const v1::FieldTable& table);

/// Takes the strings over instead of copying them.
void to_proto(Message&& message, v1::Message& out);
Message from_proto(v1::Message&& message);

void to_proto(std::chrono::milliseconds duration, google::protobuf::Duration& out);
void to_proto(Timestamp time, google::protobuf::Timestamp& out);
Timestamp from_proto(const google::protobuf::Timestamp& time);

}  // namespace escrow::client::internal
