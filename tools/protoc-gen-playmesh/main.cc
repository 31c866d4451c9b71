// protoc plugin: writes, for each service of a proto, the base class whose pure virtual methods are
// the handlers, and the client with which other services call it.
//
//   protoc --playmesh_out=DIR playmesh/catalog/v1/catalog_service.proto
//     → DIR/playmesh/catalog/v1/catalog_service.playmesh.{h,cc}
//
// An RPC that does not declare who may call it (playmesh.options.v1.access) is an error, so it does
// not build.

#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "playmesh/options/v1/options.pb.h"

namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using google::protobuf::compiler::GeneratorContext;
using google::protobuf::io::Printer;
using playmesh::options::v1::Access;

std::string CppName(const google::protobuf::Descriptor* message) {
  return absl::StrCat("::", absl::StrReplaceAll(message->full_name(), {{".", "::"}}));
}

std::map<std::string, std::string> Variables(const MethodDescriptor* method) {
  return {{"name", method->name()},
          {"request", CppName(method->input_type())},
          {"response", CppName(method->output_type())}};
}

bool CheckMethod(const MethodDescriptor* method, std::string* error) {
  const auto& options = method->options();
  const auto& access = options.GetExtension(playmesh::options::v1::access);
  if (access.rule_case() == Access::RULE_NOT_SET) {
    *error =
        absl::StrCat(method->full_name(),
                     " does not say who may call it: add option (playmesh.options.v1.access) = …");
  } else if ((access.has_public_() && !access.public_()) ||
             (access.has_signed_in() && !access.signed_in()) ||
             (access.has_permission() && access.permission().empty())) {
    *error = absl::StrCat(method->full_name(),
                          " has an access rule that lets nobody in: set it to true, or to a name");
  } else if (access.has_internal() && access.internal().callers().empty()) {
    *error = absl::StrCat(method->full_name(),
                          " is internal without callers: name at least one service");
  } else if (method->client_streaming()) {
    *error = absl::StrCat(
        method->full_name(),
        " streams from the client, which grpc-web cannot: use a server stream and unary calls");
  }
  return error->empty();
}

void PrintHandler(Printer& printer, const MethodDescriptor* method) {
  google::protobuf::SourceLocation location;
  if (method->GetSourceLocation(&location)) {
    for (absl::string_view line :
         absl::StrSplit(absl::StripSuffix(location.leading_comments, "\n"), '\n')) {
      printer.Print("  //$line$\n", "line", std::string(line));
    }
  }
  printer.Print(
      Variables(method),
      method->server_streaming()
          ? "  virtual absl::Status $name$(const Caller& caller, const $request$& request,\n"
            "                              rpc::ServerStream<$response$> stream) = 0;\n\n"
          : "  virtual absl::StatusOr<$response$> $name$(const Caller& caller,\n"
            "      const $request$& request) = 0;\n\n");
}

void PrintServiceHeader(Printer& printer, const ServiceDescriptor* service) {
  printer.Print(
      "// Base class of the handlers.\nclass $name$Base : public rpc::Service {\n public:\n  "
      "$name$Base();\n\n",
      "name", service->name());
  for (int i = 0; i < service->method_count(); ++i) PrintHandler(printer, service->method(i));
  printer.Print(
      "};\n\n// Calls the service; virtual, so that a test can put another in its place.\n"
      "class $name$Client {\n public:\n"
      "  explicit $name$Client(rpc::Channel& channel) : channel_(&channel) {}\n"
      "  virtual ~$name$Client() = default;\n\n",
      "name", service->name());
  for (int i = 0; i < service->method_count(); ++i) {
    if (service->method(i)->server_streaming()) continue;
    printer.Print(Variables(service->method(i)),
                  "  virtual absl::StatusOr<$response$> $name$(const $request$& request);\n");
  }
  printer.Print(
      "\n protected:\n  $name$Client() = default;\n\n private:\n"
      "  rpc::Channel* channel_ = nullptr;\n};\n\n",
      "name", service->name());
}

void PrintServiceSource(Printer& printer, const ServiceDescriptor* service) {
  printer.Print("$name$Base::$name$Base() : rpc::Service(\"$full$\") {\n", "name", service->name(),
                "full", service->full_name());
  for (int i = 0; i < service->method_count(); ++i) {
    const MethodDescriptor* method = service->method(i);
    printer.Print(Variables(method),
                  method->server_streaming()
                      ? "  Stream<$request$, $response$>(\"$name$\", [this](const Caller& caller, "
                        "const $request$& request,\n"
                        "      rpc::ServerStream<$response$> stream) { return $name$(caller, "
                        "request, std::move(stream)); "
                        "});\n"
                      : "  Unary<$request$, $response$>(\"$name$\", [this](const Caller& caller, "
                        "const $request$& request) "
                        "{\n    return $name$(caller, request);\n  });\n");
  }
  printer.Print("}\n\n");
  for (int i = 0; i < service->method_count(); ++i) {
    const MethodDescriptor* method = service->method(i);
    if (method->server_streaming()) continue;
    auto variables = Variables(method);
    variables["service"] = service->name();
    variables["path"] = absl::StrCat("/", service->full_name(), "/", method->name());
    printer.Print(variables,
                  "absl::StatusOr<$response$> $service$Client::$name$(const $request$& request) {\n"
                  "  return channel_->Call<$response$>(\"$path$\", request);\n}\n\n");
  }
}

class Generator : public google::protobuf::compiler::CodeGenerator {
 public:
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }

  bool Generate(const FileDescriptor* file, const std::string&, GeneratorContext* context,
                std::string* error) const override {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        if (!CheckMethod(file->service(i)->method(j), error)) return false;
      }
    }
    const std::string stem(absl::StripSuffix(file->name(), ".proto"));
    const std::string space = absl::StrReplaceAll(file->package(), {{".", "::"}});
    const std::string outer = space.substr(0, space.rfind("::"));

    std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> header(
        context->Open(stem + ".playmesh.h"));
    Printer h(header.get(), '$');
    h.Print(
        "// Generated by protoc-gen-playmesh from $file$.\n#pragma once\n\n"
        "#include \"common/rpc/channel.h\"\n#include \"common/rpc/service.h\"\n#include "
        "\"$stem$.pb.h\"\n\n"
        "namespace $space$ {\n\n",
        "file", file->name(), "stem", stem, "space", space);
    for (int i = 0; i < file->service_count(); ++i) PrintServiceHeader(h, file->service(i));
    h.Print(
        "}  // namespace $space$\n\nnamespace $outer$ {\nusing namespace v1;  // NOLINT: the "
        "version shows in the wire's names only\n}\n",
        "space", space, "outer", outer);

    std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> source(
        context->Open(stem + ".playmesh.cc"));
    Printer cc(source.get(), '$');
    cc.Print(
        "// Generated by protoc-gen-playmesh from $file$.\n#include "
        "\"$stem$.playmesh.h\"\n\nnamespace $space$ {\n\n",
        "file", file->name(), "stem", stem, "space", space);
    for (int i = 0; i < file->service_count(); ++i) PrintServiceSource(cc, file->service(i));
    cc.Print("}  // namespace $space$\n", "space", space);
    return true;
  }
};

}  // namespace

int main(int argc, char** argv) {
  Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
