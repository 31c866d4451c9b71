// Writes src/gen from the contracts in protos/: messages, enums and services, without the RPCs that only other services may
// call (those that say `access = {internal: …}`).
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary, getOption, isFieldSet } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const client = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(client, "../../..");
const googleapis = join(root, "build/googleapis"); // as the C++ build has it; tools/setup puts it there
const workspace = join(client, ".buf");
const bin = join(client, "../node_modules/.bin");
const buf = (...args) =>
  execFileSync(join(bin, "buf"), args, { cwd: workspace, stdio: ["ignore", "inherit", "inherit"] });

if (!existsSync(join(googleapis, "google/api/annotations.proto"))) {
  throw new Error("no google/api/annotations.proto in build/googleapis: run tools/setup");
}
layOutWorkspace();
buf("build", "-o", "image.binpb");
rmSync(join(client, "src/gen"), { recursive: true, force: true });
buf(
  "generate",
  "image.binpb",
  "--template",
  JSON.stringify(template()),
  ...internalRpcs().flatMap((rpc) => ["--exclude-type", rpc]),
);

// A buf workspace of its own: what is in the tree beside protos/ is none of its business.
function layOutWorkspace() {
  rmSync(workspace, { recursive: true, force: true });
  const protos = (folder) => readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".proto"));
  for (const path of protos(join(root, "protos"))) cpSync(join(root, "protos", path), join(workspace, "protos", path));
  for (const path of ["api/annotations", "api/http", "api/httpbody", "rpc/code", "rpc/error_details", "rpc/status"]) {
    cpSync(join(googleapis, `google/${path}.proto`), join(workspace, `googleapis/google/${path}.proto`));
  }
  writeFileSync(
    join(workspace, "buf.yaml"),
    JSON.stringify({ version: "v2", modules: [{ path: "protos" }, { path: "googleapis" }] }),
  );
}

function template() {
  const plugin = {
    local: join(bin, "protoc-gen-es"),
    out: join(client, "src/gen"),
    opt: ["target=ts", "import_extension=js"],
  };
  return { version: "v2", plugins: [plugin] };
}

function internalRpcs() {
  const image = fromBinary(FileDescriptorSetSchema, readFileSync(join(workspace, "image.binpb")));
  const registry = createFileRegistry(image);
  const access = registry.getExtension("playmesh.options.v1.access");
  const internal = access.message.field.internal;
  return [...registry]
    .filter((type) => type.kind === "service")
    .flatMap((service) => service.methods)
    .filter((method) => isFieldSet(getOption(method, access), internal))
    .map((method) => `${method.parent.typeName}.${method.name}`);
}
