// Values that go into SQL, always as parameters.
#pragma once

#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh::db {

// Raw bytes for a `bytea` parameter; a plain string is `text` and may not hold NUL bytes.
struct Bytes {
  absl::string_view data;
};

// The text by which an enum value is known in SQL: GAME_STATE_PUBLISHED of GameState is
// "published".
std::string EnumText(const google::protobuf::EnumDescriptor* type, int number);

// One parameter, in PostgreSQL's text format. Made implicitly from strings, whole numbers, bool,
// absl::Time, Timestamp, Bytes, proto enums, optionals of these (NULL when empty), and vectors or
// repeated fields of strings, integers and enums (arrays).
class Param {
 public:
  Param(std::nullopt_t) : null_(true) {}
  Param(absl::string_view text) : text_(text) {}
  Param(const std::string& text) : text_(text) {}
  Param(const char* text) : text_(text) {}
  Param(bool value) : text_(value ? "t" : "f") {}
  Param(absl::Time time);
  Param(const google::protobuf::Timestamp& timestamp);
  Param(Bytes bytes);
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Param(T value) : text_(std::to_string(value)) {}
  template <typename E>
    requires google::protobuf::is_proto_enum<E>::value
  Param(E value) : text_(EnumText(google::protobuf::GetEnumDescriptor<E>(), value)) {}
  template <typename T>
  Param(const std::optional<T>& value) : Param(value ? Param(*value) : Param(std::nullopt)) {}
  template <typename T>
  Param(const std::vector<T>& values) : text_(Array(values)) {}
  Param(const google::protobuf::RepeatedPtrField<std::string>& values) : text_(Array(values)) {}
  template <typename T>
  Param(const google::protobuf::RepeatedField<T>& values) : text_(Array(values)) {}

  bool is_null() const { return null_; }
  const std::string& text() const { return text_; }

  // A text[] of the SQL names of a repeated enum field: pass the enum's type, since the field only
  // knows numbers.
  template <typename E>
  static Param EnumArray(const google::protobuf::RepeatedField<int>& values) {
    std::vector<E> typed;
    for (int value : values) typed.push_back(static_cast<E>(value));
    return Param(typed);
  }

 private:
  template <typename Range>
  static std::string Array(const Range& values) {
    std::string literal = "{";
    for (const auto& value : values) AppendElement(literal, Param(value));
    literal += '}';
    return literal;
  }
  static void AppendElement(std::string& literal, const Param& element);

  std::string text_;
  bool null_ = false;
};

// NULL when empty: for optional text, since '' and NULL are not two ways of saying the same thing
// in our tables.
inline Param NullIfEmpty(absl::string_view text) {
  return text.empty() ? Param(std::nullopt) : Param(text);
}

}  // namespace playmesh::db
