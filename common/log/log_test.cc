#include "common/log/log.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "common/context/context.h"

namespace playmesh::log {
namespace {

// What `body` writes to standard error.
std::string Captured(const std::function<void()>& body) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::tmpfile(), &std::fclose);
  const int standard_error = dup(STDERR_FILENO);
  dup2(fileno(file.get()), STDERR_FILENO);
  body();
  dup2(standard_error, STDERR_FILENO);
  close(standard_error);
  std::fseek(file.get(), 0, SEEK_SET);
  std::string text(64 * 1024, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

// Puts the settings of tests back.
struct Json {
  explicit Json(Level level) { Configure("catalog", Format::kJson, level); }
  ~Json() { Configure("test", Format::kText, Level::kError); }
};

}  // namespace

TEST_CASE("A line is one JSON object with its fields and those of the request") {
  const Json json(Level::kInfo);
  Context context;
  context.request_id = "abc";
  const ScopedContext scope(context);
  const std::string text = Captured([] {
    Info("order completed", {{"order_id", "7"}, {"items", 3}, {"took", absl::Milliseconds(2)}});
  });
  REQUIRE(text.find('\n') == text.size() - 1);
  const auto line = nlohmann::json::parse(text);
  CHECK(line["service"] == "catalog");
  CHECK(line["level"] == "info");
  CHECK(line["message"] == "order completed");
  CHECK(line["order_id"] == "7");
  CHECK(line["items"] == 3);
  CHECK(line["took"] == 2.0);
  CHECK(line["request_id"] == "abc");
}

TEST_CASE("Text that would forge a line, or is not UTF-8, stays inside of its field") {
  const Json json(Level::kInfo);
  const std::string text =
      Captured([] { Warning("odd", {{"value", "a\n{\"level\":\"error\"}\xff"}}); });
  REQUIRE(text.find('\n') == text.size() - 1);
  CHECK(nlohmann::json::parse(text)["level"] == "warning");
}

TEST_CASE("Lines below the level are not written") {
  const Json json(Level::kWarning);
  CHECK(Captured([] { Info("quiet"); }).empty());
  CHECK_FALSE(Captured([] { Error("loud"); }).empty());
}

}  // namespace playmesh::log
