"""Writes Envoy's configuration: edge.yaml, filled in from the contracts.

Used by the local run (mesh.up) and, from the command line, by whoever installs the edge elsewhere:

    python -m mesh.edge --descriptors playmesh.descriptors.pb --listen 0.0.0.0:8080 --admin 127.0.0.1:9901 \\
        --issuer https://play.example --upstreams '{service}:9000' > envoy.yaml

which also writes the descriptor set that the JSON transcoder reads.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from mesh.contracts import Rpc, compile_protos, read_rpcs
from mesh.steps import Problem, in_words

SKELETON = Path(__file__).with_name("edge.yaml")
LOCAL_ORIGINS = r"http://(localhost|127\.0\.0\.1)(:\d+)?"
MIB = 1 << 20

# RPCs that guess or make credentials: limited for each client address (Edge.credentials_per_minute).
CREDENTIAL_RPCS = {
    "/playmesh.identity.v1.IdentityService/Register",
    "/playmesh.identity.v1.IdentityService/SignIn",
}

# The answers that Envoy gives itself: HTTP status -> (google.rpc.Code, what the caller reads). Envoy's own words would tell of
# what is behind it.
OWN_ANSWERS = {
    400: (3, "malformed request"),
    401: (16, "a valid access token is needed"),
    403: (16, "a valid access token is needed"),  # Envoy's word for a token of another audience; RFC 6750 has 401
    404: (12, "no such method"),
    408: (4, "the request took too long to arrive"),
    413: (8, "the request is too large"),
    415: (3, "unsupported content type"),
    429: (8, "too many requests, try again later"),
    431: (3, "the request's headers are too large"),
    503: (14, "the service is unavailable, try again later"),
    504: (4, "the service took too long"),
    None: (2, "the edge could not answer"),  # any other error
}


@dataclass(frozen=True)
class Edge:
    """What differs between installations."""

    listen: str  # host:port
    admin: str  # host:port
    issuer: str
    descriptors: str  # the file's path as Envoy sees it
    upstreams: dict[str, str]  # service -> host:port
    cors_origins: tuple[str, ...] = ()  # such as https://play.example
    cors_local: bool = True  # pages of this machine too
    requests_per_second: int = 20_000
    credentials_per_minute: int = 60
    max_request_bytes: int = MIB
    max_connections: int = 20_000


def render(edge: Edge, rpcs: list[Rpc]) -> str:
    config = yaml.safe_load(Template(SKELETON.read_text()).substitute(_scalars(edge)))
    reachable = [rpc for rpc in rpcs if rpc.access != "internal" and rpc.service in edge.upstreams]
    if unlimited := CREDENTIAL_RPCS - {rpc.path for rpc in reachable}:
        raise Problem(
            f"the edge is to limit RPCs that do not exist: {', '.join(sorted(unlimited))}",
            "CREDENTIAL_RPCS in tools/mesh/edge.py names those that guess or make credentials; mend it there.",
        )
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    host = manager["route_config"]["virtual_hosts"][0]
    host["routes"][:0] = [_route(rpc, edge) for rpc in reachable]
    cors = host["typed_per_filter_config"]["envoy.filters.http.cors"]
    cors["allow_origin_string_match"] = [{"exact": origin} for origin in edge.cors_origins]
    if edge.cors_local:
        cors["allow_origin_string_match"].append({"safe_regex": {"regex": LOCAL_ORIGINS}})
    manager["local_reply_config"]["mappers"] = _local_replies()
    transcoder = _filter(manager, "envoy.filters.http.grpc_json_transcoder")
    transcoder["services"] = sorted({rpc.grpc_service for rpc in reachable})
    config["static_resources"]["clusters"] += [_cluster(*pair) for pair in sorted(edge.upstreams.items())]
    return yaml.dump(config, Dumper=_PlainDumper, sort_keys=False, width=120)


def _scalars(edge: Edge) -> dict[str, Any]:
    listen_host, listen_port = edge.listen.rsplit(":", 1)
    admin_host, admin_port = edge.admin.rsplit(":", 1)
    return dict(
        listen_host=listen_host, listen_port=listen_port, admin_host=admin_host, admin_port=admin_port,
        issuer=edge.issuer, descriptors=edge.descriptors, max_connections=edge.max_connections,
        max_request_bytes=edge.max_request_bytes, requests_per_second=edge.requests_per_second,
    )


def _filter(manager: dict, name: str) -> dict:
    return next(f["typed_config"] for f in manager["http_filters"] if f["name"] == name)


def _route(rpc: Rpc, edge: Edge) -> dict:
    filters = {}
    if rpc.access == "public":
        filters["envoy.filters.http.jwt_authn"] = {
            "@type": _type("filters.http.jwt_authn.v3.PerRouteConfig"),
            "disabled": True,
        }
    if rpc.path in CREDENTIAL_RPCS:
        filters["envoy.filters.http.local_ratelimit"] = _per_address_limit(rpc, edge.credentials_per_minute)
    action: dict[str, Any] = {"cluster": rpc.service, "retry_policy": _retries(rpc)}
    if rpc.server_streaming:
        # However long, but not silent: a service sends something at least every few minutes.
        action |= {"timeout": "0s", "idle_timeout": "300s"}
    else:
        # The caller's grpc-timeout counts up to the limit.
        action |= {"timeout": "15s", "max_stream_duration": {"grpc_timeout_header_max": "15s"}}
    route = {"match": {"path": rpc.path}, "route": action}
    return route | ({"typed_per_filter_config": filters} if filters else {})


def _retries(rpc: Rpc) -> dict:
    # A write is sent again only when it certainly did not reach the service.
    safe = "connect-failure,refused-stream"
    return {
        "retry_on": f"{safe},reset-before-request,unavailable" if rpc.is_read else safe,
        "num_retries": 3,
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": _type("retry.host.previous_hosts.v3.PreviousHostsPredicate")},
        }],
        "host_selection_retry_max_attempts": 3,
    }


def _per_address_limit(rpc: Rpc, per_minute: int) -> dict:
    always = {"default_value": {"numerator": 100}}
    bucket = {"max_tokens": per_minute, "tokens_per_fill": per_minute, "fill_interval": "60s"}
    return {
        "@type": _type("filters.http.local_ratelimit.v3.LocalRateLimit"),
        "stat_prefix": rpc.name,
        "token_bucket": {"max_tokens": 100_000, "tokens_per_fill": 100_000, "fill_interval": "1s"},
        "filter_enabled": always,
        "filter_enforced": always,
        "rate_limited_as_resource_exhausted": True,
        "rate_limits": [{"actions": [{"remote_address": {}}]}],
        # An entry without a value gives each address a bucket of its own; the least recently used ones are forgotten.
        "descriptors": [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}],
        "max_dynamic_descriptors": 100_000,
    }


def _local_replies() -> list[dict]:
    """Gives what Envoy itself answers the shape that the caller expects; the first that fits is taken."""
    plain = {"or_filter": {"filters": [
        _header_filter("x-envoy-original-path", {"present_match": True}),  # JSON that the transcoder has taken
        _header_filter("content-type", {
            "string_match": {"prefix": "application/grpc"},
            "invert_match": True, "treat_missing_header_as_empty": True,
        }),
    ]}}
    return [
        reply
        for status, (code, message) in OWN_ANSWERS.items()
        for reply in (_json_error(status, code, message, plain), _grpc_error(status, code, message))
    ]


def _json_error(status: int | None, code: int, message: str, callers: dict) -> dict:
    # What is wrong with a request, the transcoder says best.
    body = {"code": code, "message": "%LOCAL_REPLY_BODY%" if status == 400 else message, "details": []}
    reply = {
        "filter": {"and_filter": {"filters": [_status_filter(status), callers]}},
        "body_format_override": {"json_format": body},
    }
    return reply | ({"status_code": 401} if status == 403 else {})


def _grpc_error(status: int | None, code: int, message: str) -> dict:
    # A response of headers alone, as a service would send it: clients make different codes of an HTTP status.
    return {
        "filter": _status_filter(status),
        "status_code": 200,
        "headers_to_add": [_header("grpc-status", str(code)), _header("grpc-message", message)],
        "body_format_override": {"text_format_source": {"inline_string": ""}},
    }


def _status_filter(status: int | None) -> dict:
    name = f"edge.status_{status}"
    compared = {"op": "EQ", "value": {"default_value": status, "runtime_key": name}}
    if status is None:
        compared = {"op": "GE", "value": {"default_value": 400, "runtime_key": name}}
    return {"status_code_filter": {"comparison": compared}}


def _header_filter(name: str, match: dict) -> dict:
    return {"header_filter": {"header": {"name": name} | match}}


def _header(name: str, value: str) -> dict:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _cluster(service: str, address: str) -> dict:
    host, port = address.rsplit(":", 1)
    endpoint = {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}
    return {
        "name": service,
        "type": "STRICT_DNS",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _type("upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": {
                    "http2_protocol_options": {"connection_keepalive": {"interval": "30s", "timeout": "5s"}},
                },
            },
        },
        # Sized for 10,000 open streams on one service, and for unary calls beside them.
        "circuit_breakers": {"thresholds": [{
            "max_connections": 1024, "max_pending_requests": 16_384, "max_requests": 16_384,
            "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 10},
        }]},
        "outlier_detection": {
            "consecutive_5xx": 10, "consecutive_gateway_failure": 5, "interval": "5s",
            "base_ejection_time": "5s", "max_ejection_percent": 50,
        },
        "health_checks": [{
            "timeout": "1s", "interval": "2s", "no_traffic_interval": "2s", "initial_jitter": "0.1s",
            "unhealthy_threshold": 2, "healthy_threshold": 1, "grpc_health_check": {},
        }],
        "load_assignment": {"cluster_name": service, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"


class _PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--descriptors", required=True, type=Path, help="where to write the descriptor set")
    parser.add_argument("--descriptors-path", help="where Envoy will find it, unless there")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--admin", required=True, metavar="HOST:PORT")
    parser.add_argument("--issuer", required=True, metavar="URL")
    parser.add_argument("--upstreams", required=True, metavar="PATTERN", help="such as '{service}:9000'")
    parser.add_argument("--cors-origin", action="append", default=[], metavar="ORIGIN", help="whose pages may call")
    parser.add_argument("--cors-local", action="store_true", help="pages of localhost may call too")
    parser.add_argument("--credentials-per-minute", type=int, default=Edge.credentials_per_minute)
    arguments = parser.parse_args()
    compile_protos(arguments.descriptors)
    rpcs = read_rpcs(arguments.descriptors)
    edge = Edge(
        listen=arguments.listen, admin=arguments.admin, issuer=arguments.issuer,
        descriptors=arguments.descriptors_path or str(arguments.descriptors.absolute()),
        upstreams={rpc.service: arguments.upstreams.format(service=rpc.service) for rpc in rpcs},
        cors_origins=tuple(arguments.cors_origin),
        cors_local=arguments.cors_local,
        credentials_per_minute=arguments.credentials_per_minute,
    )
    print(render(edge, rpcs), end="")
    return 0


if __name__ == "__main__":
    sys.exit(in_words(main))
