# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds a compiled module against the real AnsibleModule of the ansible-core it is run with.

    reference.py BINARY [LOG_SOCKET]

Reads one set of arguments a line (JSON) from standard input, gives the same text to BINARY and to an
AnsibleModule with the argument spec that `BINARY --spec` prints, and writes one JSON verdict a line:
{"outcome": "accepted" | "refused" | "crash", "differences": [...]}. LOG_SOCKET is where this process
receives what is sent to the system log.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import socket
import subprocess
import sys
import time

from ansible.module_utils import basic
from ansible.module_utils.common import warnings as ansible_warnings

# The list of valid booleans is a Python set, whose order changes from run to run.
BOOLEANS = re.compile(r"(Valid booleans include:).*", re.S)
LINE = re.compile(r"<(\d+)>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ([^:]+): (.*)", re.S)


def kwargs_of(level):
    """The pairs of `--spec` as ordered dicts."""
    level = dict(level)
    for key in ("argument_spec", "options"):
        if key in level:
            level[key] = {name: kwargs_of(fields) for name, fields in level[key]}
    if "required_by" in level:
        level["required_by"] = dict(level["required_by"])
    return level


def messages(summaries, field):
    """Warnings and deprecations as old versions have them, whatever this one keeps."""
    found = []
    for item in summaries or ():
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found.append({key: value for key, value in item.items() if value is not None})
        elif field == "warnings":
            found.append(item.event.msg)
        else:
            pairs = {"msg": item.event.msg, "version": item.version, "date": item.date}
            found.append({key: value for key, value in pairs.items() if value is not None})
    return found


class Reference:
    """The real AnsibleModule, with its result and its log line caught."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.options = kwargs_of(pairs)["argument_spec"]
        self.log = []
        self.ident = None
        basic.has_journal = False
        basic.syslog.openlog = lambda ident, options, facility: setattr(self, "ident", (ident, facility))
        basic.syslog.syslog = lambda priority, text: self.log.append((self.ident[1] | priority, self.ident[0], text))
        self.result = None
        if hasattr(basic.AnsibleModule, "_record_module_result"):
            basic.AnsibleModule._record_module_result = lambda module, result: setattr(self, "result", result)

    def answer(self, text):
        """The result for the arguments in `text`; an exception where AnsibleModule raises one."""
        basic._ANSIBLE_ARGS = b'{"ANSIBLE_MODULE_ARGS": ' + text.encode() + b"}"
        basic._ANSIBLE_PROFILE = "legacy"
        ansible_warnings._global_warnings.clear()
        ansible_warnings._global_deprecations.clear()
        self.log.clear()
        self.result = None
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out):
                module = basic.AnsibleModule(supports_check_mode=True, **self.fresh())
                module.exit_json(changed=False, accepted=known(self.options, module.params))
        except SystemExit:
            pass
        if self.result is None:
            self.result = json.loads(out.getvalue())
        return self.result

    def fresh(self):
        """AnsibleModule changes defaults in place: a new copy each time."""
        return kwargs_of(json.loads(json.dumps(self.pairs)))


def known(options, params):
    """What a compiled module's Args hold: options under their own names, no alias."""
    out = {}
    for name, value in params.items():
        if name not in options:
            continue
        inner = options[name].get("options")
        if inner and isinstance(value, dict):
            value = known(inner, value)
        elif inner and isinstance(value, list):
            value = [known(inner, item) if isinstance(item, dict) else item for item in value]
        out[name] = value
    return out


def typed(value):
    """A form in which 1, 1.0 and true differ, and NaN, which JSON lacks, is null."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [typed(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str) else (type(value).__name__, value)


def has_big_int(value):
    """Integers beyond 64 bits, which no field of a compiled module's Args can hold."""
    if isinstance(value, dict):
        return any(map(has_big_int, value.values()))
    if isinstance(value, list):
        return any(map(has_big_int, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**64


def received(log):
    """What arrived at the log socket, as (priority, ident, text)."""
    found = []
    while True:
        try:
            line = log.recv(1 << 20).decode()
        except BlockingIOError:
            return found
        match = LINE.fullmatch(line)
        now = time.time()
        stamps = [time.strftime("%b %e %H:%M:%S", time.localtime(now - age)) for age in range(10)]
        fine = match and match[2] in stamps
        found.append((int(match[1]), match[3], match[4]) if fine else line)


def compare(binary, reference, log, text):
    """The verdict on one set of arguments."""
    run = subprocess.run([binary, "-"], input=text.encode(), capture_output=True, check=False)
    lines = received(log) if log else None
    ours = json.loads(run.stdout.decode("utf-8", "strict"), parse_constant=lambda token: 1 / 0)
    differences = []
    if run.stderr:
        differences.append(["stderr", "", run.stderr.decode()])
    if run.returncode != int(ours.get("failed", False)):
        differences.append(["exit status", int(ours.get("failed", False)), run.returncode])
    try:
        real = reference.answer(text)
    except Exception as error:  # AnsibleModule crashed, which Ansible shows as a module failure.
        if not ours.get("failed") or not ours.get("msg"):
            differences.append(["AnsibleModule raises", repr(error), "accepted"])
        return {"outcome": "crash", "differences": differences}

    def hold(what, want, got):
        if typed(want) != typed(got):
            differences.append([what, want, got])

    def text_of(result):
        return BOOLEANS.sub(r"\1", result.get("msg", ""))

    hold("failed", real.get("failed", False), ours.get("failed", False))
    hold("msg", text_of(real), text_of(ours))
    hold("invocation", real.get("invocation"), ours.get("invocation"))
    if not real.get("failed") and not has_big_int(real["accepted"]):
        hold("accepted", real["accepted"], ours.get("accepted"))
    hold("warnings", messages(real.get("warnings"), "warnings"), ours.get("warnings", []))
    deprecations = messages(real.get("deprecations"), "deprecations")
    own = [dict(item) for item in ours.get("deprecations", [])]
    if not any("collection_name" in item for item in deprecations):
        for item in own:
            item.pop("collection_name")
    hold("deprecations", deprecations, own)
    if lines is not None:
        hold("log", reference.log, lines)
    return {"outcome": "refused" if real.get("failed") else "accepted", "differences": differences}


def main():
    binary = sys.argv[1]
    log = None
    if len(sys.argv) > 2:
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.bind(sys.argv[2])
        log.setblocking(False)
    pairs = json.loads(subprocess.run([binary, "--spec"], capture_output=True, check=True).stdout)
    reference = Reference(pairs)
    for line in sys.stdin:
        print(json.dumps(compare(binary, reference, log, line.rstrip("\n")), default=repr), flush=True)


if __name__ == "__main__":
    main()
