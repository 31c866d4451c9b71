#include "common/rpc/pages.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "common/base/random.h"
#include "common/status/status.h"

namespace playmesh::rpc {
namespace {

constexpr int kDefaultPageSize = 20;
constexpr int kMaxPageSize = 100;
constexpr size_t kHashBytes = 9;
constexpr char kLastUuid[] = "ffffffff-ffff-ffff-ffff-ffffffffffff";

absl::Status NotOfThisList() {
  return InvalidField("page_token", "is not of this list: start again without it");
}

// A short hash of all that a request asks for beside its page.
std::string RequestHash(const google::protobuf::Message& request) {
  std::unique_ptr<google::protobuf::Message> rest(request.New());
  rest->CopyFrom(request);
  for (const char* name : {"page_size", "page_token"}) {
    rest->GetReflection()->ClearField(rest.get(), rest->GetDescriptor()->FindFieldByName(name));
  }
  return absl::WebSafeBase64Escape(Sha256(rest->SerializeAsString()).substr(0, kHashBytes));
}

}  // namespace

absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request) {
  const auto* type = request.GetDescriptor();
  const auto& reflection = *request.GetReflection();
  const int asked = reflection.GetInt32(request, type->FindFieldByName("page_size"));
  Page page{asked == 0 ? kDefaultPageSize : std::min(asked, kMaxPageSize), {}};
  const std::string token = reflection.GetString(request, type->FindFieldByName("page_token"));
  if (token.empty()) return page;

  std::string text;
  const bool decoded = absl::WebSafeBase64Unescape(token, &text);
  const auto json = nlohmann::json::parse(decoded ? text : "", nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || json.size() < 2) return NotOfThisList();
  for (const auto& part : json) {
    if (!part.is_string()) return NotOfThisList();
  }
  if (json[0].get<std::string>() != RequestHash(request)) return NotOfThisList();
  for (size_t i = 1; i < json.size(); ++i) page.after.push_back(json[i].get<std::string>());
  return page;
}

absl::StatusOr<Page> ReadNewestFirst(const google::protobuf::Message& request) {
  ASSIGN_OR_RETURN(Page page, ReadPage(request));
  if (page.first()) page.after = {kLastUuid};
  if (page.after.size() != 1 || !IsUuid(page.after[0])) return NotOfThisList();
  return page;
}

std::string PageToken(const google::protobuf::Message& request, const PageKey& key) {
  nlohmann::json json = {RequestHash(request)};
  for (const std::string& part : key) json.push_back(part);
  return absl::WebSafeBase64Escape(
      json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace playmesh::rpc
