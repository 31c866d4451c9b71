"""Each house rule with a file that breaks it and one that does not."""

import unittest

from files import SourceFile
from functions import functions
from house import RULES, check

LONG_CC = "int F(int a) {\n" + "  a++;\n" * 69 + "}\n"
SHORT_CC = "int F(int a) {\n" + "  a++;\n" * 68 + "}\n"

# Rule: [(path, what breaks it, what does not)]
SAMPLES = {
    "output": [
        ("services/x/a.cc", "void F() { std::cout << 1; }", "// std::cout\nlog::Info(\"printf(1)\"); snprintf(b, 2, f);"),
        ("common/x/a.cc", "printf(\"hi\");", "fprintf(file, \"hi\");"),
    ],
    "todo": [("a.md", "TODO: later", "todos are listed")],
    "machine-path": [
        ("tools/a.sh", "cd /home/somebody/x", "cd \"$HOME/x\"; ls /usr/lib /tmp/x https://example.org/home/x $root/work/x"),
    ],
    "lockfile-host": [("package-lock.json", '"resolved": "https://mirror.example/a.tgz"', '"resolved": "client"')],
    "function-length": [
        ("a.cc", LONG_CC, SHORT_CC),
        ("a.py", "def f():\n" + "    pass\n" * 70, "def f():\n" + "    pass\n" * 69),
        ("a.py", "def f(:\n", "def f(): pass\n"),
        ("a.ts", "export const f = async (a: string): Promise<void> => {\n" + "a;\n" * 70 + "};", "const a = {\n" + "b: 1,\n" * 90 + "};"),
    ],
    "file-length": [("a.cc", "int a;\n" * 801, "int a;\n" * 800)],
    "sql-concatenation": [
        ("a.cc", 'absl::StrCat("select a from b where c = ", c)', 'absl::StrCat("no row to update ", c)'),
        ("a.cc", 'StrAppend(&sql, "delete from t")', 'tx.Execute(R"(update t set a = :a)", Param("a", a));'),
        ("a.cc", 'std::string s = R"(\n  select a from b where c = )" + c;', 'x = "selected " + c; // "select a " + b'),
    ],
    "select-star": [
        ("a.cc", 'tx.Query("select * from t")', 'tx.Query("select count(*) from t") // select *'),
        ("a.sql", "create view v as\nselect t.*\nfrom t", "select a -- never select *\nfrom t"),
    ],
    "float-money": [
        ("a.h", "double price = 0;", "double load; int64_t price;  // double price"),
        ("a.proto", "float total_amount = 1;", "double share = 1; int64 amount = 2;"),
        ("a.sql", "  price double precision not null", "  price bigint not null, score double precision"),
    ],
    "vague-name": [
        ("a.h", "class SessionManager {", "class Sessions {};  // not class SessionManager"),
        ("a.ts", "export interface StringUtils {", "export interface Utilisation {"),
        ("a.proto", "message PriceHelper {", "message Price {"),
    ],
    "sleep-in-test": [
        ("services/x/a_test.cc", "std::this_thread::sleep_for(1s);", "Eventually([&] { return done; });  // no sleep("),
        ("tests/a.py", "time.sleep(1)", "eventually(lambda: done)"),
        ("tests/a.sh", "sleep 1\n", "wait-for edge\n"),
        ("a/b.test.ts", "await new Promise((done) => setTimeout(done, 50));", 'enable({ apis: ["setTimeout"] }); // setTimeout('),
        ("tests/lib/call.ts", None, "const limit = setTimeout(() => call.abort(), 5_000);"),
    ],
    "pragma-once": [("a.h", "#include <x>\n", "// What it is.\n#pragma once\n")],
    "migration-name": [
        ("services/x/migrations/1_games.sql", "", None),
        ("services/x/migrations/0001_create_games.sql", None, ""),
    ],
}


class HouseTest(unittest.TestCase):
    def test_every_rule_has_samples(self):
        self.assertEqual(sorted(SAMPLES), sorted(rule.name for rule in RULES))

    def test_samples(self):
        rules = {rule.name: rule for rule in RULES}
        for name, samples in SAMPLES.items():
            for path, bad, good in samples:
                with self.subTest(rule=name, bad=bad and bad[:60]):
                    if bad is not None:
                        self.assertEqual(len(check(rules[name], [SourceFile(path, bad)])), 1)
                with self.subTest(rule=name, good=good and good[:60]):
                    if good is not None:
                        self.assertEqual(check(rules[name], [SourceFile(path, good)]), [])

    def test_vague_file_names_are_found(self):
        rule = next(rule for rule in RULES if rule.name == "vague-name")
        bad = ["common/string_util.h", "a/helpers.ts", "a/store-impl.cc", "a/utils_test.py"]
        self.assertEqual(len(check(rule, [SourceFile(path, "") for path in bad])), 4)
        self.assertEqual(check(rule, [SourceFile("common/utility_pole.h", ""), SourceFile("a/implicit.cc", "")]), [])

    def test_a_reason_allows_what_a_rule_forbids(self):
        rule = next(rule for rule in RULES if rule.name == "select-star")
        allowed = "// lint:allow(select-star) the columns are a foreign table's\nx(\"select * from t\");"
        self.assertEqual(check(rule, [SourceFile("a.cc", allowed)]), [])
        self.assertEqual(len(check(rule, [SourceFile("a.cc", allowed.replace(" the columns are a foreign table's", ""))])), 1)


class FunctionsTest(unittest.TestCase):
    def lengths(self, path: str, text: str) -> list[tuple[int, int]]:
        return [tuple(function) for function in functions(SourceFile(path, text))]

    def test_cpp(self):
        self.assertEqual(self.lengths("a.cc", """namespace a {
class B : public C {
 public:
  B(int x) : y_(1), x_{x} {
    Use(x);
  }
  int Get() const override {
    if (x_) {
      return 1;
    }
    return f([&] { return R"(})"; });
  }
  int x_ = 0;
};
const std::vector<int> kAll = {
    1,
};
absl::StatusOr<int> F(
    int a) {
  S s{.a = 1};
  return a;
}
struct D {
  int a;
};
TEST_CASE("it works { with braces") {
  REQUIRE(true);
}
}  // namespace a
"""), [(4, 3), (7, 6), (18, 5), (26, 3)])

    def test_typescript(self):
        self.assertEqual(self.lengths("a.ts", """import { a } from "a";
export class Session {
  async open(name: string): Promise<{ id: string }> {
    return this.call(`{${name}`);
  }
}
export const close = (id: string) => {
  done({ id });
};
function* pages() {
}
"""), [(3, 3), (7, 3), (10, 2)])

    def test_python(self):
        self.assertEqual(self.lengths("a.py", "class A:\n  def f(self):\n    x = 1\n    return x\n"), [(2, 3)])


if __name__ == "__main__":
    unittest.main()
