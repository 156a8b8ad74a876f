"""The brokers that suites run against: a fresh one for each suite, with a data directory that goes with it."""

import contextlib
import os
import pathlib
import shutil
import socket

import processes
import stand_ins

AMQP_PORT = 5672
AMQPS_PORT = 5671
MANAGEMENT_PORT = 15672
# AMQP through the stand-in for the management API, where the broker has none.
MANAGED_AMQP_PORT = 5674
READY_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Broker:
    """What serves, and where. A context manager: started on entry, ended on exit."""

    name = ""
    # Set by brokers that have the tool: for tests that call it.
    rabbitmqctl = None

    def __init__(self, directory, certificates=None, port=AMQP_PORT):
        """Without certificates there are no stand-ins, only AMQP."""
        self.directory = directory
        self.port = port
        self._certificates = certificates
        self._children = []
        self._stand_ins = contextlib.ExitStack()
        # Where to connect when connections are to be closed over the management API.
        self.managed_port = AMQP_PORT

    def __enter__(self):
        self.directory.mkdir(parents=True)
        try:
            self._start()
            # The one that was started last is the broker.
            if not processes.wait_until(lambda: speaks_amqp(self.port), READY_TIMEOUT_S, self._children[-1]):
                raise processes.ChildFailed(f"{self.name} does not serve AMQP:\n{processes.tail(self.log_path)}")
            if self._certificates:
                self._start_stand_ins()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._stand_ins.close()
        for child in reversed(self._children):
            processes.stop(child, STOP_TIMEOUT_S)

    @property
    def log_path(self):
        return self.directory / "broker.log"

    def alive(self):
        return all(child.poll() is None for child in self._children)

    def _child(self, command, **options):
        with open(self.log_path, "ab") as log:
            self._children.append(processes.start(command, log, **options))

    def _start(self):
        raise NotImplementedError

    def _start_stand_ins(self):
        """For whatever is not served by now."""
        broker = ("127.0.0.1", AMQP_PORT)
        if not is_open("::1", AMQP_PORT):
            self._keep(stand_ins.Forwarder("::1", AMQP_PORT, broker))
        if not is_open("127.0.0.1", MANAGEMENT_PORT):
            self._keep(stand_ins.Management(MANAGED_AMQP_PORT, MANAGEMENT_PORT, broker))
            self.managed_port = MANAGED_AMQP_PORT

    def _keep(self, stand_in):
        self._stand_ins.callback(stand_in.stop)


class Escrowd(Broker):
    name = "escrowd"

    def _start(self):
        binary = os.environ.get("ESCROWD", ROOT / "build/release/escrowd")
        configuration = self.directory / "escrow.toml"
        configuration.write_text(self._configuration())
        self._child([binary, "--config", configuration])

    def _configuration(self):
        return "\n".join(self._plain() + (self._encrypted() if self._certificates else []) + [""])

    def _plain(self):
        return [
            "dev = true",
            f'data.dir = "{self.directory}/data"',
            "grpc.port = 0",
            "http.port = 0",
            "metrics.port = 0",
            f"amqp.port = {self.port}",
        ]

    def _encrypted(self):
        return [
            "[amqps]",
            f"port = {AMQPS_PORT}",
            f'certificate_file = "{self._certificates}/server_certificate.pem"',
            f'key_file = "{self._certificates}/server_key.pem"',
            f'ca_file = "{self._certificates}/ca_certificate.pem"',
            "verify_peer = true",
            "fail_if_no_peer_certificate = true",
            # Whom the client's certificate names.
            "[users]",
            'client = ""',
            '[permissions.client."/"]',
            'configure = ".*"',
            'write = ".*"',
            'read = ".*"',
        ]


class RabbitMq(Broker):
    """Debian's package, as a private node in the foreground: what the suites themselves are tried against."""

    name = "rabbitmq"
    HOME = pathlib.Path("/usr/lib/rabbitmq")
    # Only to try the stand-ins: without what the real server has.
    bare = False

    def _start(self):
        if not self.HOME.exists():
            raise processes.ChildFailed("Debian's rabbitmq-server is not installed")
        scripts = next(self.HOME.glob("lib/rabbitmq_server-*/sbin"))
        epmd_port = free_port()
        environment = self._environment(epmd_port)
        (self.directory / "enabled_plugins").write_text("[]." if self.bare else "[rabbitmq_management].")
        (self.directory / "rabbitmq.conf").write_text(self._configuration())
        # Left to itself the node would start one that outlives it.
        self._child([shutil.which("epmd"), "-port", epmd_port, "-address", "127.0.0.1"], env=environment)
        processes.wait_until(lambda: is_open("127.0.0.1", epmd_port), READY_TIMEOUT_S)
        self._child([scripts / "rabbitmq-server", "-noinput"], env=environment)
        self.rabbitmqctl = self._write_rabbitmqctl(scripts, environment)

    def _environment(self, epmd_port):
        directory = str(self.directory)
        return os.environ | {
            "HOME": directory,
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "interop@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": directory + "/data",
            "RABBITMQ_LOG_BASE": directory,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": directory + "/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": directory + "/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # Replaces the shell by the node, which then gets the signals.
            "RABBITMQ_ALLOW_INPUT": "1",
        }

    def _configuration(self):
        listeners = [f"listeners.tcp.1 = 127.0.0.1:{self.port}"]
        if not self.bare:
            listeners.append(f"listeners.tcp.2 = ::1:{self.port}")
        return "\n".join(listeners + (self._encrypted() if self._certificates else []) + [""])

    def _encrypted(self):
        return [
            f"listeners.ssl.1 = 127.0.0.1:{AMQPS_PORT}",
            f"ssl_options.cacertfile = {self._certificates}/ca_certificate.pem",
            f"ssl_options.certfile = {self._certificates}/server_certificate.pem",
            f"ssl_options.keyfile = {self._certificates}/server_key.pem",
            "ssl_options.verify = verify_peer",
            "ssl_options.fail_if_no_peer_cert = true",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {MANAGEMENT_PORT}",
        ]

    def _write_rabbitmqctl(self, scripts, environment):
        path = self.directory / "rabbitmqctl"
        settings = "".join(f"export {name}='{value}'\n" for name, value in environment.items()
                           if name.startswith(("RABBITMQ_", "ERL_")) or name == "HOME")
        path.write_text(f'#!/bin/sh\n{settings}exec {scripts}/rabbitmqctl "$@"\n')
        path.chmod(0o755)
        return path


class BareRabbitMq(RabbitMq):
    bare = True


BROKERS = {"escrowd": Escrowd, "rabbitmq": RabbitMq, "rabbitmq-bare": BareRabbitMq}


def free_port():
    """Nobody's at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def is_open(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
        return True
    except OSError:
        return False


def speaks_amqp(port):
    """Whether a protocol header is answered with a method frame."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
