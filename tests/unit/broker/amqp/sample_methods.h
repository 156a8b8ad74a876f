// A method of every type with a value in every field that differs from its default.
#pragma once

#include <concepts>
#include <string>

#include "broker/amqp/method.h"

namespace escrow::broker::amqp {

inline FieldTable sample_table() {
  FieldTable inner;
  inner.set("deep", {std::int64_t{-7}});
  FieldTable table;
  table.set("x-max-length", {std::int32_t{10}});
  table.set("inner", {std::move(inner)});
  table.set("list", {FieldArray{{std::string("a")}, {true}}});
  return table;
}

/// Values differ from field to field, so that two that are swapped are noticed. Bits alternate, beginning with `bit`.
struct SampleFiller {
  bool bit = true;
  std::uint64_t next = 1;

  void operator()(std::string_view, bool& v) {
    v = bit;
    bit = !bit;
  }
  template <std::unsigned_integral T>
  void operator()(std::string_view, T& v) {
    v = static_cast<T>(0x8182'8384'8586'8788u + next++);
  }
  template <class Length>
  void operator()(std::string_view name, Text<Length>& v) {
    v = name;
  }
  void operator()(std::string_view, FieldTable& v) { v = sample_table(); }
};

template <class M>
M sample_method(bool first_bit = true) {
  M method;
  for_each_field(method, SampleFiller{first_bit});
  return method;
}

/// Calls visit(MethodType<M>()) for all methods.
template <class Visitor>
void for_each_method(Visitor&& visit) {
  Methods::any([&](auto type) {
    visit(type);
    return false;
  });
}

}  // namespace escrow::broker::amqp
