// The bytes of methods of every class, as the specification lays them out.
#include <gtest/gtest.h>

#include "broker/amqp/method_codec.h"
#include "tests/unit/golden.h"

namespace escrow::broker::amqp {
namespace {

/// The frame of the method on channel 1.
template <class M>
void expect_golden(const M& method, std::string_view size, std::string_view payload) {
  std::string out;
  encode_method(1, method, out);
  EXPECT_EQ(hex(out), golden("01 0001") + golden(size) + golden(payload) + "ce") << M::kName;
}

FieldTable table() {
  FieldTable table;
  table.set("k", {true});
  return table;
}

TEST(GoldenMethods, of_class_connection) {
  expect_golden(ConnectionStart{.server_properties = table(), .mechanisms = "PLAIN", .locales = "en_US"}, "00000020",
                "000a 000a 00 09 00000004 016b7401 00000005 504c41494e 00000005 656e5f5553");
  expect_golden(
      ConnectionStartOk{
          .client_properties = {}, .mechanism = "PLAIN", .response = std::string_view("\0u\0p", 4), .locale = "en_US"},
      "0000001c", "000a 000b 00000000 05 504c41494e 00000004 00750070 05 656e5f5553");
  expect_golden(ConnectionTune{.channel_max = 2047, .frame_max = 131072, .heartbeat = 60}, "0000000c",
                "000a 001e 07ff 00020000 003c");
  expect_golden(ConnectionOpen{.virtual_host = "/"}, "00000008", "000a 0028 01 2f 00 00");
  expect_golden(ConnectionOpenOk{}, "00000005", "000a 0029 00");
  expect_golden(ConnectionClose{.reply_code = 320, .reply_text = "bye", .class_id = 60, .method_id = 40}, "0000000e",
                "000a 0032 0140 03 627965 003c 0028");
  expect_golden(ConnectionBlocked{.reason = "low"}, "00000008", "000a 003c 03 6c6f77");
  expect_golden(ConnectionUpdateSecret{.new_secret = "s", .reason = "r"}, "0000000b", "000a 0046 00000001 73 01 72");
}

TEST(GoldenMethods, of_class_channel) {
  expect_golden(ChannelOpen{}, "00000005", "0014 000a 00");
  expect_golden(ChannelOpenOk{}, "00000008", "0014 000b 00000000");
  expect_golden(ChannelFlow{.active = true}, "00000005", "0014 0014 01");
  expect_golden(ChannelCloseOk{}, "00000004", "0014 0029");
}

TEST(GoldenMethods, of_class_access) {
  expect_golden(AccessRequest{.realm = "/data", .exclusive = true, .active = true, .read = true}, "0000000b",
                "001e 000a 05 2f64617461 15");
  expect_golden(AccessRequestOk{}, "00000006", "001e 000b 0001");
}

TEST(GoldenMethods, of_class_exchange) {
  expect_golden(ExchangeDeclare{.exchange = "e", .type = "topic", .durable = true, .internal = true}, "00000013",
                "0028 000a 0000 01 65 05 746f706963 0a 00000000");
  expect_golden(ExchangeDelete{.exchange = "e", .if_unused = true}, "00000009", "0028 0014 0000 01 65 01");
  expect_golden(ExchangeBind{.destination = "d", .source = "s", .routing_key = "k", .no_wait = true}, "00000011",
                "0028 001e 0000 01 64 01 73 01 6b 01 00000000");
  expect_golden(ExchangeUnbindOk{}, "00000004", "0028 0033");
}

TEST(GoldenMethods, of_class_queue) {
  expect_golden(QueueDeclare{.queue = "q", .durable = true, .auto_delete = true, .arguments = table()}, "00000011",
                "0032 000a 0000 01 71 0a 00000004 016b7401");
  expect_golden(QueueDeclareOk{.queue = "q", .message_count = 3, .consumer_count = 2}, "0000000e",
                "0032 000b 01 71 00000003 00000002");
  expect_golden(QueueBind{.queue = "q", .exchange = "e", .routing_key = "k"}, "00000011",
                "0032 0014 0000 01 71 01 65 01 6b 00 00000000");
  expect_golden(QueueUnbind{.queue = "q", .exchange = "e", .routing_key = "k"}, "00000010",
                "0032 0032 0000 01 71 01 65 01 6b 00000000");
  expect_golden(QueueDelete{.queue = "q", .if_empty = true}, "00000009", "0032 0028 0000 01 71 02");
}

TEST(GoldenMethods, of_class_basic) {
  expect_golden(BasicQos{.prefetch_count = 100, .global = true}, "0000000b", "003c 000a 00000000 0064 01");
  expect_golden(BasicConsume{.queue = "q", .consumer_tag = "c", .no_ack = true}, "0000000f",
                "003c 0014 0000 01 71 01 63 02 00000000");
  expect_golden(BasicPublish{.exchange = "e", .routing_key = "k", .mandatory = true}, "0000000b",
                "003c 0028 0000 01 65 01 6b 01");
  expect_golden(BasicReturn{.reply_code = 312, .reply_text = "NO_ROUTE", .exchange = "e", .routing_key = "k"},
                "00000013", "003c 0032 0138 08 4e4f5f524f555445 01 65 01 6b");
  expect_golden(
      BasicDeliver{.consumer_tag = "c", .delivery_tag = 7, .redelivered = true, .exchange = "e", .routing_key = "k"},
      "00000013", "003c 003c 01 63 0000000000000007 01 01 65 01 6b");
  expect_golden(BasicGetOk{.delivery_tag = 7, .exchange = "e", .routing_key = "k", .message_count = 9}, "00000015",
                "003c 0047 0000000000000007 00 01 65 01 6b 00000009");
  expect_golden(BasicGetEmpty{}, "00000005", "003c 0048 00");
  expect_golden(BasicAck{.delivery_tag = 0x0102030405060708, .multiple = true}, "0000000d",
                "003c 0050 0102030405060708 01");
  expect_golden(BasicReject{.delivery_tag = 1, .requeue = true}, "0000000d", "003c 005a 0000000000000001 01");
  expect_golden(BasicNack{.delivery_tag = 1, .requeue = true}, "0000000d", "003c 0078 0000000000000001 02");
  expect_golden(BasicRecover{.requeue = true}, "00000005", "003c 006e 01");
}

TEST(GoldenMethods, of_classes_confirm_and_tx) {
  expect_golden(ConfirmSelect{.no_wait = true}, "00000005", "0055 000a 01");
  expect_golden(ConfirmSelectOk{}, "00000004", "0055 000b");
  expect_golden(TxSelect{}, "00000004", "005a 000a");
  expect_golden(TxCommitOk{}, "00000004", "005a 0015");
  expect_golden(TxRollback{}, "00000004", "005a 001e");
}

}  // namespace
}  // namespace escrow::broker::amqp
