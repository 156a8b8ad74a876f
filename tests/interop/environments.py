"""What the clients need, put into build/interop with versions that are pinned here.

Each environment is made once, and again only when what describes it changes.
"""

import fcntl
import hashlib
import inspect
import os
import shutil
import subprocess
import sys
import tarfile

import processes
from brokers import ROOT

HERE = ROOT / "tests/interop"
BUILD = ROOT / "build/interop"
PREPARE_TIMEOUT_S = 900


class Environment:
    """A directory of BUILD that make() fills. `inputs` are the files it depends on, `tools` the programs."""

    name = ""
    inputs = ()
    tools = ()

    @property
    def directory(self):
        return BUILD / self.name

    def prepare(self):
        """Idempotent, and quick when everything is there. Says so when it has to work."""
        BUILD.mkdir(parents=True, exist_ok=True)
        with open(BUILD / f"{self.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stamp, wanted = self.directory / "stamp", self._fingerprint()
            if stamp.exists() and stamp.read_text() == wanted:
                return
            print(f"interop: preparing {self.name}", flush=True)
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir()
            self.make()
            stamp.write_text(wanted)

    def make(self):
        raise NotImplementedError

    def _fingerprint(self):
        digest = hashlib.sha256(inspect.getsource(type(self)).encode())
        for pattern in self.inputs:
            for path in sorted(HERE.glob(pattern)):
                digest.update(path.name.encode() + path.read_bytes())
        for tool in self.tools:
            path = shutil.which(tool[0])
            if not path:
                raise processes.ChildFailed(f"{tool[0]} is missing; ./dev interop installs it on Debian 12")
            digest.update(subprocess.run(tool, capture_output=True, timeout=60, stdin=subprocess.DEVNULL).stdout)
        return digest.hexdigest()

    def _run(self, *command, **options):
        processes.must_run(command, BUILD / f"{self.name}.log", PREPARE_TIMEOUT_S, **{"cwd": self.directory} | options)


class Certificates(Environment):
    """An authority, a server, a client, and a client that another authority signed."""

    name = "certificates"
    tools = (("openssl", "version"),)

    def make(self):
        self._authority("ca")
        self._authority("other_ca")
        self._signed("server", "ca")
        self._signed("client", "ca")
        self._signed("client_broken", "other_ca")
        for ours, theirs in (("client_broken_key", "client_key_broken"),
                             ("client_broken_certificate", "client_certificate_broken")):
            (self.directory / f"{ours}.pem").rename(self.directory / f"{theirs}.pem")

    def _authority(self, name):
        self._run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN={name}",
                  "-keyout", f"{name}_key.pem", "-out", f"{name}_certificate.pem")

    def _signed(self, name, authority):
        (self.directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n")
        self._run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", f"{name}_key.pem", "-out", f"{name}.csr")
        self._run("openssl", "x509", "-req", "-in", f"{name}.csr", "-days", "3650", "-extfile", "names",
                  "-CA", f"{authority}_certificate.pem", "-CAkey", f"{authority}_key.pem", "-CAcreateserial",
                  "-out", f"{name}_certificate.pem")


class Python(Environment):
    """A venv, and beside it the unpacked sources of what is tested."""

    name = "python"
    inputs = ("python/requirements.txt", "python/sources.txt")
    tools = ((sys.executable, "--version"),)

    @property
    def interpreter(self):
        return self.directory / "venv/bin/python"

    def source(self, package):
        return next(self.directory.glob(f"sources/{package}-*/"))

    def make(self):
        self._run(sys.executable, "-m", "venv", "venv")
        pip = (self.interpreter, "-m", "pip", "--disable-pip-version-check")
        self._run(*pip, "install", "--require-hashes", "-r", HERE / "python/requirements.txt")
        self._run(*pip, "download", "--no-deps", "--no-binary", ":all:", "--require-hashes", "-d", "sources",
                  "-r", HERE / "python/sources.txt")
        for archive in sorted(self.directory.glob("sources/*.tar.gz")):
            with tarfile.open(archive) as tar:
                tar.extractall(self.directory / "sources", filter="data")
        # py-amqp's tests look there.
        (self.source("amqp") / "t/certs").symlink_to(CERTIFICATES.directory)


class Node(Environment):
    name = "node"
    inputs = ("node/package.json", "node/package-lock.json")
    tools = (("node", "--version"), ("npm", "--version"))

    @property
    def modules(self):
        return self.directory / "node_modules"

    def make(self):
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / file, self.directory)
        self._run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


class Go(Environment):
    """The test binary of amqp091-go, and the tutorials as one program."""

    name = "go"
    inputs = ("go/*",)
    tools = (("go", "version"),)
    MODULE = "github.com/rabbitmq/amqp091-go"

    @property
    def test_binary(self):
        return self.directory / "amqp091-go.test"

    @property
    def test2json(self):
        return self.directory / "test2json"

    @property
    def tutorials(self):
        return self.directory / "tutorials"

    @property
    def source(self):
        return self.directory / "source"

    def make(self):
        options = {"cwd": HERE / "go", "env": os.environ | {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}}
        self._run("go", "build", "-o", self.tutorials, ".", **options)
        self._run("go", "test", "-c", "-tags", "integration", "-o", self.test_binary, self.MODULE, **options)
        # Newer toolchains come without a built one.
        self._run("go", "build", "-o", self.test2json, "cmd/test2json", **options)
        found = subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", self.MODULE], capture_output=True, text=True,
                               timeout=60, check=True, **options)
        # Tests run in the directory of their package.
        self.source.symlink_to(found.stdout.strip())


class Java(Environment):
    name = "java"
    inputs = ("java/pom.xml", "java/*.java")
    tools = (("javac", "-version"), ("mvn", "--version"))

    def make(self):
        self._run("mvn", "--batch-mode", "--no-transfer-progress", "-f", HERE / "java/pom.xml",
                  "dependency:copy-dependencies", f"-DoutputDirectory={self.directory}/libraries",
                  f"-DbuildDirectory={self.directory}/maven")
        self._run("javac", "-d", "classes", "-cp", self.directory / "libraries/*", *sorted((HERE / "java").glob("*.java")))


class C(Environment):
    name = "c"
    inputs = ("c/*",)
    tools = (("cc", "--version"), ("pkg-config", "--modversion", "librabbitmq"))

    def make(self):
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "librabbitmq"], capture_output=True, text=True)
        if flags.returncode != 0:
            raise processes.ChildFailed("librabbitmq-dev is missing; ./dev interop installs it on Debian 12")
        for source in sorted((HERE / "c").glob("*.c")):
            if source.stem != "client":
                self._run("cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-o", source.stem,
                          source, HERE / "c/client.c", *flags.stdout.split())


CERTIFICATES = Certificates()
PYTHON = Python()
NODE = Node()
GO = Go()
JAVA = Java()
C_LANGUAGE = C()
