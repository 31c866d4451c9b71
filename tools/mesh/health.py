"""Whether the parts are ready: services by the gRPC health protocol, the edge by what it says of itself."""

from __future__ import annotations

import json
import subprocess
import urllib.request

# A gRPC message without content (an unnamed service's HealthCheckRequest), and the answer SERVING.
_REQUEST = b"\0\0\0\0\0"
_SERVING = b"\0\0\0\0\x02\x08\x01"


def is_serving(address: str) -> bool:
    """Asks grpc.health.v1.Health/Check, through curl, which spares us a gRPC runtime."""
    answer = subprocess.run(
        ["curl", "-s", "-m", "2", "--http2-prior-knowledge", "-H", "content-type: application/grpc", "-H", "te: trailers",
         "--data-binary", "@-", f"http://{address}/grpc.health.v1.Health/Check"],
        input=_REQUEST, capture_output=True,
    )
    return answer.stdout == _SERVING


def unready_upstreams(admin: str) -> list[str]:
    """Services that the edge cannot reach; ["edge"] while it does not answer itself."""
    try:
        clusters = json.loads(_get(f"http://{admin}/clusters?format=json"))["cluster_statuses"]
        return sorted(
            cluster["name"]
            for cluster in clusters
            for host in cluster.get("host_statuses", [])
            if host["health_status"].get("failed_active_health_check")
        )
    except OSError:
        return ["edge"]


def has_token_keys(admin: str) -> bool:
    """Whether the edge has read identity's public keys, so that it can check tokens."""
    try:
        stats = json.loads(_get(f"http://{admin}/stats?format=json&filter=jwks_fetch_success"))["stats"]
    except OSError:
        return False
    return any(stat.get("value", 0) > 0 for stat in stats)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=2) as answer:
        return answer.read()
