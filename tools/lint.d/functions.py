"""Where functions begin and end, well enough for formatted code: by braces in C++ and TypeScript, by syntax in Python."""

from __future__ import annotations

import ast
import re
from typing import Iterator, NamedTuple

from files import SourceFile


class Function(NamedTuple):
    line: int
    lines: int  # signature and body


_ACCESS_AND_SPACE = re.compile(r"(?:\s*(?:public|protected|private):)*\s*")
_CONTROL = re.compile(r"\s*(?:\}?\s*else\b|(?:if|for|while|switch|catch|do|try)\b)")
_SCOPE = re.compile(r"\s*(?:template\b.*>\s*)?(?:typedef\s+)?(?:namespace|class|struct|union|enum|extern)\b[^()]*$", re.DOTALL)
_SIGNATURE_END = re.compile(
    r"""(?:\)|=>)                                   # of the parameters, or a TypeScript arrow
        (?:\s*(?:const|noexcept(?:\([^()]*\))?|override|final|mutable|&{1,2}|requires\b[^{}]*))*
        (?:\s*(?:->|:)\s*[^;]*)?                    # the type, or the members that a constructor initialises
        \s*$""",
    re.VERBOSE,
)


def functions(file: SourceFile) -> Iterator[Function]:
    """The outermost functions of a .cc, .h, .ts, .tsx or .py file. Raises SyntaxError for Python that is none."""
    if file.path.endswith(".py"):
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield Function(node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
    else:
        yield from _by_braces(re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", _blank_lines, file.code, flags=re.MULTILINE))


def _blank_lines(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _by_braces(code: str) -> Iterator[Function]:
    header_start = 0  # of what stands between the last ; or brace and here
    function_start = depth_of_function = -1
    open_braces: list[bool] = []  # whether each open one is a braced value, which does not end a header
    for match in re.finditer(r"[{};]", code):
        at, token = match.start(), match[0]
        header = code[header_start:at]
        if token == "{":
            value = _is_braced_value(code, at)
            open_braces.append(value)
            if function_start < 0 and not value and _is_function(header):
                function_start = header_start + _ACCESS_AND_SPACE.match(header).end()
                depth_of_function = len(open_braces)
        elif token == "}" and open_braces:
            if function_start >= 0 and len(open_braces) == depth_of_function:
                first = code.count("\n", 0, function_start) + 1
                yield Function(first, code.count("\n", 0, at) + 2 - first)
                function_start = -1
            value = open_braces.pop()
        else:
            value = any(open_braces[-1:])
        if not value:
            header_start = match.end()


def _is_braced_value(code: str, brace: int) -> bool:
    """`member_{1}`, `= {…}`, `({…})`, `return {…}`, `: {…}`: what the formatter writes without a space, or after these."""
    before = code[max(0, brace - 40) : brace]
    return bool(re.search(r"[\w>\]]$|[=(,\[?<:]\s*$|\breturn\s*$", before)) and not before.rstrip().endswith("=>")


def _is_function(header: str) -> bool:
    return not _CONTROL.match(header) and not _SCOPE.match(header) and bool(_SIGNATURE_END.search(header))
