#include "common/rpc/validate.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <re2/re2.h>

#include <map>
#include <mutex>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/currency.h"
#include "common/base/random.h"
#include "common/base/utf8.h"
#include "common/status/status.h"
#include "playmesh/options/v1/options.pb.h"

namespace playmesh::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using options::v1::FieldRules;

constexpr uint32_t kDefaultMaxCharacters = 1024;
constexpr uint32_t kDefaultMaxBytes = 64 * 1024;
constexpr uint32_t kDefaultMaxItems = 100;
constexpr uint32_t kMaxUrlCharacters = 2048;
constexpr uint32_t kMaxEmailCharacters = 254;
// More would only make the answer large.
constexpr int kMaxViolations = 50;

// Patterns come from the contracts, so there are few.
const RE2& Pattern(const std::string& pattern) {
  static std::mutex mutex;
  static auto* compiled = new std::map<std::string, std::unique_ptr<RE2>>();
  std::lock_guard lock(mutex);
  auto& entry = (*compiled)[pattern];
  if (entry == nullptr) entry = std::make_unique<RE2>(pattern);
  return *entry;
}

class Checker {
 public:
  void CheckMessage(const Message& message, const std::string& prefix) {
    const auto* type = message.GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) CheckField(message, *type->field(i), prefix);
  }

  absl::Status status() const {
    return violations_.field_violations().empty() ? absl::OkStatus() : InvalidFields(violations_);
  }

 private:
  void Add(const std::string& path, absl::string_view description) {
    if (violations_.field_violations_size() >= kMaxViolations) return;
    auto* violation = violations_.add_field_violations();
    violation->set_field(path);
    violation->set_description(std::string(description));
  }

  void CheckField(const Message& message, const FieldDescriptor& field, const std::string& prefix) {
    const FieldRules& rules = field.options().GetExtension(options::v1::field);
    const std::string path =
        prefix.empty() ? field.name() : absl::StrCat(prefix, ".", field.name());
    const auto& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      CheckRepeated(message, field, rules, path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (reflection.HasField(message, &field)) {
        CheckMessage(reflection.GetMessage(message, &field), path);
      } else if (rules.required()) {
        Add(path, "is required");
      }
    } else if (rules.required() && !reflection.HasField(message, &field)) {
      Add(path, "is required");
    } else {
      CheckScalar(message, field, rules, path, -1);
    }
  }

  void CheckRepeated(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                     const std::string& path) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const uint32_t max_items = rules.max_items() != 0 ? rules.max_items() : kDefaultMaxItems;
    if (rules.required() && size == 0) Add(path, "is required");
    if (static_cast<uint32_t>(size) > max_items) {
      Add(path, absl::StrCat("has ", size, " elements; ", max_items, " at most"));
      return;
    }
    std::set<std::string> seen;
    for (int i = 0; i < size; ++i) {
      const std::string element = absl::StrCat(path, "[", i, "]");
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        CheckMessage(reflection.GetRepeatedMessage(message, &field, i), element);
        continue;
      }
      CheckScalar(message, field, rules, element, i);
      if (rules.unique() && !seen.insert(KeyOf(message, field, i)).second)
        Add(element, "is there twice");
    }
  }

  static std::string KeyOf(const Message& message, const FieldDescriptor& field, int index) {
    const auto& reflection = *message.GetReflection();
    return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM
               ? absl::StrCat(reflection.GetRepeatedEnumValue(message, &field, index))
               : reflection.GetRepeatedString(message, &field, index);
  }

  // `index` is -1 for a field that is not repeated.
  void CheckScalar(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                   const std::string& path, int index) {
    const auto& r = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text =
            index < 0 ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
        field.type() == FieldDescriptor::TYPE_BYTES ? CheckBytes(text, rules, path)
                                                    : CheckText(text, rules, path);
        if (rules.required() && text.empty() && index >= 0) Add(path, "is empty");
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int number = index < 0 ? r.GetEnumValue(message, &field)
                                     : r.GetRepeatedEnumValue(message, &field, index);
        if (field.enum_type()->FindValueByNumber(number) == nullptr ||
            (index >= 0 && number == 0)) {
          Add(path, absl::StrCat("is no ", field.enum_type()->name()));
        }
        return;
      }
      case FieldDescriptor::CPPTYPE_INT64:
        return CheckNumber(
            index < 0 ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index),
            rules, path);
      case FieldDescriptor::CPPTYPE_INT32:
        return CheckNumber(
            index < 0 ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index),
            rules, path);
      default:
        return;
    }
  }

  void CheckNumber(int64_t number, const FieldRules& rules, const std::string& path) {
    if (rules.has_min() && number < rules.min())
      Add(path, absl::StrCat("is less than ", rules.min()));
    if (rules.has_max() && number > rules.max())
      Add(path, absl::StrCat("is more than ", rules.max()));
  }

  void CheckBytes(const std::string& bytes, const FieldRules& rules, const std::string& path) {
    const uint32_t max = rules.max_length() != 0 ? rules.max_length() : kDefaultMaxBytes;
    if (bytes.size() > max)
      Add(path, absl::StrCat("has ", bytes.size(), " bytes; ", max, " at most"));
  }

  void CheckText(const std::string& text, const FieldRules& rules, const std::string& path) {
    if (text.empty()) return;
    const uint32_t characters = static_cast<uint32_t>(CountCodePoints(text));
    uint32_t max = kDefaultMaxCharacters;
    if (rules.email()) max = kMaxEmailCharacters;
    if (rules.url()) max = kMaxUrlCharacters;
    if (rules.max_length() != 0) max = rules.max_length();
    if (characters > max)
      return Add(path, absl::StrCat("has ", characters, " characters; ", max, " at most"));
    if (characters < rules.min_length()) {
      return Add(
          path, absl::StrCat("has ", characters, " characters; ", rules.min_length(), " at least"));
    }
    if (absl::StrContains(text, '\0')) return Add(path, "holds a NUL byte");
    CheckForm(text, rules, path);
  }

  void CheckForm(const std::string& text, const FieldRules& rules, const std::string& path) {
    if (rules.uuid() && !IsUuid(text)) Add(path, "is not a UUID");
    if (rules.currency() && !IsCurrency(text)) Add(path, "is not a currency that is traded here");
    if (rules.email() &&
        !RE2::FullMatch(text,
                        R"([^\s@,;<>"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)")) {
      Add(path, "is not an e-mail address");
    }
    if (rules.url() && !RE2::FullMatch(text, R"(https?://[^\s/?#]+[^\s\x00-\x1f\x7f]*)")) {
      Add(path, "is not an http or https address");
    }
    if (!rules.pattern().empty() && !RE2::FullMatch(text, Pattern(rules.pattern()))) {
      Add(path, absl::StrCat("does not match ", rules.pattern()));
    }
  }

  google::rpc::BadRequest violations_;
};

// Looks through bytes that do not parse for strings that are not UTF-8.
void FindBadText(const google::protobuf::UnknownFieldSet& fields,
                 const google::protobuf::Descriptor& type, const std::string& prefix,
                 google::rpc::BadRequest& violations) {
  absl::flat_hash_map<int, int> seen;  // elements of repeated fields, by field number
  for (int i = 0; i < fields.field_count(); ++i) {
    if (violations.field_violations_size() >= kMaxViolations) return;
    const auto& field = fields.field(i);
    const FieldDescriptor* descriptor = type.FindFieldByNumber(field.number());
    if (descriptor == nullptr ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    std::string path =
        prefix.empty() ? descriptor->name() : absl::StrCat(prefix, ".", descriptor->name());
    if (descriptor->is_repeated()) absl::StrAppend(&path, "[", seen[field.number()]++, "]");
    if (descriptor->type() == FieldDescriptor::TYPE_STRING && !IsUtf8(field.length_delimited())) {
      auto* violation = violations.add_field_violations();
      violation->set_field(path);
      violation->set_description("is not UTF-8");
    } else if (descriptor->type() == FieldDescriptor::TYPE_MESSAGE) {
      google::protobuf::UnknownFieldSet nested;
      if (nested.ParseFromString(field.length_delimited())) {
        FindBadText(nested, *descriptor->message_type(), path, violations);
      }
    }
  }
}

}  // namespace

absl::Status Validate(const Message& message) {
  Checker checker;
  checker.CheckMessage(message, "");
  return checker.status();
}

absl::Status Parse(absl::string_view bytes, Message& message) {
  if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  google::protobuf::UnknownFieldSet fields;
  google::rpc::BadRequest violations;
  if (fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    FindBadText(fields, *message.GetDescriptor(), "", violations);
  }
  if (violations.field_violations().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is no ", message.GetDescriptor()->name()));
  }
  return InvalidFields(violations);
}

}  // namespace playmesh::rpc
