// What the contract says about an RPC, read from its options: nothing about single RPCs is repeated here.
import { type DescMethod, type Message, getOption } from "@bufbuild/protobuf";
import { http } from "./gen/google/api/annotations_pb.js";
import { access } from "./gen/playmesh/options/v1/options_pb.js";

/** Whether anybody may call the RPC, also without a session. */
export function isPublic(method: DescMethod): boolean {
  return getOption(method, access).rule.case === "public";
}

/** Whether the RPC only reads: the contract maps it to HTTP GET (RFC 9110, section 9.2.1). */
export function isRead(method: DescMethod): boolean {
  return getOption(method, http).pattern.case === "get";
}

/** Whether requests of the RPC may carry a `request_id`, under which the server does the work once (AIP-155). */
export function takesRequestId(method: DescMethod): boolean {
  return method.input.fields.some((field) => field.name === "request_id");
}

/** The request's `request_id`; empty when it carries none. */
export function requestIdOf(request: Message): string {
  const { requestId } = request as { requestId?: unknown };
  return typeof requestId === "string" ? requestId : "";
}
