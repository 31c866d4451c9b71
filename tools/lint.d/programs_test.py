"""What becomes of what other programs say."""

import unittest
from subprocess import CompletedProcess

from programs import ROOT, tidy_findings


class TidyTest(unittest.TestCase):
    def findings(self, status: int, output: str = "", errors: str = "") -> list[str]:
        return [str(finding) for finding in tidy_findings("a.cc", CompletedProcess([], status, output, errors))]

    def test_what_it_finds(self):
        warning = f"{ROOT}/a.cc:3:7: warning: it is odd [odd,-warnings-as-errors]\n   3 | x\n"
        self.assertEqual(self.findings(1, warning), ["a.cc:3: it is odd [odd]"])
        self.assertEqual(self.findings(0), [])

    def test_a_file_that_it_could_not_read_is_not_well(self):
        self.assertEqual(self.findings(-11, errors="Stack dump"), ["a.cc: clang-tidy ended with -11: Stack dump"])


if __name__ == "__main__":
    unittest.main()
