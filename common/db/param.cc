#include "common/db/param.h"

#include <google/protobuf/descriptor.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/db/enum_names.h"

namespace playmesh::db {

std::string EnumPrefix(const google::protobuf::EnumDescriptor* type) {
  std::string prefix;
  for (char c : type->name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + '_';
}

std::string EnumText(const google::protobuf::EnumDescriptor* type, int number) {
  const auto* value = type->FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  return absl::AsciiStrToLower(absl::string_view(value->name()).substr(EnumPrefix(type).size()));
}

Param::Param(absl::Time time)
    : text_(absl::FormatTime("%Y-%m-%d %H:%M:%E6S+00", time, absl::UTCTimeZone())) {}

Param::Param(const google::protobuf::Timestamp& timestamp) : Param(FromTimestamp(timestamp)) {}

Param::Param(Bytes bytes) : text_(absl::StrCat("\\x", absl::BytesToHexString(bytes.data))) {}

void Param::AppendElement(std::string& literal, const Param& element) {
  if (literal.size() > 1) literal += ',';
  if (element.null_) {
    literal += "NULL";
    return;
  }
  literal += '"';
  for (char c : element.text_) {
    if (c == '"' || c == '\\') literal += '\\';
    literal += c;
  }
  literal += '"';
}

}  // namespace playmesh::db
