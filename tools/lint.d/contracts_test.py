"""The checks of protos, READMEs and migrations, on made-up ones."""

import unittest

from contracts import (
    ACCESS,
    EVENT,
    check_access,
    check_permissions,
    check_service_readme,
    check_services_table,
    rpcs_and_events,
    table_rows,
)
from files import Failed, SourceFile
from migrations import check_numbers, check_unchanged

FILES = [
    {
        "name": "playmesh/shop/v1/shop_service.proto",
        "package": "playmesh.shop.v1",
        "service": [{"method": [{"name": "Open", "options": {ACCESS: {"public": True}}}, {"name": "CloseShop"}]}],
    },
    {
        "name": "playmesh/shop/v1/shop_events.proto",
        "package": "playmesh.shop.v1",
        "messageType": [{"name": "ShopOpened", "options": {EVENT: {"key": "shop_id"}}}, {"name": "NoEvent"}],
    },
    {
        "name": "playmesh/mall/v1/mall_events.proto",
        "package": "playmesh.mall.v1",
        "messageType": [{"name": "MallBuilt", "options": {EVENT: {"key": "mall_id"}}}],
    },
]

README = """# Shop

| RPC | who may call it |
|---|---|
| `Open` | everybody |
| `CloseShop` | its owner, see AnotherName |

| event | meaning |
|---|---|
| `ShopOpened` | the door is open |

| consumes | effect |
|:--|--:|
| `MallBuilt` | a shop opens |

| setting | meaning |
|---|---|
| Whatever | is not looked at |
"""


class ContractsTest(unittest.TestCase):
    def readme(self, text: str) -> list[str]:
        return [finding.message for finding in check_service_readme("R", text, "shop", rpcs_and_events(FILES))]

    def test_an_rpc_without_access_is_found(self):
        self.assertEqual([finding.message.split()[0] for finding in check_access(FILES)], ["CloseShop"])

    def permissions(self, rpc: dict, table: str) -> list[str]:
        shop = {"name": "shop.proto", "package": "playmesh.shop.v1", "service": [{"method": [
            {"name": "Sell", "options": {ACCESS: {"permission": "shop.sell"}}},
            {"name": "Look", "options": {ACCESS: {"public": True}}},
            {"name": "Restock", "options": {ACCESS: rpc}},
        ]}]}
        return [str(finding) for finding in check_permissions([shop], SourceFile("table.cc", table))]

    def test_permissions_of_rpcs_and_of_roles_are_the_same(self):
        rows = '{Role::ROLE_A, "shop.sell"},\n{Role::ROLE_B,\n "shop.restock"},\n{Role::ROLE_A, "shop.restock"},\n'
        self.assertEqual(self.permissions({"permission": "shop.restock"}, rows), [])

    def test_a_permission_that_no_role_has_is_found(self):
        rows = '{Role::ROLE_A, "shop.sell"},\n// {Role::ROLE_A, "shop.restock"},\n'
        self.assertEqual(self.permissions({"permission": "shop.restock"}, rows), [
            "protos/shop.proto: Restock asks for shop.restock, which nobody has: give it to a role in table.cc",
        ])

    def test_a_permission_that_no_rpc_asks_for_is_found_unless_it_is_allowed(self):
        rows = '{Role::ROLE_A, "shop.sell"},\n{Role::ROLE_A, "shop.rob"},\n'
        self.assertEqual([finding[:39] for finding in self.permissions({"signedIn": True}, rows)], [
            "table.cc:2: no RPC asks for shop.rob: t",
        ])
        reason = "// lint:allow(permissions) the edge asks for it\n"
        self.assertEqual(self.permissions({"signedIn": True}, rows.replace("\n{", f"\n{reason}{{")), [])

    def test_a_table_that_cannot_be_read_is_no_empty_table(self):
        with self.assertRaises(Failed):
            self.permissions({"public": True}, "no rows")

    def test_a_true_readme_passes(self):
        self.assertEqual(self.readme(README), [])

    def test_a_missing_and_an_unknown_name_are_found(self):
        self.assertEqual(self.readme(README.replace("`Open`", "`Opens`")), [
            "add Open to its table (header RPC or Event)", "Opens is in a table, but not in the proto",
        ])
        self.assertEqual(self.readme(README.replace("`MallBuilt`", "`MallBurnt`")), [
            "MallBurnt is in a table, but not in the proto",
        ])

    def test_several_names_may_share_a_row(self):
        joined = README.replace("| `CloseShop` | its owner, see AnotherName |\n", "").replace("`Open`", "`Open`, `CloseShop`")
        self.assertEqual(self.readme(joined), [])

    def test_rows_of_tables(self):
        self.assertEqual(table_rows("| a | b |\n|---|---|\n| 1 | 2 |\n\n| no | table |\n"), [(["a", "b"], ["1", "2"])])

    def test_the_table_of_services_matches_the_folders(self):
        table = "| service | owns |\n|---|---|\n| [shop](services/shop) | shops |\n| `mall` | malls |\n"
        contracts = rpcs_and_events(FILES)
        self.assertEqual(check_services_table(table, contracts), [])
        road = {"shop": contracts["shop"], "road": (set(), set())}
        self.assertEqual([finding.message[:24] for finding in check_services_table(table, road)], [
            "add road to the table of", "the table of services na",
        ])

    def events_of_table(self, publishes: str, consumes: str) -> list[str]:
        table = "| Service | publishes | consumes |\n|---|---|---|\n| mall | MallBuilt | |\n"
        contracts = rpcs_and_events(FILES)
        return [finding.message for finding in check_services_table(f"{table}| shop | {publishes} | {consumes} |\n", contracts)]

    def test_the_table_of_services_names_events_and_services_that_exist(self):
        for publishes in ("ShopOpened", "…", "`ShopOpened`, …"):
            self.assertEqual(self.events_of_table(publishes, "mall"), [])
        self.assertEqual(self.events_of_table("ShopClosed", "mall, road"), [
            "the table of services says that shop publishes ShopClosed, but its proto has no such event",
            "add ShopOpened to what shop publishes, or end that cell with …",
            "shop consumes events of road, says the table of services, but there is no such service",
        ])


class MigrationsTest(unittest.TestCase):
    def test_numbers_have_no_gaps_and_no_twins(self):
        good = ["services/a/migrations/0001_x.sql", "services/a/migrations/0002_y.sql", "services/b/migrations/0001_z.sql"]
        self.assertEqual(check_numbers(good), [])
        self.assertEqual(check_numbers([good[0], "services/a/migrations/0003_y.sql"])[0].path, "services/a/migrations/0003_y.sql")
        self.assertEqual(check_numbers([*good, "services/b/migrations/0001_a.sql"])[0].path, "services/b/migrations/0001_z.sql")

    def test_a_released_migration_is_neither_edited_nor_removed(self):
        self.assertEqual(check_unchanged({"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}), [])
        self.assertEqual([finding.path for finding in check_unchanged({"a": "1", "b": "2"}, {"a": "9"})], ["a", "b"])


if __name__ == "__main__":
    unittest.main()
