#include "common/db/rows.h"

#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <libpq-fe.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/clock.h"
#include "common/db/enum_names.h"
#include "common/status/status.h"

namespace playmesh::db {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Type oids from PostgreSQL's pg_type.dat, which are fixed.
constexpr Oid kJson = 114;
constexpr Oid kJsonb = 3802;

absl::Time ParseTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  // Sessions run in UTC, so the offset is always +00.
  absl::ParseTime("%Y-%m-%d %H:%M:%E*S%E*z", std::string(text) + ":00", absl::UTCTimeZone(), &time,
                  &error);
  return time;
}

std::string ParseBytes(absl::string_view text) {
  return absl::StartsWith(text, "\\x") ? absl::HexStringToBytes(text.substr(2)) : std::string(text);
}

// The elements of a one-dimensional array literal such as {a,"b c",NULL}.
std::vector<std::string> ParseArray(absl::string_view literal) {
  std::vector<std::string> elements;
  std::string element;
  bool quoted = false;
  for (size_t i = 1; i + 1 < literal.size(); ++i) {
    const char c = literal[i];
    if (c == '\\') {
      element += literal[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      elements.push_back(std::move(element));
      element.clear();
    } else {
      element += c;
    }
  }
  if (literal.size() > 2) elements.push_back(std::move(element));
  return elements;
}

int EnumNumber(const FieldDescriptor* field, absl::string_view text) {
  const auto* type = field->enum_type();
  const auto* value =
      type->FindValueByName(absl::StrCat(EnumPrefix(type), absl::AsciiStrToUpper(text)));
  return value == nullptr ? 0 : value->number();
}

absl::Status ReadJson(const FieldDescriptor* field, absl::string_view text, Message& message) {
  std::unique_ptr<Message> parsed(message.New());
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  auto status = google::protobuf::util::JsonStringToMessage(
      absl::StrCat("{\"", field->name(), "\":", text, "}"), parsed.get(), options);
  if (!status.ok())
    return absl::InternalError(absl::StrCat("json for ", field->full_name(), " does not parse"));
  message.MergeFrom(*parsed);
  return absl::OkStatus();
}

absl::Status ReadRepeated(const FieldDescriptor* field, absl::string_view text, Message& message) {
  const auto* reflection = message.GetReflection();
  for (std::string& element : ParseArray(text)) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      reflection->AddEnumValue(&message, field, EnumNumber(field, element));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection->AddString(&message, field, std::move(element));
    } else {
      return absl::InternalError(absl::StrCat("array for ", field->full_name()));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadSingle(const FieldDescriptor* field, absl::string_view text, Message& message) {
  const auto* reflection = message.GetReflection();
  int64_t number = 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      reflection->SetString(
          &message, field,
          field->type() == FieldDescriptor::TYPE_BYTES ? ParseBytes(text) : std::string(text));
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection->SetEnumValue(&message, field, EnumNumber(field, text));
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection->SetBool(&message, field, text == "t");
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field->message_type() == google::protobuf::Timestamp::descriptor()) {
        reflection->MutableMessage(&message, field)->CopyFrom(ToTimestamp(ParseTime(text)));
        return absl::OkStatus();
      }
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      if (!absl::SimpleAtoi(text, &number)) break;
      reflection->SetInt64(&message, field, number);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_INT32:
      if (!absl::SimpleAtoi(text, &number)) break;
      reflection->SetInt32(&message, field, static_cast<int32_t>(number));
      return absl::OkStatus();
    default:
      break;
  }
  return absl::InternalError(absl::StrCat("column for ", field->full_name(), " has another type"));
}

}  // namespace

int Rows::size() const { return PQntuples(static_cast<const PGresult*>(result_)); }
int Rows::columns() const { return PQnfields(static_cast<const PGresult*>(result_)); }
bool Rows::IsNull(int row, int column) const {
  return PQgetisnull(static_cast<const PGresult*>(result_), row, column) != 0;
}
absl::string_view Rows::Text(int row, int column) const {
  const auto* result = static_cast<const PGresult*>(result_);
  return {PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column))};
}

absl::Status Rows::Read(int row, Message& message) const {
  const auto* result = static_cast<const PGresult*>(result_);
  for (int column = 0; column < columns(); ++column) {
    if (IsNull(row, column)) continue;
    Message* target = &message;
    const FieldDescriptor* field = nullptr;
    for (absl::string_view name : absl::StrSplit(PQfname(result, column), '.')) {
      if (field != nullptr) target = target->GetReflection()->MutableMessage(target, field);
      field = target->GetDescriptor()->FindFieldByName(std::string(name));
      if (field == nullptr) {
        return absl::InternalError(absl::StrCat("column ", PQfname(result, column),
                                                " has no field in ", message.GetTypeName()));
      }
    }
    const Oid type = PQftype(result, column);
    if (type == kJson || type == kJsonb) {
      RETURN_IF_ERROR(ReadJson(field, Text(row, column), *target));
    } else if (field->is_repeated()) {
      RETURN_IF_ERROR(ReadRepeated(field, Text(row, column), *target));
    } else {
      RETURN_IF_ERROR(ReadSingle(field, Text(row, column), *target));
    }
  }
  return absl::OkStatus();
}

template <>
std::string ReadCell<std::string>(const Rows& rows, int row, int column) {
  return std::string(rows.Text(row, column));
}
template <>
int64_t ReadCell<int64_t>(const Rows& rows, int row, int column) {
  int64_t number = 0;
  [[maybe_unused]] const bool null_reads_as_zero =
      absl::SimpleAtoi(rows.Text(row, column), &number);
  return number;
}
template <>
int32_t ReadCell<int32_t>(const Rows& rows, int row, int column) {
  return static_cast<int32_t>(ReadCell<int64_t>(rows, row, column));
}
template <>
bool ReadCell<bool>(const Rows& rows, int row, int column) {
  return rows.Text(row, column) == "t";
}
template <>
absl::Time ReadCell<absl::Time>(const Rows& rows, int row, int column) {
  return ParseTime(rows.Text(row, column));
}
template <>
std::vector<std::string> ReadCell<std::vector<std::string>>(const Rows& rows, int row, int column) {
  return ParseArray(rows.Text(row, column));
}
template <>
Blob ReadCell<Blob>(const Rows& rows, int row, int column) {
  return {ParseBytes(rows.Text(row, column))};
}

}  // namespace playmesh::db
