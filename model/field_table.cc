#include "model/field_table.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

namespace escrow {

FieldTable::FieldTable() = default;
FieldTable::~FieldTable() = default;
FieldTable::FieldTable(const FieldTable&) = default;
FieldTable& FieldTable::operator=(const FieldTable&) = default;
FieldTable::FieldTable(FieldTable&&) noexcept = default;
FieldTable& FieldTable::operator=(FieldTable&&) noexcept = default;

bool FieldTable::empty() const { return fields_.empty(); }
std::size_t FieldTable::size() const { return fields_.size(); }

const FieldValue* FieldTable::find(std::string_view name) const {
  const auto it = std::ranges::find(fields_, name, &Field::name);
  return it == fields_.end() ? nullptr : &it->value;
}

void FieldTable::set(std::string name, FieldValue value) {
  const auto it = std::ranges::find(fields_, name, &Field::name);
  if (it != fields_.end()) {
    it->value = std::move(value);
  } else {
    fields_.push_back({std::move(name), std::move(value)});
  }
}

void FieldTable::append_unchecked(std::string name, FieldValue value) {
  fields_.push_back({std::move(name), std::move(value)});
}

bool FieldTable::erase(std::string_view name) {
  return std::erase_if(fields_, [&](const Field& field) { return field.name == name; }) > 0;
}

std::vector<FieldTable::Field>::const_iterator FieldTable::begin() const { return fields_.begin(); }
std::vector<FieldTable::Field>::const_iterator FieldTable::end() const { return fields_.end(); }
bool FieldTable::operator==(const FieldTable& other) const { return fields_ == other.fields_; }

bool FieldValue::is_integer() const {
  return std::visit(
      [](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        return std::is_integral_v<T> && !std::is_same_v<T, bool>;
      },
      kind);
}

std::int64_t FieldValue::as_integer() const {
  return std::visit(
      [](const auto& v) -> std::int64_t {
        if constexpr (std::is_integral_v<std::decay_t<decltype(v)>>) return static_cast<std::int64_t>(v);
        return 0;
      },
      kind);
}

namespace {

/// Reserves the length in front and fills it in when the content is written.
class LengthPrefix {
 public:
  explicit LengthPrefix(std::string& out) : out_(out), at_(out.size()) { out_.append(4, '\0'); }
  ~LengthPrefix() {
    const auto size = detail::byte_swap(static_cast<std::uint32_t>(out_.size() - at_ - 4));
    std::memcpy(out_.data() + at_, &size, sizeof size);
  }
  LengthPrefix(const LengthPrefix&) = delete;
  LengthPrefix& operator=(const LengthPrefix&) = delete;

 private:
  std::string& out_;
  std::size_t at_;
};

void encode_value(const FieldValue& value, std::string& out);

struct ValueEncoder {
  std::string& out;

  ByteWriter type(char c) const { return ByteWriter(out).u8(static_cast<std::uint8_t>(c)); }
  void operator()(FieldVoid) const { type('V'); }
  void operator()(bool v) const { type('t').u8(v ? 1 : 0); }
  void operator()(std::int8_t v) const { type('b').u8(static_cast<std::uint8_t>(v)); }
  void operator()(std::uint8_t v) const { type('B').u8(v); }
  void operator()(std::int16_t v) const { type('s').u16_be(static_cast<std::uint16_t>(v)); }
  void operator()(std::uint16_t v) const { type('u').u16_be(v); }
  void operator()(std::int32_t v) const { type('I').u32_be(static_cast<std::uint32_t>(v)); }
  void operator()(std::uint32_t v) const { type('i').u32_be(v); }
  void operator()(std::int64_t v) const { type('l').u64_be(static_cast<std::uint64_t>(v)); }
  void operator()(float v) const { type('f').u32_be(std::bit_cast<std::uint32_t>(v)); }
  void operator()(double v) const { type('d').u64_be(std::bit_cast<std::uint64_t>(v)); }
  void operator()(FieldDecimal v) const { type('D').u8(v.scale).u32_be(static_cast<std::uint32_t>(v.unscaled)); }
  void operator()(const std::string& v) const { type('S').u32_be(static_cast<std::uint32_t>(v.size())).bytes(v); }
  void operator()(const FieldBytes& v) const {
    type('x').u32_be(static_cast<std::uint32_t>(v.bytes.size())).bytes(v.bytes);
  }
  void operator()(FieldTimestamp v) const { type('T').u64_be(v.seconds); }
  void operator()(const FieldArray& v) const {
    type('A');
    const LengthPrefix length(out);
    for (const FieldValue& item : v) encode_value(item, out);
  }
  void operator()(const FieldTable& v) const {
    type('F');
    encode_table(v, out);
  }
};

void encode_value(const FieldValue& value, std::string& out) { std::visit(ValueEncoder{out}, value.kind); }

/// Recursive descent with a budget of depth and entries; fails by remembering the reason. What it reads it stores where it
/// is told to, or nowhere: building a table, checking one and looking for a field are one reading.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  void table(std::size_t depth, FieldTable* result) {
    each_entry(depth, [&] {
      const std::string_view name = in_.bytes(in_.u8());
      if (result == nullptr) return value(depth, nullptr), true;
      FieldValue v;
      value(depth, &v);
      result->append_unchecked(std::string(name), std::move(v));
      return true;
    });
  }

  std::optional<FieldValue> find(std::string_view name) {
    std::optional<FieldValue> result;
    each_entry(1, [&] {
      const bool found = in_.bytes(in_.u8()) == name;
      value(1, found ? &result.emplace() : nullptr);
      return !found;
    });
    if (!ok()) result.reset();
    return result;
  }

  bool ok() const { return reason_ == nullptr; }
  Error error() const { return {ErrorCode::kInvalidArgument, reason_, message_, {}}; }
  std::string_view rest() const { return in_.rest(); }

 private:
  /// Reads the length of a table or an array, then calls `read`, which returns whether to go on, before each of its entries.
  template <class Read>
  void each_entry(std::size_t depth, Read&& read) {
    if (depth > kMaxTableDepth) return fail("LIMIT_EXCEEDED", "tables are nested too deeply");
    const std::string_view bytes = in_.bytes(in_.u32_be());
    if (!in_.ok()) return fail("MALFORMED", "a table or an array is longer than what holds it");
    ByteReader body(bytes);
    for (bool more = true; more && ok() && !body.rest().empty();) {
      if (++entries_ > kMaxTableEntries) return fail("LIMIT_EXCEEDED", "a table has too many entries");
      std::swap(in_, body);
      more = read();
      std::swap(in_, body);
      if (!body.ok()) fail("MALFORMED", "a table or an array ends inside an entry");
    }
  }

  void array(std::size_t depth, FieldArray* result) {
    each_entry(depth, [&] {
      value(depth, result == nullptr ? nullptr : &result->emplace_back());
      return true;
    });
  }

  template <class T>
  static void store(FieldValue* out, T v) {
    if (out != nullptr) out->kind = v;
  }

  void value(std::size_t depth, FieldValue* out) {
    switch (in_.u8()) {
      case 't':
        return store(out, in_.u8() != 0);
      case 'b':
        return store(out, static_cast<std::int8_t>(in_.u8()));
      case 'B':
        return store(out, in_.u8());
      case 's':
        return store(out, static_cast<std::int16_t>(in_.u16_be()));
      case 'u':
        return store(out, in_.u16_be());
      case 'I':
        return store(out, static_cast<std::int32_t>(in_.u32_be()));
      case 'i':
        return store(out, in_.u32_be());
      case 'l':
      case 'L':
        return store(out, static_cast<std::int64_t>(in_.u64_be()));
      case 'f':
        return store(out, std::bit_cast<float>(in_.u32_be()));
      case 'd':
        return store(out, std::bit_cast<double>(in_.u64_be()));
      case 'D': {
        const std::uint8_t scale = in_.u8();
        return store(out, FieldDecimal{scale, static_cast<std::int32_t>(in_.u32_be())});
      }
      case 'S': {
        const std::string_view text = in_.bytes(in_.u32_be());
        if (out != nullptr) out->kind = std::string(text);
        return;
      }
      case 'x': {
        const std::string_view bytes = in_.bytes(in_.u32_be());
        if (out != nullptr) out->kind = FieldBytes{std::string(bytes)};
        return;
      }
      case 'T':
        return store(out, FieldTimestamp{in_.u64_be()});
      case 'A':
        return array(depth + 1, out == nullptr ? nullptr : &out->kind.emplace<FieldArray>());
      case 'F':
        return table(depth + 1, out == nullptr ? nullptr : &out->kind.emplace<FieldTable>());
      case 'V':
        return store(out, FieldVoid{});
      default:
        return fail("MALFORMED", "a field has an unknown type");
    }
  }

  void fail(const char* reason, const char* message) {
    if (reason_ == nullptr) reason_ = reason, message_ = message;
    in_.fail();
  }

  ByteReader in_;
  std::size_t entries_ = 0;
  const char* reason_ = nullptr;
  const char* message_ = nullptr;
};

}  // namespace

void encode_table(const FieldTable& table, std::string& out) {
  const LengthPrefix length(out);
  for (const auto& [name, value] : table) {
    ESCROW_INVARIANT(name.size() <= kMaxShortString, "field names are short strings");
    ByteWriter(out).u8(static_cast<std::uint8_t>(name.size())).bytes(name);
    encode_value(value, out);
  }
}

Result<FieldTable> decode_table(std::string_view& in) {
  Decoder decoder(in);
  FieldTable table;
  decoder.table(1, &table);
  if (!decoder.ok()) return decoder.error();
  in = decoder.rest();
  return table;
}

Result<std::string_view> check_table(std::string_view& in) {
  Decoder decoder(in);
  decoder.table(1, nullptr);
  if (!decoder.ok()) return decoder.error();
  const std::string_view table = in.substr(0, in.size() - decoder.rest().size());
  in = decoder.rest();
  return table;
}

std::optional<FieldValue> find_in_table(std::string_view table, std::string_view name) {
  return Decoder(table).find(name);
}

}  // namespace escrow
