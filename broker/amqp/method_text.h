// Methods as text, for logs and traces: `queue.declare{queue=q durable=1 arguments={x-max-length=10}}`.
//
// Fields with their default are left out, secrets are not shown, texts are cut at kMaxPrintedText bytes, and whatever is no
// printable ASCII becomes \xNN, so that a client cannot forge lines of a log.
#pragma once

#include <string>
#include <string_view>

#include "broker/amqp/method_field.h"

namespace escrow::broker::amqp {

inline constexpr std::size_t kMaxPrintedText = 256;

namespace detail {
void print(std::uint64_t v, std::string& out);
void print(std::string_view v, std::string& out);
void print(const Secret& v, std::string& out);
void print(const FieldTable& v, std::string& out);
}  // namespace detail

template <class M>
std::string to_string(const M& method) {
  std::string out(M::kName);
  out += '{';
  const std::size_t start = out.size();
  const M defaults;
  const auto print_field = [&]<class T>(const Field<M, T>& field) {
    const T& value = method.*field.member;
    if (value == defaults.*field.member) return;
    if (out.size() > start) out += ' ';
    out.append(field.name) += '=';
    detail::print(value, out);
  };
  std::apply([&](const auto&... field) { (print_field(field), ...); }, M::fields());
  return out += '}';
}

}  // namespace escrow::broker::amqp
