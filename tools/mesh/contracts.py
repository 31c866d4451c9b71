"""What the edge needs to know of the contracts: their descriptor set, and who may call which RPC."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from mesh.home import ROOT, VENV
from mesh.steps import Problem

READS = ("Get", "List", "Search", "BatchGet", "Watch")


@dataclass(frozen=True)
class Rpc:
    grpc_service: str  # playmesh.catalog.v1.CatalogService
    name: str  # GetGame
    access: str  # public, signed_in, permission or internal
    server_streaming: bool

    @property
    def service(self) -> str:
        """The noun that names the service everywhere: catalog."""
        return self.grpc_service.split(".")[1]

    @property
    def path(self) -> str:
        return f"/{self.grpc_service}/{self.name}"

    @property
    def is_read(self) -> bool:
        return self.name.startswith(READS)


def compile_protos(output: Path) -> None:
    """Writes the descriptor set of all contracts. Raises Problem."""
    protos = ROOT / "protos"
    sources = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    # No contract imports the error details, but the transcoder must know them to write them as JSON.
    sources.append("google/rpc/error_details.proto")
    googleapis = next((VENV / "lib").glob("python3*/site-packages"))
    done = subprocess.run(
        ["protoc", f"-I{protos}", f"-I{googleapis}", "--include_imports", f"--descriptor_set_out={output}", *sources],
        capture_output=True, text=True,
    )
    if done.returncode:
        raise Problem(f"the contracts do not compile:\n{done.stderr}")


def read_rpcs(descriptors: Path) -> list[Rpc]:
    """All RPCs of all `playmesh.*` services. Raises Problem for one that does not say who may call it."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file
    access_of = _access_reader(files)
    return [
        Rpc(f"{file.package}.{service.name}", method.name, access_of(method), method.server_streaming)
        for file in files
        if file.package.startswith("playmesh.")
        for service in file.service
        for method in service.method
    ]


def _access_reader(files):
    # The option is an extension that this process has no generated code for, so MethodOptions is built anew from the set.
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    options = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    extension = pool.FindExtensionByName("playmesh.options.v1.access")

    def access_of(method: descriptor_pb2.MethodDescriptorProto) -> str:
        parsed = options.FromString(method.options.SerializeToString())
        rule = parsed.Extensions[extension].WhichOneof("rule")
        if rule is None:
            raise Problem(f"the RPC {method.name} does not declare (playmesh.options.v1.access)")
        return rule

    return access_of
