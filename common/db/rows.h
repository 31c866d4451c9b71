// The result of a query, read into Protobuf messages, tuples or single values.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace playmesh::db {

// All rows of a result, in PostgreSQL's text format. Owns them; lives as long as it likes.
class Rows {
 public:
  // `result` is a PGresult, whose cells stay valid as long as `owner` does.
  Rows(const void* result, std::shared_ptr<const void> owner)
      : result_(result), owner_(std::move(owner)) {}

  int size() const;
  int columns() const;
  bool IsNull(int row, int column) const;
  absl::string_view Text(int row, int column) const;

  // Fills `message` from a row: each column goes to the field of its name, "price.units_minor" to a
  // field of a field. timestamptz → Timestamp, the lower-case name → enum, text[] → repeated string
  // or enum, bytea → bytes, json and jsonb → message or repeated message (ProtoJSON). NULL leaves
  // the field unset. INTERNAL when a column has no field.
  absl::Status Read(int row, google::protobuf::Message& message) const;

 private:
  const void* result_;
  std::shared_ptr<const void> owner_;
};

// One cell as a C++ value; an optional for what may be NULL. A NULL in another type reads as its
// zero value.
template <typename T>
T ReadCell(const Rows& rows, int row, int column);
template <>
std::string ReadCell<std::string>(const Rows& rows, int row, int column);
template <>
int64_t ReadCell<int64_t>(const Rows& rows, int row, int column);
template <>
int32_t ReadCell<int32_t>(const Rows& rows, int row, int column);
template <>
bool ReadCell<bool>(const Rows& rows, int row, int column);
template <>
absl::Time ReadCell<absl::Time>(const Rows& rows, int row, int column);
// A text[] column.
template <>
std::vector<std::string> ReadCell<std::vector<std::string>>(const Rows& rows, int row, int column);

// A bytea cell.
struct Blob {
  std::string data;
};
template <>
Blob ReadCell<Blob>(const Rows& rows, int row, int column);

template <typename T>
struct CellReader {
  static T Read(const Rows& rows, int row, int column) { return ReadCell<T>(rows, row, column); }
};
template <typename T>
struct CellReader<std::optional<T>> {
  static std::optional<T> Read(const Rows& rows, int row, int column) {
    if (rows.IsNull(row, column)) return std::nullopt;
    return ReadCell<T>(rows, row, column);
  }
};

// One row as T: a message by column names, a tuple by position, or the first column.
template <typename T>
struct RowReader {
  static absl::StatusOr<T> Read(const Rows& rows, int row) {
    if constexpr (std::is_base_of_v<google::protobuf::Message, T>) {
      T message;
      absl::Status status = rows.Read(row, message);
      if (!status.ok()) return status;
      return message;
    } else {
      return CellReader<T>::Read(rows, row, 0);
    }
  }
};
template <typename... Ts>
struct RowReader<std::tuple<Ts...>> {
  static absl::StatusOr<std::tuple<Ts...>> Read(const Rows& rows, int row) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return std::tuple<Ts...>{CellReader<Ts>::Read(rows, row, I)...};
    }(std::index_sequence_for<Ts...>());
  }
};

}  // namespace playmesh::db
