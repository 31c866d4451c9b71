// All RPCs of the mesh, as its contracts describe them: who may call them, what their fields may hold.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DescField, type DescMethod, createFileRegistry, fromBinary, getOption } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { http } from "@playmesh/client/gen/google/api/annotations_pb";
import { type FieldRules, access, field } from "@playmesh/client/gen/playmesh/options/v1/options_pb";
import { HOME, SERVICES } from "./mesh.js";

export type AccessKind = "public" | "signedIn" | "permission" | "internal";

export interface Rpc {
  /** "catalog" */
  service: string;
  /** "GetGame" */
  name: string;
  /** "/playmesh.catalog.v1.CatalogService/GetGame" */
  path: string;
  method: DescMethod;
  access: AccessKind;
  /** "catalog.games.write"; empty unless `access` is "permission". */
  permission: string;
  /** Services that may call it; none unless `access` is "internal". */
  callers: string[];
  /** How it is called as JSON; absent for those that cannot be. */
  json: { verb: string; template: string; body: string } | undefined;
}

/** Read from the descriptor set with which the edge runs, so that a new RPC is tested without being named here. */
export const RPCS: Rpc[] = readRpcs(join(HOME, "edge/playmesh.descriptors.pb"));

/** Every permission that some RPC asks for. */
export const PERMISSIONS = [...new Set(RPCS.map(({ permission }) => permission).filter(Boolean))];

/** What the contract says about a field; empty rules when it says nothing. */
export function rulesOf(desc: DescField): FieldRules {
  return getOption(desc, field);
}

function readRpcs(file: string): Rpc[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
  return [...registry]
    .filter((type) => type.kind === "service")
    .filter(({ typeName }) => typeName.startsWith("playmesh."))
    .flatMap(({ methods }) => methods)
    .map(describe)
    .filter(({ service }) => SERVICES.includes(service));
}

function describe(method: DescMethod): Rpc {
  const { rule } = getOption(method, access);
  if (!rule.case) throw new Error(`${method.name} does not say who may call it`);
  return {
    service: method.parent.typeName.split(".")[1]!,
    name: method.name,
    path: `/${method.parent.typeName}/${method.name}`,
    method,
    access: rule.case,
    permission: rule.case === "permission" ? rule.value : "",
    callers: rule.case === "internal" ? rule.value.callers : [],
    json: jsonOf(method),
  };
}

function jsonOf(method: DescMethod): Rpc["json"] {
  const { pattern, body } = getOption(method, http);
  if (!pattern.case || pattern.case === "custom") return undefined;
  return { verb: pattern.case.toUpperCase(), template: pattern.value, body };
}
