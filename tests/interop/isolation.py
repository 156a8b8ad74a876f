"""A network of its own for each suite, so that the ports which tests have built in are always free.

Upstream tests have 5672 and 15672 written into them. In a network namespace those ports are nobody else's, suites
run side by side, and no test can reach anything but this machine. Where the kernel refuses namespaces the suites run
one after another on the machine's own loopback, and a port that is taken is an error.
"""

import fcntl
import functools
import socket
import struct
import subprocess

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1

# Whatever is started inside ends with its process tree, and that with whoever made it.
_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
_PROCESSES = ("--pid", "--fork", "--kill-child", "--mount-proc")
_WAYS = (
    (*_ENDS_WITH_PARENT, "unshare", "--net", *_PROCESSES, "--"),
    (*_ENDS_WITH_PARENT, "unshare", "--user", "--map-root-user", "--net", *_PROCESSES, "--"),
)


@functools.cache
def command_prefix():
    """What to put before a command to give it its own network and process tree; empty when that is refused."""
    for way in _WAYS:
        try:
            if subprocess.run([*way, "true"], capture_output=True, timeout=20).returncode == 0:
                return way
        except (OSError, subprocess.TimeoutExpired):
            pass
    return ()


def bring_loopback_up():
    """A new network namespace starts with a loopback device that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
