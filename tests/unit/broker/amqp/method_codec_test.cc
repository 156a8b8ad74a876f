#include "broker/amqp/method_codec.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "tests/unit/broker/amqp/sample_methods.h"
#include "tests/unit/golden.h"

namespace escrow::broker::amqp {
namespace {

template <class M>
std::string payload_of(const M& method) {
  std::string out;
  encode_method(1, method, out);
  return out.substr(kFrameHeaderSize, out.size() - kFrameOverhead);
}

/// What `payload` decodes to, which has to be an M.
template <class M>
void expect_decodes_to(const M& expected, std::string_view payload) {
  bool visited = false;
  const auto result = visit_method(payload, [&]<class Visited>(const Visited& method) {
    visited = true;
    if constexpr (std::is_same_v<Visited, M>) {
      EXPECT_TRUE(method == expected) << M::kName;
    } else {
      FAIL() << M::kName << " is decoded as " << Visited::kName;
    }
  });
  EXPECT_TRUE(result.ok()) << M::kName;
  EXPECT_TRUE(visited) << M::kName;
}

void expect_refused(std::string_view payload, ReplyCode code) {
  const auto result = visit_method(payload, []<class M>(const M&) { FAIL() << "decoded as " << M::kName; });
  ASSERT_FALSE(result.ok()) << hex(payload);
  EXPECT_EQ(result.error().code, code) << hex(payload);
}

TEST(Methods, have_ids_and_names_of_their_own) {
  std::set<std::pair<int, int>> ids;
  std::set<std::string_view> names;
  for_each_method([&]<class M>(MethodType<M>) {
    ids.emplace(M::kId.class_id, M::kId.method_id);
    names.insert(M::kName);
  });
  EXPECT_EQ(ids.size(), Methods::kSize);
  EXPECT_EQ(names.size(), Methods::kSize);
}

TEST(Methods, have_fields_with_names_of_their_own) {
  for_each_method([]<class M>(MethodType<M>) {
    std::set<std::string_view> names;
    M method;
    for_each_field(method, [&](std::string_view name, const auto&) { names.insert(name); });
    EXPECT_EQ(names.size(), std::tuple_size_v<decltype(M::fields())>) << M::kName;
  });
}

TEST(Methods, have_samples_that_differ_from_the_default_in_every_field) {
  for_each_method([]<class M>(MethodType<M>) {
    const M defaults;
    const M samples[] = {sample_method<M>(true), sample_method<M>(false)};
    const auto expect_other = [&]<class T>(const Field<M, T>& field) {
      const auto differs = [&](const M& sample) { return !(sample.*field.member == defaults.*field.member); };
      EXPECT_TRUE(differs(samples[0]) || differs(samples[1])) << M::kName << ' ' << field.name;
    };
    std::apply([&](const auto&... field) { (expect_other(field), ...); }, M::fields());
  });
}

TEST(Methods, that_carry_content_are_the_four_of_the_specification) {
  std::set<std::string_view> names;
  for_each_method([&]<class M>(MethodType<M>) {
    if (CarriesContent<M>) names.insert(M::kName);
  });
  EXPECT_EQ(names, (std::set<std::string_view>{"basic.publish", "basic.return", "basic.deliver", "basic.get-ok"}));
}

TEST(MethodCodec, reads_back_every_method) {
  for_each_method([]<class M>(MethodType<M>) {
    for (const bool first_bit : {true, false}) {
      const M method = sample_method<M>(first_bit);
      expect_decodes_to(method, payload_of(method));
    }
    expect_decodes_to(M(), payload_of(M()));
  });
}

TEST(MethodCodec, refuses_every_method_that_is_cut_off) {
  for_each_method([]<class M>(MethodType<M>) {
    const std::string payload = payload_of(sample_method<M>());
    for (std::size_t size = 0; size < payload.size(); ++size) {
      expect_refused(std::string_view(payload).substr(0, size), ReplyCode::kFrameError);
    }
  });
}

TEST(MethodCodec, refuses_every_method_with_bytes_left_over) {
  for_each_method(
      []<class M>(MethodType<M>) { expect_refused(payload_of(sample_method<M>()) + '\0', ReplyCode::kFrameError); });
}

TEST(MethodCodec, refuses_methods_that_do_not_exist) {
  expect_refused(bytes_of("0000 0000"), ReplyCode::kNotImplemented);
  expect_refused(bytes_of("003c 0001"), ReplyCode::kNotImplemented);
  expect_refused(bytes_of("0028 0029"), ReplyCode::kNotImplemented);  // exchange.unbind-ok is 51, not 41
  expect_refused(bytes_of("ffff ffff 0000"), ReplyCode::kNotImplemented);
}

TEST(MethodCodec, refuses_malformed_tables) {
  const std::string front = bytes_of("0032 000a 0000 01 71 00");  // queue.declare of q
  expect_refused(front + bytes_of("00000003 01 6b 00"), ReplyCode::kFrameError);
  FieldTable deep;
  for (std::size_t i = 0; i < kMaxTableDepth; ++i) {
    FieldTable outer;
    outer.set("k", {std::move(deep)});
    deep = std::move(outer);
  }
  expect_refused(payload_of(QueueDeclare{.arguments = deep}), ReplyCode::kFrameError);
}

TEST(MethodCodec, reads_strings_where_they_lie) {
  const std::string payload = payload_of(BasicPublish{.exchange = "orders", .routing_key = "a.b"});
  ASSERT_TRUE(visit_method(payload, [&]<class M>(const M& method) {
                if constexpr (std::is_same_v<M, BasicPublish>) {
                  EXPECT_EQ(method.exchange.data(), payload.data() + 7);
                  EXPECT_EQ(method.routing_key, "a.b");
                }
              }).ok());
}

TEST(MethodCodec, returns_what_the_visitor_refuses) {
  const ProtocolError refused{ReplyCode::kCommandInvalid, "not now"};
  const auto result =
      visit_method(payload_of(TxSelect{}), [&](const auto&) -> Result<void, ProtocolError> { return refused; });
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), refused);
}

TEST(MethodCodec, lets_the_visitor_take_a_table_away) {
  FieldTable taken;
  ASSERT_TRUE(visit_method(payload_of(sample_method<QueueDeclare>()), [&]<class M>(M&& method) {
                if constexpr (std::is_same_v<M, QueueDeclare>) taken = std::move(method.arguments);
              }).ok());
  EXPECT_EQ(taken, sample_table());
}

/// Nine bits: more than one octet holds. No method has them, the rule does.
struct NineBits {
  static constexpr MethodId kId{1, 2};
  bool a = false, b = false, c = false, d = false, e = false, f = false, g = false, h = false, i = false;
  std::uint8_t octet = 0;
  bool last = false;
  static constexpr auto fields() {
    using M = NineBits;
    return std::tuple(Field{"a", &M::a}, Field{"b", &M::b}, Field{"c", &M::c}, Field{"d", &M::d}, Field{"e", &M::e},
                      Field{"f", &M::f}, Field{"g", &M::g}, Field{"h", &M::h}, Field{"i", &M::i},
                      Field{"octet", &M::octet}, Field{"last", &M::last});
  }
  bool operator==(const NineBits&) const = default;
};

TEST(MethodCodec, packs_consecutive_bits_into_octets_from_the_lowest_up) {
  const NineBits method{.b = true, .h = true, .i = true, .octet = 0x55, .last = true};
  EXPECT_EQ(hex(payload_of(method)), golden("0001 0002 82 01 55 01"));
  const std::string fields = bytes_of("82 01 55 01");
  ByteReader in(fields);
  NineBits back;
  detail::FieldDecoder decoder(in);
  for_each_field(back, decoder);
  EXPECT_TRUE(in.done());
  EXPECT_EQ(back, method);
}

TEST(MethodCodec, ignores_bits_that_no_field_has) {
  expect_decodes_to(BasicNack{.delivery_tag = 1, .multiple = true}, bytes_of("003c 0078 0000000000000001 fd"));
}

TEST(MethodCodec, takes_short_strings_of_255_bytes) {
  const std::string name(255, 'q');
  expect_decodes_to(QueuePurge{.queue = name}, payload_of(QueuePurge{.queue = name}));
}

TEST(MethodCodecDeathTest, stops_the_process_on_short_strings_that_are_longer) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string name(256, 'q');
  EXPECT_DEATH(payload_of(QueuePurge{.queue = name}), "a string fits the length in front of it");
}

}  // namespace
}  // namespace escrow::broker::amqp
