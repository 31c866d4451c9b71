#include "common/service/platform.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <pthread.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/testing/testing.h"

namespace playmesh {

std::span<const db::Migration> ServiceMigrations() {
  static const db::Migration things{1, "0001_create_things", "create table things (name text);"};
  return {&things, 1};
}

namespace {

using testing::Eventually;

// What a service finds around it: a database, a broker, keys, and a free port.
struct Surroundings {
  Surroundings() {
    kafka.CreateTopic("playmesh.testing.v1", 1);
    const auth::Key key = auth::Key::Generate("testing");
    Write("key", key.ToJwk(/*with_private=*/true));
    Write("keys", auth::KeySet({key}).ToPublicJson());
  }
  ~Surroundings() {
    for (const char* name : {"key", "keys"}) std::remove(Path(name).c_str());
    log::Configure("test", log::Format::kText, log::Level::kError);  // as before the run
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(std::filesystem::temp_directory_path().string(), "/playmesh-", getpid(),
                        "-", name);
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }

  // Runs "testing" with `flag`, and returns its exit code.
  int Run(const std::string& flag, const std::function<absl::Status(Platform&)>& setup) {
    config::Environment env({{"PLAYMESH_LISTEN", address},
                             {"PLAYMESH_METRICS_LISTEN", "127.0.0.1:0"},
                             {"PLAYMESH_DATABASE", database.conninfo()},
                             {"PLAYMESH_KAFKA", kafka.brokers()},
                             {"PLAYMESH_ISSUER", "https://playmesh.example"},
                             {"PLAYMESH_IDENTITY_ADDR", "127.0.0.1:1"},
                             {"PLAYMESH_SERVICE_KEY_FILE", Path("key")},
                             {"PLAYMESH_SERVICE_KEYS_FILE", Path("keys")},
                             {"PLAYMESH_LOG_LEVEL", "error"}});
    std::string program = "testing";
    std::string argument = flag;
    char* argv[] = {program.data(), argument.data(), nullptr};
    return RunService("testing", flag.empty() ? 1 : 2, argv, env, setup);
  }

  testing::TestDatabase database;
  testing::MockKafka kafka;
  std::string address = absl::StrCat("unix:", Path("socket"));
};

absl::Status Nothing(Platform&) { return absl::OkStatus(); }

}  // namespace

TEST_CASE("A service refuses a database that was not migrated, and takes it afterwards") {
  Surroundings around;
  CHECK(around.Run("", &Nothing) == 1);
  REQUIRE(around.Run("--migrate", &Nothing) == 0);
  CHECK(around.Run("--migrate", &Nothing) == 0);
  CHECK(around.database.Query<int64_t>("select count(*) from things").size() == 1);
}

TEST_CASE("A service serves until it is asked to stop, and finishes its tasks") {
  Surroundings around;
  REQUIRE(around.Run("--migrate", &Nothing) == 0);
  std::atomic<int> runs = 0;
  int exit_code = -1;
  std::thread service([&] {
    exit_code = around.Run("", [&](Platform& p) {
      p.Every("testing.Count", absl::Milliseconds(1), [&]() -> absl::Status {
        if (++runs == 1) throw std::runtime_error("the first one fails");
        return absl::OkStatus();
      });
      return absl::OkStatus();
    });
  });
  auto channel = grpc::CreateChannel(around.address, grpc::InsecureChannelCredentials());
  const bool connected =
      channel->WaitForConnected(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  const bool ran_again = Eventually([&] { return runs > 1; });
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread): the thread blocks it, and waits for it.
  pthread_kill(service.native_handle(), SIGTERM);
  service.join();
  CHECK(connected);
  CHECK(ran_again);
  CHECK(exit_code == 0);
}

TEST_CASE("A flag that nobody knows is refused") {
  Surroundings around;
  CHECK(around.Run("--help-me", &Nothing) == 2);
}

}  // namespace playmesh
