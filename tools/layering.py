#!/usr/bin/env python3
"""Checks that includes point downward only.

TABLE is the layer table of ARCHITECTURE.md: what a folder may include directly. What those may include
is allowed too, so engine/ may include model/ and base/. Exits with 1 when an include breaks a rule; long
files are warned about only.

Usage: layering.py [root]      check the repository (default: the one this script is in)
       layering.py --self-test
"""

import pathlib
import re
import sys
import tempfile
import unittest

CORES = ["broker/core", "coordinator/core"]
EVERYTHING = ["*"]
PUBLIC_API = ["base", "client", "proto"]

TABLE = {
    "base": [],
    "model": ["base"],
    "audit": ["model"],
    "storage": ["base"],
    "broker/core": ["model"],
    "broker/amqp": ["broker/core"],
    "coordinator/core": ["model"],
    "engine": CORES + ["audit", "storage"],
    "broker/net": ["broker/amqp", "engine"],
    # What the services share at the gRPC edge: authentication, errors, conversions.
    "rpc": ["engine", "proto"],
    "broker/api": ["rpc", "engine", "proto"],
    "coordinator/api": ["rpc", "engine", "proto"],
    # proto, because the callbacks adapter speaks the producers' gRPC service.
    "adapters": ["engine", "proto"],
    "management": ["engine", "proto"],
    "proto": [],
    "server": EVERYTHING,
    "client": ["base", "proto"],
    "cli": PUBLIC_API,
    "console": ["proto"],
    "tests": EVERYTHING,
    # Also measures the layers by themselves.
    "bench": EVERYTHING,
    "examples": PUBLIC_API,
}

# Nothing may include these, not even those who may include everything.
NEVER_INCLUDED = {"tests", "bench", "examples"}

# Folders whose types must stay free of foreign ones, so that they can be simulated and replaced.
CORE_FOLDERS = {"base", "model", "audit", "storage", "broker/core", "broker/amqp", "coordinator/core", "engine"}
FOREIGN = {
    "protobuf": re.compile(r"^google/protobuf/|\.pb\.h$"),
    "gRPC": re.compile(r"^(grpc|grpcpp|grpc\+\+)/"),
    "RocksDB": re.compile(r"^rocksdb/"),
    "Boost or Asio": re.compile(r"^(boost|asio)(/|\.hpp$)"),
}
# A *_env.h is the door for tests that put another file system under RocksDB.
ROCKSDB_FILE = re.compile(r"(^|/)rocks_[^/]*(\.cc|_env\.h)$")

GENERATED = re.compile(r"^(escrow|google/rpc|grpc/health)/.*\.pb\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
SUFFIXES = {".h", ".cc"}
MAX_LINES = 400


def closure(folder):
    """All folders that `folder` may include; itself among them."""
    if TABLE[folder] == EVERYTHING:
        return (set(TABLE) - NEVER_INCLUDED) | {folder}
    reached, pending = {folder}, list(TABLE[folder])
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += TABLE[name]
    return reached


ALLOWED = {folder: closure(folder) for folder in TABLE}
TOP_FOLDERS = sorted({folder.split("/")[0] for folder in TABLE})


def folder_of(path):
    """The row of the table that a path belongs to, or None."""
    parts = path.split("/")
    for length in (2, 1):
        folder = "/".join(parts[:length])
        if len(parts) > length and folder in TABLE:
            return folder
    return None


def foreign_error(path, folder, header):
    """Why `path` may not include the foreign `header`, or None."""
    kind = next((name for name, pattern in FOREIGN.items() if pattern.search(header)), None)
    if kind is None:
        return None
    if kind == "RocksDB" and folder != "tests":
        if folder == "storage" and ROCKSDB_FILE.search(path):
            return None
        return "RocksDB belongs in storage/rocks_*.cc only"
    if folder in CORE_FOLDERS:
        return f"{folder}/ must not know {kind}"
    return None


def meant_as_ours(root, path, header):
    """Whether a header that is not found from the root was meant to be one of this repository."""
    beside = (root / path).parent / header
    return "/" not in header or beside.is_file() or header.split("/")[0] in TOP_FOLDERS


def include_error(root, path, quote, header):
    """Why `path` may not include `header`, or None."""
    folder = folder_of(path)
    if folder is None:
        return "this folder is not in the table of tools/layering.py"
    error = foreign_error(path, folder, header)
    if error:
        return error
    if GENERATED.search(header):
        target = "proto"
    elif (root / header).is_file():
        target = folder_of(header)
    elif quote == '"' and meant_as_ours(root, path, header):
        return "no such file; includes are written from the root of the repository"
    else:
        return None
    if target in ALLOWED[folder]:
        return None
    below = ", ".join(sorted(ALLOWED[folder] - {folder})) or "nothing of ours"
    return f"{folder}/ may include {below}"


def source_files(root):
    for top in TOP_FOLDERS:
        for file in sorted((root / top).rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                yield file


def check(root):
    """Returns (errors, warnings), each a list of `file:line: message`."""
    errors, warnings = [], []
    for file in source_files(root):
        path = file.relative_to(root).as_posix()
        text = file.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            quote, header = match.groups()
            error = include_error(root, path, quote, header)
            if error:
                line = text.count("\n", 0, match.start(2)) + 1
                errors.append(f"{path}:{line}: includes {header}: {error}")
        lines = text.count("\n")
        if lines > MAX_LINES:
            warnings.append(f"{path}:1: {lines} lines, more than {MAX_LINES}")
    return errors, warnings


class LayeringTest(unittest.TestCase):
    def errors(self, files):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            errors, self.warnings = check(root)
            return errors

    def include(self, path, header, target=None):
        """The errors of one file with one include; `target` is made to exist when given."""
        files = {path: f"#pragma once\n#include {header}\n"}
        if target:
            files[target] = ""
        return self.errors(files)

    def test_downward_is_fine(self):
        self.assertEqual(self.include("model/a.h", '"base/b.h"', "base/b.h"), [])

    def test_what_is_below_a_neighbour_is_fine(self):
        self.assertEqual(self.include("engine/a.h", '"base/b.h"', "base/b.h"), [])

    def test_the_own_folder_is_fine(self):
        self.assertEqual(self.include("adapters/kafka/a.h", '"adapters/sink.h"', "adapters/sink.h"), [])

    def test_upward_is_an_error_with_file_and_line(self):
        self.assertEqual(
            self.include("base/a.h", '"model/b.h"', "model/b.h"),
            ["base/a.h:2: includes model/b.h: base/ may include nothing of ours"],
        )

    def test_angle_brackets_do_not_hide_an_include(self):
        self.assertEqual(len(self.include("base/a.h", "<model/b.h>", "model/b.h")), 1)

    def test_the_broker_does_not_know_the_coordinator(self):
        target = "coordinator/core/b.h"
        self.assertEqual(len(self.include("broker/core/a.h", f'"{target}"', target)), 1)

    def test_the_server_includes_everything_but_tests(self):
        self.assertEqual(self.include("server/a.h", '"engine/b.h"', "engine/b.h"), [])
        self.assertEqual(len(self.include("server/a.h", '"tests/sim/b.h"', "tests/sim/b.h")), 1)

    def test_tests_include_everything(self):
        self.assertEqual(self.include("tests/unit/base/a.cc", '"tests/sim/b.h"', "tests/sim/b.h"), [])
        self.assertEqual(self.include("tests/unit/base/a.cc", '"server/b.h"', "server/b.h"), [])

    def test_the_command_line_uses_the_public_api_only(self):
        self.assertEqual(self.include("cli/a.cc", '"escrow/v1/coordinator.grpc.pb.h"'), [])
        self.assertEqual(self.include("cli/a.cc", '"client/cpp/b.h"', "client/cpp/b.h"), [])
        self.assertEqual(len(self.include("cli/a.cc", '"engine/b.h"', "engine/b.h")), 1)

    def test_generated_code_is_the_layer_proto(self):
        self.assertEqual(self.include("broker/api/a.cc", '"google/rpc/status.pb.h"'), [])
        self.assertEqual(len(self.include("engine/a.cc", '"escrow/v1/a.pb.h"')), 1)
        self.assertEqual(self.include("adapters/callbacks/a.cc", '"escrow/v1/a.pb.h"'), [])

    def test_core_folders_know_no_foreign_library(self):
        for header in ("grpcpp/grpcpp.h", "google/protobuf/message.h", "boost/asio.hpp", "asio.hpp", "rocksdb/db.h"):
            for folder in ("base", "broker/core", "engine"):
                with self.subTest(header=header, folder=folder):
                    self.assertEqual(len(self.include(f"{folder}/a.cc", f"<{header}>")), 1)

    def test_rocksdb_lives_in_one_kind_of_file(self):
        self.assertEqual(self.include("storage/rocks_store.cc", "<rocksdb/db.h>"), [])
        self.assertEqual(len(self.include("storage/rocks_store.h", "<rocksdb/db.h>")), 1)
        self.assertEqual(len(self.include("storage/memory_store.cc", "<rocksdb/db.h>")), 1)
        self.assertEqual(len(self.include("server/main.cc", "<rocksdb/db.h>")), 1)

    def test_the_edge_may_use_foreign_libraries(self):
        self.assertEqual(self.include("broker/net/a.cc", "<boost/asio.hpp>"), [])
        self.assertEqual(self.include("broker/api/a.cc", "<grpcpp/grpcpp.h>"), [])

    def test_includes_are_written_from_the_root(self):
        self.assertEqual(len(self.include("base/a.cc", '"a.h"', "base/a.h")), 1)
        self.assertEqual(len(self.include("base/a.cc", '"base/missing.h"')), 1)
        self.assertEqual(len(self.include("base/a.cc", '"inner/a.h"', "base/inner/a.h")), 1)

    def test_quotes_around_a_foreign_header_are_no_error(self):
        self.assertEqual(self.include("storage/rocks_store.cc", '"rocksdb/db.h"'), [])

    def test_folders_outside_the_table_are_noticed(self):
        self.assertEqual(len(self.include("broker/utils/a.h", "<vector>")), 1)

    def test_comments_are_no_includes(self):
        self.assertEqual(self.errors({"base/a.h": '// #include "model/b.h"\n', "model/b.h": ""}), [])

    def test_long_files_are_warned_about(self):
        self.assertEqual(self.errors({"base/a.h": "\n" * MAX_LINES}), [])
        self.assertEqual(self.warnings, [])
        self.assertEqual(self.errors({"base/a.h": "\n" * (MAX_LINES + 1)}), [])
        self.assertEqual(len(self.warnings), 1)


def main(arguments):
    if arguments == ["--self-test"]:
        result = unittest.main(argv=[sys.argv[0]], exit=False, verbosity=1).result
        return 0 if result.wasSuccessful() else 1
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    errors, warnings = check(root)
    for warning in warnings:
        print(f"warning: {warning}")
    for error in errors:
        print(f"error: {error}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
