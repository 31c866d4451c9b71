import unittest

import yaml

from mesh.contracts import Rpc
from mesh.edge import CREDENTIAL_RPCS, OWN_ANSWERS, Edge, render
from mesh.steps import Problem

EDGE = Edge(
    listen="127.0.0.1:1", admin="127.0.0.1:2", issuer="http://edge", descriptors="all.pb",
    upstreams={"identity": "127.0.0.1:3", "catalog": "127.0.0.1:4"},
)
CREDENTIALS = [Rpc(*path[1:].split("/"), "public", False) for path in sorted(CREDENTIAL_RPCS)]
CATALOG = "playmesh.catalog.v1.CatalogService"
GET_GAME = Rpc(CATALOG, "GetGame", "public", False)
PUBLISH = Rpc(CATALOG, "PublishGame", "permission", False)
INTERNAL = Rpc(CATALOG, "BatchGetEditions", "internal", False)


def manager(*rpcs: Rpc) -> dict:
    config = yaml.safe_load(render(EDGE, [*CREDENTIALS, *rpcs]))
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def filters_of_routes(*rpcs: Rpc) -> dict[str, set[str]]:
    """Path → names of the filters that its route sets."""
    routes = manager(*rpcs)["route_config"]["virtual_hosts"][0]["routes"]
    return {
        route["match"]["path"]: {name.rsplit(".", 1)[1] for name in route.get("typed_per_filter_config", {})}
        for route in routes
        if "path" in route["match"]
    }


class Routes(unittest.TestCase):
    def test_rpcs_that_take_credentials_are_limited_and_others_are_not(self):
        filters = filters_of_routes(GET_GAME)
        self.assertEqual({path for path, names in filters.items() if "local_ratelimit" in names}, CREDENTIAL_RPCS)

    def test_a_limit_on_an_rpc_that_is_no_more_is_a_problem(self):
        with self.assertRaisesRegex(Problem, CREDENTIALS[0].path):
            render(EDGE, CREDENTIALS[1:])

    def test_only_public_rpcs_need_no_token(self):
        filters = filters_of_routes(GET_GAME, PUBLISH)
        self.assertIn("jwt_authn", filters[GET_GAME.path])
        self.assertNotIn("jwt_authn", filters[PUBLISH.path])

    def test_internal_rpcs_have_no_route(self):
        self.assertNotIn(INTERNAL.path, filters_of_routes(INTERNAL))


class OwnAnswers(unittest.TestCase):
    def test_every_caller_reads_our_sentence_of_every_status(self):
        mappers = manager()["local_reply_config"]["mappers"]
        json = [reply["body_format_override"]["json_format"] for reply in mappers if "json_format" in reply["body_format_override"]]
        grpc = [[header["header"]["value"] for header in reply["headers_to_add"]] for reply in mappers if "headers_to_add" in reply]
        self.assertEqual(grpc, [[str(code), message] for code, message in OWN_ANSWERS.values()])
        own_words = [body["message"] for body in json if body["message"] != "%LOCAL_REPLY_BODY%"]
        self.assertEqual(own_words, [message for status, (_, message) in OWN_ANSWERS.items() if status != 400])


if __name__ == "__main__":
    unittest.main()
