"""Makes the virtualenv and installs a lock file into it, when that has not been done yet.

    python3 scripts/prepare.py .venv requirements/base.txt [--port 8000]

Runs on the machine's own Python, perhaps an old one, before anything is installed: standard library and plain syntax only.
Each thing that can be wrong with a fresh machine ends it with one sentence that says what to do.
"""

import hashlib
import importlib.util
import os
import socket
import subprocess
import sys


def main(folder, lock, port=None):
    if sys.version_info < (3, 11):
        found = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(
            f"Python 3.11 or newer is needed and this is {found}: install one and name it, as in: make run PYTHON=python3.11"
        )
    if port is not None:
        check_port(port)
    with open(lock, "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    stamp = os.path.join(folder, f"installed-{os.path.basename(lock)}")
    if read(stamp) != wanted:
        install(folder, lock)
        with open(stamp, "w") as file:
            file.write(wanted)


def check_port(port):
    if not port.isdigit() or not 0 < int(port) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535 and is {port!r}: try PORT=8000 make run")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            sys.exit(f"Port {port} cannot be used ({error.strerror}): choose another one, as in: PORT=8123 make run")


def install(folder, lock):
    python = make_virtualenv(folder)
    print(f"Installing {lock} into {folder}, once ...", flush=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock]
    if subprocess.call(pip):
        sys.exit("The packages could not be installed: see pip's message above, then run the same command again.")


def make_virtualenv(folder):
    """Path of the virtualenv's Python. One that was left half made is made again."""
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(python) and subprocess.call([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL) == 0:
        return python
    # Debian puts these into a package of their own.
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        sys.exit("This Python cannot make a virtualenv: run apt-get install python3-venv as root, then the same command again.")
    if subprocess.call([sys.executable, "-m", "venv", "--clear", folder]):
        sys.exit("The virtualenv could not be made: see the message above, then run the same command again.")
    return python


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


if __name__ == "__main__":
    main(*[argument for argument in sys.argv[1:] if argument != "--port"])
