#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/context/context.h"
#include "common/rpc/channel.h"
#include "common/rpc/convert.h"
#include "common/rpc/idempotency.h"
#include "common/rpc/pages.h"
#include "common/rpc/server.h"
#include "common/rpc/validate.h"
#include "common/testing/testing.h"
#include "google/rpc/status.pb.h"
#include "playmesh/testing/v1/testing_service.playmesh.h"

namespace playmesh::rpc {
namespace {

using namespace playmesh::testing::v1;  // NOLINT
using playmesh::testing::Eventually;
using playmesh::testing::FakeClock;
using playmesh::testing::TestKeys;

constexpr char kUser[] = "0190163d-8694-739b-aea5-966c26f8ad91";

// Answers with what it was sent, or what a test tells it to.
class EchoService : public TestingServiceBase {
 public:
  absl::StatusOr<EchoPublicResponse> EchoPublic(const Caller& caller,
                                                const EchoPublicRequest& request) override {
    ++calls;
    last_subject = caller.subject();
    if (on_public) RETURN_IF_ERROR(on_public());
    EchoPublicResponse response;
    *response.mutable_thing() = request.thing();
    return response;
  }
  absl::StatusOr<EchoSignedInResponse> EchoSignedIn(const Caller& caller,
                                                    const EchoSignedInRequest& request) override {
    EchoSignedInResponse response;
    response.set_text(request.text());
    response.set_user_id(caller.user_id);
    return response;
  }
  absl::StatusOr<EchoPermittedResponse> EchoPermitted(const Caller&,
                                                      const EchoPermittedRequest&) override {
    return EchoPermittedResponse();
  }
  absl::StatusOr<EchoInternalResponse> EchoInternal(const Caller& caller,
                                                    const EchoInternalRequest&) override {
    EchoInternalResponse response;
    response.set_service(caller.service);
    return response;
  }
  absl::Status WatchEcho(const Caller&, const WatchEchoRequest&,
                         ServerStream<WatchEchoResponse> stream) override {
    std::lock_guard lock(mutex);
    streams.push_back(stream);
    stream.OnDone([this] { ++done_streams; });
    return absl::OkStatus();
  }

  std::function<absl::Status()> on_public;
  std::atomic<int> calls = 0;
  std::string last_subject;
  std::mutex mutex;
  std::vector<ServerStream<WatchEchoResponse>> streams;
  std::atomic<int> done_streams = 0;
};

// A server on a real port, and calls to it as a stranger to our client would make them.
struct Mesh {
  explicit Mesh(ServerOptions options = {}) : keys(clock) {
    options.address = "127.0.0.1:0";
    server = std::make_unique<Server>(options, keys.access(), keys.services(), clock);
    server->Add(service);
    REQUIRE(server->Start().ok());
    server->SetServing(true);
    address = absl::StrCat("127.0.0.1:", server->port());
    channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  }

  // Calls with raw bytes and metadata.
  grpc::Status Call(const std::string& method, const std::string& bytes,
                    const std::vector<std::pair<std::string, std::string>>& metadata = {},
                    absl::Duration timeout = absl::Seconds(5), std::string* answer = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    const std::string path = absl::StrCat("/playmesh.testing.v1.TestingService/", method);
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC,
                                        channel);
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
        channel.get(), rpc, &context, request, &response);
    if (status.ok() && answer != nullptr) {
      std::vector<grpc::Slice> slices;
      (void)response.Dump(&slices);
      for (const auto& part : slices)
        answer->append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
    return status;
  }

  // Opens a stream of a signed-in user.
  std::unique_ptr<grpc::ClientReader<WatchEchoResponse>> Watch(grpc::ClientContext& context) {
    context.AddMetadata("authorization", Bearer(playmesh::testing::UserCaller(kUser)));
    const grpc::internal::RpcMethod rpc("/playmesh.testing.v1.TestingService/WatchEcho",
                                        grpc::internal::RpcMethod::SERVER_STREAMING, channel);
    return std::unique_ptr<grpc::ClientReader<WatchEchoResponse>>(
        grpc::internal::ClientReaderFactory<WatchEchoResponse>::Create(channel.get(), rpc, &context,
                                                                       WatchEchoRequest()));
  }

  std::string Bearer(const Caller& caller) {
    return absl::StrCat("Bearer ", keys.AccessToken(caller));
  }

  FakeClock clock;
  TestKeys keys;
  EchoService service;
  std::unique_ptr<Server> server;
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
};

// The fields that a status complains about.
std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  google::rpc::Status details;
  details.ParseFromString(ToGrpc(status).error_details());
  for (const auto& any : details.details()) {
    google::rpc::BadRequest bad;
    if (!any.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  }
  return fields;
}

std::string Text(const std::string& text) {
  EchoSignedInRequest request;
  request.set_text(text);
  return request.SerializeAsString();
}

}  // namespace

TEST_CASE("Each rule of access lets in whom it names, and nobody else") {
  Mesh mesh;
  const auto user = mesh.Bearer(playmesh::testing::UserCaller(kUser));
  const auto permitted = mesh.Bearer(playmesh::testing::UserCaller(kUser, {"testing.echo"}));
  using grpc::StatusCode;
  CHECK(mesh.Call("EchoPublic", "").ok());
  CHECK(mesh.Call("EchoSignedIn", Text("x")).error_code() == StatusCode::UNAUTHENTICATED);
  CHECK(mesh.Call("EchoSignedIn", Text("x"), {{"authorization", "Bearer junk"}}).error_code() ==
        StatusCode::UNAUTHENTICATED);
  CHECK(mesh.Call("EchoSignedIn", Text("x"), {{"authorization", user}}).ok());
  CHECK(mesh.Call("EchoPermitted", "", {{"authorization", user}}).error_code() ==
        StatusCode::PERMISSION_DENIED);
  CHECK(mesh.Call("EchoPermitted", "", {{"authorization", permitted}}).ok());
  CHECK(mesh.Call("EchoInternal", "").error_code() == StatusCode::UNAUTHENTICATED);
  CHECK(mesh.Call("EchoInternal", "", {{"authorization", permitted}}).error_code() ==
        StatusCode::UNAUTHENTICATED);
  CHECK(mesh.Call("EchoInternal", "", {{"x-playmesh-service", mesh.keys.ServiceToken("catalog")}})
            .error_code() == StatusCode::PERMISSION_DENIED);
  CHECK(mesh.Call("EchoInternal", "", {{"x-playmesh-service", mesh.keys.ServiceToken("purchase")}})
            .ok());
}

TEST_CASE("A public call goes on without a token that does not hold") {
  Mesh mesh;
  CHECK(mesh.Call("EchoPublic", "", {{"authorization", "Bearer junk"}}).ok());
  CHECK(mesh.service.last_subject == "anonymous");
}

TEST_CASE("Who may not call learns nothing of the request's errors") {
  Mesh mesh;
  CHECK(mesh.Call("EchoSignedIn", "\xff\xff\xff").error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("Bytes that are no message, and text that is not UTF-8, are the caller's mistake") {
  Mesh mesh;
  CHECK(mesh.Call("EchoPublic", "\xff\xff\xff").error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  // thing.name = "\xff"
  const grpc::Status status = mesh.Call("EchoPublic", std::string("\x0a\x03\x12\x01\xff", 5));
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message() == "thing.name: is not UTF-8");
  CHECK(mesh.service.calls == 0);
}

TEST_CASE("Every broken field rule is reported at once, by its path") {
  Thing thing;
  thing.set_thing_id("no-uuid");
  thing.set_name("far too long a name");
  thing.set_colour(static_cast<Colour>(42));
  thing.mutable_price()->set_currency_code("QQQ");
  thing.add_tags("ok");
  thing.add_tags("NOT");
  thing.add_tags("ok");
  thing.add_colours(COLOUR_UNSPECIFIED);
  thing.set_data(std::string(17, 'x'));
  thing.set_count(101);
  thing.add_parts()->set_email("nobody@@example");
  thing.set_url("javascript:alert(1)");
  CHECK(Fields(Validate(thing)) == std::vector<std::string>{"thing_id", "name", "colour",
                                                            "price.currency_code", "tags[1]",
                                                            "tags[2]", "colours[0]", "data",
                                                            "parts[0].email", "count", "url"});
}

TEST_CASE("What keeps the rules passes") {
  Thing thing;
  thing.set_thing_id(kUser);
  thing.set_name("ÄÖÜäöüßẞ☃🎮");
  thing.set_email("somebody@example.com");
  thing.set_url("https://example.com/a?b=c");
  thing.mutable_price()->set_currency_code("EUR");
  CHECK(Validate(thing).ok());
  CHECK(Validate(Thing()).ok());
}

TEST_CASE("NUL bytes, oversized text and required fields are refused") {
  EchoSignedInRequest request;
  CHECK(Fields(Validate(request)) == std::vector<std::string>{"text"});
  request.set_text(std::string("a\0b", 3));
  CHECK(Fields(Validate(request)) == std::vector<std::string>{"text"});
  request.set_text(std::string(1025, 'x'));
  CHECK(Fields(Validate(request)) == std::vector<std::string>{"text"});
}

TEST_CASE("A request that is too large is refused before it is read") {
  Mesh mesh;
  const auto user = mesh.Bearer(playmesh::testing::UserCaller(kUser));
  CHECK(mesh.Call("EchoSignedIn", Text(std::string(2 << 20, 'x')), {{"authorization", user}})
            .error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_CASE("Exceptions and internal errors reach the caller as nothing but that") {
  Mesh mesh;
  mesh.service.on_public = []() -> absl::Status { throw std::runtime_error("password=hunter2"); };
  grpc::Status status = mesh.Call("EchoPublic", "");
  CHECK(status.error_code() == grpc::StatusCode::INTERNAL);
  CHECK(status.error_message() == "internal error");
  mesh.service.on_public = [] { return absl::InternalError("relation users"); };
  CHECK(mesh.Call("EchoPublic", "").error_message() == "internal error");
}

TEST_CASE(
    "When all workers are busy and the queue is full, calls are refused at once with RetryInfo") {
  Mesh mesh({.workers = 1, .queue_limit = 1});
  std::mutex mutex;
  std::condition_variable released;
  bool release = false;
  mesh.service.on_public = [&] {
    std::unique_lock lock(mutex);
    released.wait(lock, [&] { return release; });
    return absl::OkStatus();
  };
  std::vector<std::thread> callers;
  std::atomic<int> refused = 0;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      const grpc::Status status = mesh.Call("EchoPublic", "");
      google::rpc::Status details;
      details.ParseFromString(status.error_details());
      google::rpc::RetryInfo info;
      if (status.ok()) ++answered;
      if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
          details.details(0).UnpackTo(&info))
        ++refused;
    });
  }
  // One runs and one waits; the one that runs may have been the one that waited when the third
  // came.
  CHECK(Eventually([&] { return refused >= 6; }));
  {
    std::lock_guard lock(mutex);
    release = true;
  }
  released.notify_all();
  for (auto& caller : callers) caller.join();
  CHECK(answered + refused == 8);
  CHECK(answered >= 1);
}

TEST_CASE("A handler sees the caller's deadline, trace and request id") {
  Mesh mesh;
  Context seen;
  mesh.service.on_public = [&] {
    seen = CurrentContext();
    return absl::OkStatus();
  };
  REQUIRE(mesh.Call("EchoPublic", "",
                    {{"x-request-id", "req-1"},
                     {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}},
                    absl::Seconds(3))
              .ok());
  CHECK(seen.request_id == "req-1");
  CHECK(seen.trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(seen.deadline < absl::Now() + absl::Seconds(4));
  CHECK(seen.deadline > absl::Now() - absl::Seconds(3));
}

TEST_CASE("A request id that would forge a log line is replaced") {
  Mesh mesh;
  std::string seen;
  mesh.service.on_public = [&] {
    seen = CurrentContext().request_id;
    return absl::OkStatus();
  };
  REQUIRE(mesh.Call("EchoPublic", "", {{"x-request-id", "a b\"}{"}}).ok());
  CHECK(seen.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(seen.size() == 32);
}

TEST_CASE("A client carries the service's identity, the trace and the error's details") {
  Mesh mesh;
  auth::Key key = auth::Key::Generate("purchase");
  auth::ServiceVerifier verifier(auth::KeySet({key}), "testing", mesh.clock);
  EchoService service;
  Server server({.address = "127.0.0.1:0"}, mesh.keys.access(), verifier, mesh.clock);
  server.Add(service);
  REQUIRE(server.Start().ok());
  auth::ServiceSigner signer(key, mesh.clock);
  Channel channel({"testing", absl::StrCat("127.0.0.1:", server.port())}, &signer);
  TestingServiceClient client(channel);
  auto response = client.EchoInternal({});
  REQUIRE(response.ok());
  CHECK(response->service() == "purchase");
  service.on_public = [] {
    return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "A_REASON", "why");
  };
  CHECK(ReasonOf(client.EchoPublic({}).status()) == "A_REASON");
}

TEST_CASE("A call to a service that is away fails as UNAVAILABLE within the deadline") {
  FakeClock clock;
  Channel channel({"testing", "127.0.0.1:1"}, nullptr);
  TestingServiceClient client(channel);
  const absl::Time start = absl::Now();
  CHECK(absl::IsUnavailable(client.EchoPublic({}).status()));
  CHECK(absl::Now() - start < absl::Seconds(5));
}

TEST_CASE("A stream delivers what is written later, in order, and ends when the server stops") {
  Mesh mesh;
  grpc::ClientContext context;
  const auto reader = mesh.Watch(context);
  REQUIRE(Eventually([&] {
    std::lock_guard lock(mesh.service.mutex);
    return mesh.service.streams.size() == 1;
  }));
  WatchEchoResponse message;
  for (int i = 0; i < 100; ++i) {
    message.set_text(absl::StrCat(i));
    REQUIRE(mesh.service.streams[0].Write(message));
  }
  for (int i = 0; i < 100; ++i) {
    REQUIRE(reader->Read(&message));
    CHECK(message.text() == absl::StrCat(i));
  }
  std::thread stopper([&] { mesh.server->Stop(absl::Seconds(5)); });
  CHECK_FALSE(reader->Read(&message));
  CHECK(reader->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  stopper.join();
  CHECK(mesh.service.done_streams == 1);
  CHECK_FALSE(mesh.service.streams[0].Write(message));
}

TEST_CASE("A client that does not read is cut off") {
  Mesh mesh({.slow_consumer_grace = absl::Milliseconds(100)});
  grpc::ClientContext context;
  const auto reader = mesh.Watch(context);
  REQUIRE(Eventually([&] {
    std::lock_guard lock(mesh.service.mutex);
    return mesh.service.streams.size() == 1;
  }));
  WatchEchoResponse message;
  message.set_text(std::string(8'000, 'x'));
  int written = 0;
  while (written < 100'000 && mesh.service.streams[0].Write(message)) ++written;
  CHECK(written < 100'000);
  CHECK(Eventually([&] { return mesh.service.done_streams == 1; }));
}

TEST_CASE("A client that leaves its stream is noticed") {
  Mesh mesh;
  grpc::ClientContext context;
  const auto reader = mesh.Watch(context);
  context.TryCancel();
  (void)reader->Finish();
  CHECK(Eventually([&] { return mesh.service.done_streams == 1; }));
}

TEST_CASE("The same request id answers the same, and refuses another request") {
  playmesh::testing::TestDatabase database;
  const Caller caller = playmesh::testing::UserCaller(kUser);
  std::atomic<int> created = 0;
  auto call = [&](const std::string& request_id, const std::string& name) {
    EchoPublicRequest request;
    request.set_request_id(request_id);
    request.mutable_thing()->set_name(name);
    return database.db().Transact([&](Transaction& tx) -> absl::StatusOr<EchoPublicResponse> {
      return Idempotent<EchoPublicResponse>(tx, caller, request,
                                            [&]() -> absl::StatusOr<EchoPublicResponse> {
                                              EchoPublicResponse response;
                                              response.mutable_thing()->set_count(++created);
                                              return response;
                                            });
    });
  };
  const std::string id = NewUuid(absl::Now());
  std::vector<std::thread> threads;
  std::atomic<int> answered_the_same = 0;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto response = call(id, "a");
      if (response.ok() && response->thing().count() == 1) ++answered_the_same;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(answered_the_same == 8);
  CHECK(created == 1);
  CHECK(absl::IsInvalidArgument(call(id, "b").status()));
  CHECK(call("", "a")->thing().count() == 2);
}

TEST_CASE("A page token continues its own list only") {
  EchoPublicRequest request;
  request.set_page_size(2);
  request.mutable_thing()->set_name("a");
  const std::string token = PageToken(request, {"key", "with \"quotes\""});
  request.set_page_token(token);
  request.set_page_size(5);
  auto page = ReadPage(request);
  REQUIRE(page.ok());
  CHECK(page->after == PageKey{"key", "with \"quotes\""});
  request.mutable_thing()->set_name("b");
  CHECK(Fields(ReadPage(request).status()) == std::vector<std::string>{"page_token"});
  for (const char* bad : {"junk", "W10=", "e30"}) {
    request.set_page_token(bad);
    CHECK(absl::IsInvalidArgument(ReadPage(request).status()));
  }
}

TEST_CASE("Page sizes have a default and a maximum") {
  EchoPublicRequest request;
  CHECK(ReadPage(request)->size == 20);
  request.set_page_size(1'000'000);
  CHECK(ReadPage(request)->size == 100);
}

}  // namespace playmesh::rpc
