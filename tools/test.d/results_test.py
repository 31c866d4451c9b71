import unittest

from results import Count, judged, of_catch, of_ctest, of_node, of_steps, of_unittest


def section(number: int, output: str, end: str) -> str:
    return f"{number}/3 Testing: t{number}\n{number}/3 Test: t{number}\nOutput:\n---\n{output}\n<end of output>\nTest time =   1 sec\n---\nTest {end}.\n"


class Catch(unittest.TestCase):
    def test_all_passed(self):
        self.assertEqual(of_catch("All tests passed (531 assertions in 55 test cases)"), Count(55, 0))
        self.assertEqual(of_catch("All tests passed (1 assertion in 1 test case)"), Count(1, 0))

    def test_some_failed(self):
        self.assertEqual(of_catch("test cases:  12 |  10 passed | 2 failed\nassertions: 90 | 88 passed"), Count(10, 2))
        self.assertEqual(of_catch("test cases: 2 | 2 failed\n"), Count(0, 2))

    def test_nothing_ran(self):
        self.assertEqual(of_catch("No tests ran"), Count())


class Ctest(unittest.TestCase):
    def test_sums_the_binaries(self):
        log = section(1, "All tests passed (9 assertions in 4 test cases)", "Passed")
        log += section(2, "test cases: 3 | 2 passed | 1 failed", "Failed")
        self.assertEqual(of_ctest(log), Count(6, 1))

    def test_a_crash_is_a_failure(self):
        self.assertEqual(of_ctest(section(1, "free(): invalid pointer", "Failed")), Count(0, 1))

    def test_an_error_that_a_sanitizer_finds_at_the_end_is_a_failure(self):
        log = section(1, "All tests passed (9 assertions in 4 test cases)\nSUMMARY: 8 byte(s) leaked", "Failed")
        self.assertEqual(of_ctest(log), Count(4, 1))

    def test_a_binary_without_tests_is_a_failure(self):
        self.assertEqual(of_ctest(section(1, "No tests ran", "Passed")), Count(0, 1))

    def test_an_empty_log_counts_nothing(self):
        self.assertEqual(of_ctest(""), Count())


class Others(unittest.TestCase):
    def test_node(self):
        self.assertEqual(of_node("# tests 4\n# pass 3\n# fail 1\n# cancelled 0\n"), Count(3, 1))
        self.assertEqual(of_node("ℹ pass 3\nℹ fail 0\nℹ cancelled 2\nℹ skipped 1\n"), Count(3, 2))

    def test_unittest(self):
        self.assertEqual(of_unittest("Ran 7 tests in 0.1s\n\nOK\n"), Count(7, 0))
        self.assertEqual(of_unittest("Ran 7 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=1)\n"), Count(3, 3))

    def test_steps(self):
        self.assertEqual(of_steps("The story\n ✓ one  0.1 s\n ✗ two  0.2 s\n44 steps in 3 s\n"), Count(1, 1))

    def test_what_fails_without_a_failed_case_counts_as_one(self):
        self.assertEqual(judged(Count(5, 0), succeeded=False), Count(5, 1))
        self.assertEqual(judged(Count(5, 2), succeeded=False), Count(5, 2))

    def test_what_ran_nothing_counts_as_one_failure(self):
        self.assertEqual(judged(Count(), succeeded=True), Count(0, 1))


if __name__ == "__main__":
    unittest.main()
