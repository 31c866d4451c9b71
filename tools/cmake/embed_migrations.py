"""Writes a C++ source that holds SQL migrations: embed_migrations.py OUTPUT FUNCTION FILE..."""

import pathlib
import re
import sys

output, function, files = sys.argv[1], sys.argv[2], sorted(sys.argv[3:])

entries = []
for number, file in enumerate(files, start=1):
    path = pathlib.Path(file)
    match = re.fullmatch(r"(\d{4})_[a-z0-9_]+", path.stem)
    if not match or int(match[1]) != number:
        sys.exit(f"{path}: name migrations 0001_verb_noun.sql, 0002_…, without gaps")
    entries.append(f'    {{{number}, "{path.stem}", R"sql({path.read_text()})sql"}},\n')

pathlib.Path(output).write_text(
    '#include "common/db/migrate.h"\n\nnamespace playmesh {\n\n'
    f"std::span<const db::Migration> {function}() {{\n"
    f"  static const std::vector<db::Migration> migrations = {{\n{''.join(entries)}  }};\n"
    "  return migrations;\n}\n\n}  // namespace playmesh\n"
)
