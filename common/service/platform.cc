#include "common/service/platform.h"

#include <google/protobuf/stubs/logging.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/context/context.h"
#include "common/events/relay.h"
#include "common/log/log.h"
#include "common/observe/metrics.h"
#include "common/rpc/server.h"
#include "google/api/httpbody.pb.h"
#include "google/protobuf/empty.pb.h"

namespace playmesh {
namespace {

constexpr absl::Duration kReadinessInterval = absl::Seconds(1);
constexpr absl::Duration kDatabaseWait = absl::Seconds(60);
constexpr absl::Duration kTaskTimeout = absl::Seconds(30);
constexpr absl::Duration kDatabaseRetry = absl::Milliseconds(200);

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

// Waits for SIGTERM or SIGINT, which must be blocked in all threads; false when `timeout` passed
// first.
bool WaitForSignal(absl::Duration timeout) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  const timespec wait = absl::ToTimespec(timeout);
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

absl::Status CheckSchema(const std::string& conninfo) {
  RETURN_IF_ERROR(db::CheckMigrated(conninfo, "platform", PlatformMigrations()));
  return db::CheckMigrated(conninfo, "service", ServiceMigrations());
}

absl::Status MigrateSchema(const std::string& conninfo) {
  RETURN_IF_ERROR(db::Migrate(conninfo, "platform", PlatformMigrations()));
  return db::Migrate(conninfo, "service", ServiceMigrations());
}

// Does `attempt` until the database can be reached, for a while.
absl::Status WithDatabase(const std::function<absl::Status()>& attempt) {
  const absl::Time deadline = absl::Now() + kDatabaseWait;
  while (true) {
    absl::Status status = attempt();
    if (!absl::IsUnavailable(status) || absl::Now() >= deadline || WaitForSignal(kDatabaseRetry))
      return status;
  }
}

// One thread that does a task again and again.
class PeriodicTask {
 public:
  PeriodicTask(std::string name, absl::Duration interval, std::function<absl::Status()> task)
      : name_(std::move(name)),
        interval_(interval),
        task_(std::move(task)),
        thread_([this] { Loop(); }) {}

  ~PeriodicTask() {
    Stop();
    thread_.join();
  }

  // Begins no further run.
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
  }

 private:
  void Loop() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, absl::ToChronoMicroseconds(interval_),
                              [this] { return stopping_; })) {
      lock.unlock();
      Context context;
      context.method = name_;
      context.deadline = absl::Now() + kTaskTimeout;
      context.trace = TraceContext::FromHeader("");
      ScopedContext scope(context);
      absl::Status status = RunTask();
      if (!status.ok()) log::Warning("task failed", {{"error", status}});
      lock.lock();
    }
  }

  absl::Status RunTask() {
    try {
      return task_();
    } catch (const std::exception& e) {
      log::Error("task threw", {{"error", e.what()}});
      return absl::InternalError("exception");
    }
  }

  const std::string name_;
  const absl::Duration interval_;
  const std::function<absl::Status()> task_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

PlatformConfig::PlatformConfig(config::Environment& env)
    : listen(env.String("PLAYMESH_LISTEN")),
      metrics_listen(env.String("PLAYMESH_METRICS_LISTEN")),
      database(env.String("PLAYMESH_DATABASE")),
      database_pool(static_cast<int>(env.Int("PLAYMESH_DATABASE_POOL", 8, 2, 200))),
      kafka(env.String("PLAYMESH_KAFKA")),
      instance(env.String("PLAYMESH_INSTANCE", absl::StrCat(HostName(), "-", listen))),
      issuer(env.String("PLAYMESH_ISSUER")),
      service_key(env.File("PLAYMESH_SERVICE_KEY_FILE")),
      service_keys(env.File("PLAYMESH_SERVICE_KEYS_FILE")),
      workers(static_cast<int>(env.Int("PLAYMESH_WORKERS", 16, 1, 1'000))),
      queue_limit(static_cast<int>(env.Int("PLAYMESH_QUEUE_LIMIT", 512, 1, 100'000))),
      drain_delay(env.Duration("PLAYMESH_DRAIN_DELAY", absl::ZeroDuration())),
      drain_timeout(env.Duration("PLAYMESH_DRAIN_TIMEOUT", absl::Seconds(10))) {}

struct Platform::State {
  State(std::string service, PlatformConfig platform_config, config::Environment& environment)
      : name(std::move(service)),
        config(std::move(platform_config)),
        env(environment),
        db({config.database, config.database_pool}),
        // The relay waits for Kafka inside its transaction, so it has a connection of its own.
        relay_db({config.database, 1}),
        // So that a pool that is merely busy does not look like a database that is away.
        ping_db({config.database, 1}),
        relay(relay_db, {config.kafka, absl::StrCat("playmesh.", name, ".v1"),
                         absl::StrCat("/playmesh/", name)}),
        outbox(clock, [this] { relay.Wake(); }),
        consumer(db, {config.kafka, name, absl::StrCat(name, "-", config.instance)}) {}

  absl::StatusOr<auth::KeySet> FetchAccessKeys();
  absl::Status Start();
  void Stop();
  void ServeUntilSignal();

  const std::string name;
  const PlatformConfig config;
  config::Environment& env;
  Clock clock;
  Database db;
  Database relay_db;
  Database ping_db;
  events::Relay relay;
  Outbox outbox;
  std::map<std::string, std::unique_ptr<rpc::Channel>> channels;
  std::unique_ptr<auth::ServiceSigner> signer;
  std::unique_ptr<auth::ServiceVerifier> service_verifier;
  std::unique_ptr<auth::AccessVerifier> access_verifier;
  std::function<absl::StatusOr<auth::KeySet>()> access_keys;
  std::vector<std::shared_ptr<void>> kept;
  Consumer consumer;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<observe::Exporter> exporter;
  struct TaskSpec {
    std::string name;
    absl::Duration interval;
    std::function<absl::Status()> task;
  };
  std::vector<TaskSpec> task_specs;
  std::vector<std::unique_ptr<PeriodicTask>> tasks;
  absl::Status keys_status = absl::OkStatus();
};

Platform::Platform(std::string name, PlatformConfig config, config::Environment& env)
    : state_(std::make_unique<State>(std::move(name), std::move(config), env)) {
  auto key = auth::Key::FromJwk(state_->config.service_key);
  auto keys = auth::KeySet::FromJson(state_->config.service_keys);
  if (!key.ok() || !keys.ok()) {
    state_->keys_status = absl::InvalidArgumentError(
        "PLAYMESH_SERVICE_KEY_FILE must hold a private EC P-256 JWK, PLAYMESH_SERVICE_KEYS_FILE a "
        "JWK set");
    return;
  }
  state_->signer = std::make_unique<auth::ServiceSigner>(*std::move(key), state_->clock);
  state_->service_verifier =
      std::make_unique<auth::ServiceVerifier>(*std::move(keys), state_->name, state_->clock);
  state_->access_verifier = std::make_unique<auth::AccessVerifier>(
      state_->config.issuer, state_->clock, [this] { return state_->access_keys(); });
  state_->server = std::make_unique<rpc::Server>(
      rpc::ServerOptions{.address = state_->config.listen,
                         .workers = state_->config.workers,
                         .queue_limit = state_->config.queue_limit},
      *state_->access_verifier, *state_->service_verifier, state_->clock);
}

Platform::~Platform() = default;

Database& Platform::db() { return state_->db; }
Clock& Platform::clock() { return state_->clock; }
Outbox& Platform::outbox() { return state_->outbox; }
Consumer& Platform::consumer() { return state_->consumer; }
absl::Status Platform::keys_status() const { return state_->keys_status; }
const std::string& Platform::issuer() const { return state_->config.issuer; }

rpc::Channel& Platform::Channel(const std::string& service) {
  auto& channel = state_->channels[service];
  if (channel == nullptr) {
    const std::string address =
        state_->env.String(absl::StrCat("PLAYMESH_", absl::AsciiStrToUpper(service), "_ADDR"));
    channel =
        std::make_unique<rpc::Channel>(rpc::ChannelOptions{service, address}, state_->signer.get());
  }
  return *channel;
}

void Platform::AddService(rpc::Service& service) { state_->server->Add(service); }
void Platform::Keep(std::shared_ptr<void> object) { state_->kept.push_back(std::move(object)); }

void Platform::Every(std::string name, absl::Duration interval,
                     std::function<absl::Status()> task) {
  state_->task_specs.push_back({std::move(name), interval, std::move(task)});
}

void Platform::TakeAccessKeysFromIdentity() {
  if (state_->access_keys != nullptr) return;
  // The channel is made here, so that a missing address is reported, and no lock is needed later.
  rpc::Channel& identity = Channel("identity");
  state_->access_keys = [&identity]() -> absl::StatusOr<auth::KeySet> {
    ASSIGN_OR_RETURN(const auto body, identity.Call<google::api::HttpBody>(
                                          "/playmesh.identity.v1.IdentityService/GetJwks",
                                          google::protobuf::Empty()));
    return auth::KeySet::FromJson(body.data());
  };
}

void Platform::SetAccessKeys(std::function<absl::StatusOr<auth::KeySet>()> keys) {
  state_->access_keys = std::move(keys);
}

absl::Status Platform::State::Start() {
  RETURN_IF_ERROR(WithDatabase([&] { return CheckSchema(config.database); }));
  ASSIGN_OR_RETURN(exporter, observe::Exporter::Start(config.metrics_listen));
  relay.Start();
  RETURN_IF_ERROR(consumer.Start());
  for (TaskSpec& spec : task_specs) {
    tasks.push_back(std::make_unique<PeriodicTask>(spec.name, spec.interval, spec.task));
  }
  return server->Start();
}

// Readiness follows the database: a replica that cannot reach it should get no calls.
void Platform::State::ServeUntilSignal() {
  bool serving = false;
  do {
    const bool ready = ping_db.Ping().ok();
    if (ready != serving)
      log::Info(ready ? "serving" : "not serving: the database does not answer");
    server->SetServing(ready);
    serving = ready;
  } while (!WaitForSignal(kReadinessInterval));
}

void Platform::State::Stop() {
  log::Info("draining");
  server->SetServing(false);
  WaitForSignal(config.drain_delay);
  server->Stop(config.drain_timeout);
  // All at once, since each may be at work until its own time is over.
  for (const auto& task : tasks) task->Stop();
  tasks.clear();
  consumer.Stop();
  relay.Stop(config.drain_timeout);
  log::Info("stopped");
}

int Platform::Serve() {
  absl::Status status = state_->Start();
  if (!status.ok()) {
    log::Error("cannot start", {{"error", status}});
    return 1;
  }
  state_->ServeUntilSignal();
  state_->Stop();
  return 0;
}

int RunService(const std::string& name, int argc, char** argv, config::Environment& env,
               const std::function<absl::Status(Platform&)>& setup) {
  const std::string flag = argc > 1 ? argv[1] : "";
  if (argc > 2 || !(flag.empty() || flag == "--migrate" || flag == "--replay")) {
    std::cerr << "usage: " << name << " [--migrate | --replay]\n";
    return 2;
  }
  BlockSignals();
  // Protobuf would print every malformed request; the adapter tells the caller instead.
  google::protobuf::SetLogHandler(nullptr);
  const bool json =
      env.String("PLAYMESH_LOG_FORMAT", isatty(STDERR_FILENO) ? "text" : "json") == "json";
  const bool debug = env.String("PLAYMESH_LOG_LEVEL", "info") == "debug";
  log::Configure(name, json ? log::Format::kJson : log::Format::kText,
                 debug ? log::Level::kDebug : log::Level::kInfo);

  if (flag == "--migrate") {
    const std::string database = env.String("PLAYMESH_DATABASE");
    // The rest of the configuration is not needed to migrate, so only this variable counts.
    absl::Status status = database.empty()
                              ? absl::InvalidArgumentError("PLAYMESH_DATABASE is not set")
                              : WithDatabase([&] { return MigrateSchema(database); });
    if (!status.ok()) log::Error("cannot migrate", {{"error", status}});
    return status.ok() ? 0 : 1;
  }

  Platform platform(name, PlatformConfig(env), env);
  absl::Status status = env.status();
  if (status.ok()) status = platform.keys_status();
  if (status.ok()) status = setup(platform);
  if (status.ok()) platform.TakeAccessKeysFromIdentity();
  if (status.ok()) status = env.status();  // setup asks for addresses of other services
  if (!status.ok()) {
    log::Error("cannot start", {{"error", status}});
    return 2;
  }
  if (flag == "--replay") {
    absl::StatusOr<Consumer::Replayed> replayed = platform.consumer().Replay();
    if (!replayed.ok()) log::Error("cannot replay", {{"error", replayed.status()}});
    if (replayed.ok())
      log::Info("replayed", {{"handled", replayed->handled}, {"still_dead", replayed->still_dead}});
    return replayed.ok() && replayed->still_dead == 0 ? 0 : 1;
  }
  return platform.Serve();
}

}  // namespace playmesh
