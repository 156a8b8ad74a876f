// Random field tables for property tests.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/field_table.h"

namespace escrow {

FieldTable any_table(int depth);

/// Without NaN, which does not equal itself.
inline FieldValue any_value(int depth) {
  const auto finite = [] {
    return rc::gen::map(rc::gen::arbitrary<std::int32_t>(), [](std::int32_t v) { return static_cast<double>(v) / 8; });
  };
  switch (*rc::gen::inRange(0, depth > 0 ? 17 : 15)) {
    case 0:
      return {*rc::gen::arbitrary<bool>()};
    case 1:
      return {*rc::gen::arbitrary<std::int8_t>()};
    case 2:
      return {*rc::gen::arbitrary<std::uint8_t>()};
    case 3:
      return {*rc::gen::arbitrary<std::int16_t>()};
    case 4:
      return {*rc::gen::arbitrary<std::uint16_t>()};
    case 5:
      return {*rc::gen::arbitrary<std::int32_t>()};
    case 6:
      return {*rc::gen::arbitrary<std::uint32_t>()};
    case 7:
      return {*rc::gen::arbitrary<std::int64_t>()};
    case 8:
      return {static_cast<float>(*finite())};
    case 9:
      return {*finite()};
    case 10:
      return {FieldDecimal{*rc::gen::arbitrary<std::uint8_t>(), *rc::gen::arbitrary<std::int32_t>()}};
    case 11:
      return {*rc::gen::arbitrary<std::string>()};
    case 12:
      return {FieldBytes{*rc::gen::arbitrary<std::string>()}};
    case 13:
      return {FieldTimestamp{*rc::gen::arbitrary<std::uint64_t>()}};
    case 14:
      return {FieldVoid{}};
    case 15:
      return {any_table(depth - 1)};
    default: {
      FieldArray items;
      const int count = *rc::gen::inRange(0, 4);
      for (int i = 0; i < count; ++i) items.push_back(any_value(depth - 1));
      return {std::move(items)};
    }
  }
}

inline FieldTable any_table(int depth) {
  FieldTable table;
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) {
    auto name = *rc::gen::arbitrary<std::string>();
    table.append_unchecked(name.substr(0, kMaxShortString), any_value(depth));
  }
  return table;
}

}  // namespace escrow
