// What a service's main needs, and the order in which it starts and stops.
//
//   int main(int argc, char** argv) {
//     return Run("library", argc, argv, [](Platform& p) {
//       p.Serve<LibraryService>(LibraryService::Deps{p.db()});
//       p.Consume<LibraryEvents>(LibraryEvents::Deps{p.clock(), p.outbox()});
//       return absl::OkStatus();
//     });
//   }
//
// Start: configuration, setup, wait for the database, check of the schema, relay, consumer, server,
// then SERVING. While it runs, readiness follows the database. Stop on SIGTERM or SIGINT:
// NOT_SERVING, a pause in which balancers look away, streams end, calls finish, tasks and consumer
// stop, the relay sends what is left.
//
// Flags: none serves; `--migrate` applies migrations and exits; `--replay` handles the dead letters
// again and exits, with 1 when some stay dead.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/auth/tokens.h"
#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/db/database.h"
#include "common/db/migrate.h"
#include "common/events/consumer.h"
#include "common/events/outbox.h"
#include "common/rpc/channel.h"
#include "common/rpc/service.h"

namespace playmesh {

// Migrations of the service, from its folder migrations/; and those of the platform, for outbox,
// inbox and the like.
std::span<const db::Migration> ServiceMigrations();
std::span<const db::Migration> PlatformMigrations();

// What every service reads from the environment.
struct PlatformConfig {
  explicit PlatformConfig(config::Environment& env);

  std::string listen;          // PLAYMESH_LISTEN: where gRPC is served, "0.0.0.0:9000"
  std::string metrics_listen;  // PLAYMESH_METRICS_LISTEN: where /metrics is served
  std::string database;        // PLAYMESH_DATABASE: libpq's keywords
  int database_pool;           // PLAYMESH_DATABASE_POOL: connections
  std::string kafka;           // PLAYMESH_KAFKA: "host:port,…"
  std::string instance;        // PLAYMESH_INSTANCE: the replica's name, the same over its restarts
  std::string issuer;          // PLAYMESH_ISSUER: `iss` of access tokens
  std::string service_key;     // PLAYMESH_SERVICE_KEY_FILE: this service's private JWK
  std::string service_keys;    // PLAYMESH_SERVICE_KEYS_FILE: JWK set of all services' public keys
  int workers;                 // PLAYMESH_WORKERS: handlers at work at the same time
  int queue_limit;             // PLAYMESH_QUEUE_LIMIT: calls that wait for a worker
  absl::Duration
      drain_delay;  // PLAYMESH_DRAIN_DELAY: pause between NOT_SERVING and the end of service
  absl::Duration
      drain_timeout;  // PLAYMESH_DRAIN_TIMEOUT: longest wait for running calls, and for the relay
};

class Platform {
 public:
  Platform(std::string name, PlatformConfig config, config::Environment& env);
  ~Platform();

  // Whether the service keys of the configuration can be used. INVALID_ARGUMENT.
  absl::Status keys_status() const;

  Database& db();
  Clock& clock();
  Outbox& outbox();
  Consumer& consumer();
  const std::string& issuer() const;
  // The way to another service, at PLAYMESH_<NAME>_ADDR. A missing variable is reported with the
  // rest of the configuration.
  rpc::Channel& Channel(const std::string& service);

  // Makes a service and serves it.
  template <typename S, typename... Args>
  S& Serve(Args&&... args) {
    auto service = std::make_shared<S>(std::forward<Args>(args)...);
    AddService(*service);
    Keep(service);
    return *service;
  }

  // Makes an object with `void Register(Consumer&)`, and delivers events to it.
  template <typename Events, typename... Args>
  Events& Consume(Args&&... args) {
    auto events = std::make_shared<Events>(std::forward<Args>(args)...);
    events->Register(consumer());
    Keep(events);
    return *events;
  }

  // Keeps anything alive until the service has stopped.
  void Keep(std::shared_ptr<void> object);

  // Calls `task` again and again, `interval` after it returned, on a thread of its own; errors are
  // logged.
  void Every(std::string name, absl::Duration interval, std::function<absl::Status()> task);

  // Where the keys of access tokens come from, when not from identity: identity has them itself.
  void SetAccessKeys(std::function<absl::StatusOr<auth::KeySet>()> keys);

  // Sets them to identity's, unless SetAccessKeys was called. Called by Run.
  void TakeAccessKeysFromIdentity();

  // Serves until a signal comes. Returns the process' exit code.
  int Serve();

 private:
  void AddService(rpc::Service& service);

  struct State;
  std::unique_ptr<State> state_;
};

// Everything but the types: see Run.
int RunService(const std::string& name, int argc, char** argv, config::Environment& env,
               const std::function<absl::Status(Platform&)>& setup);

// Reads the configuration, sets up and serves; the whole of a main. `setup` is Status(Platform&,
// const Config&).
template <typename Config, typename Setup>
int Run(const std::string& name, int argc, char** argv, Setup setup) {
  config::Environment env;
  const Config config(env);
  return RunService(name, argc, argv, env,
                    [&](Platform& platform) { return setup(platform, config); });
}

// For a service without settings of its own: `setup` is Status(Platform&).
template <typename Setup>
int Run(const std::string& name, int argc, char** argv, Setup setup) {
  config::Environment env;
  return RunService(name, argc, argv, env, setup);
}

}  // namespace playmesh
