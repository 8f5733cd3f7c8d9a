"""Text cases: reading them (the format is described in test/README.md)."""
import base64
import io
import re
import shlex
import subprocess
from dataclasses import dataclass, field

MARKER = re.compile(r"^-- (.+) --$")
SEPARATOR = re.compile(r"^={5,}$")
HEAD = re.compile(r"^# (name|purpose|group): (.+)$")
DEFAULT_COMMAND = "weir run pipeline.yaml -q"

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "0": "\0"}


class BadCase(Exception):
    """The case file itself is wrong; the text has file and line."""


@dataclass
class Step:
    """One command with what must be there before it and what must come out of it."""
    files: dict = field(default_factory=dict)         # path -> bytes, made before the command
    command: str = DEFAULT_COMMAND
    has_command: bool = False
    stdin: bytes = b""
    exit_code: int = 0
    stdout: tuple = None                              # (kind, text); None: must be empty
    stderr: list = field(default_factory=list)        # patterns that must be found
    stderr_without: list = field(default_factory=list)
    outputs: dict = field(default_factory=dict)       # path -> (kind, text)
    is_capped: bool = True
    needs_release: bool = False                       # its cap has no room for a sanitizer
    is_judged: bool = False                           # an expectation was given

    def argv(self, program):
        """(environment assignments, argument list)"""
        words = shlex.split(self.command)
        env = {}
        while words and re.match(r"^[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        return env, [str(program) if word == "weir" and i == 0 else word
                     for i, word in enumerate(words)]


@dataclass
class Case:
    path: str
    line: int
    name: str = ""
    purpose: str = ""
    group: str = ""
    steps: list = field(default_factory=list)

    @property
    def title(self):
        return f"{self.path}: {self.name}"


def unescape(text):
    r"""Lines are joined; \n \r \t \0 \\ and \xNN (a byte) are the only other characters."""
    out = bytearray()
    joined = text.replace("\n", "")
    at = 0
    while at < len(joined):
        char = joined[at]
        if char != "\\":
            out += char.encode()
            at += 1
        elif joined[at + 1] == "x":
            out.append(int(joined[at + 2:at + 4], 16))
            at += 4
        else:
            out += ESCAPES[joined[at + 1]].encode()
            at += 2
    return bytes(out)


def make_content(source):
    """Run the Python of a `make` section; what it writes to `out` is the file."""
    out = io.BytesIO()
    exec(compile(source, "make", "exec"), {"out": out, "print": lambda *a, **k: out.write(
        (k.get("sep", " ").join(map(str, a)) + k.get("end", "\n")).encode())})
    return out.getvalue()


# What compresses a `file` section: the programs that users have.
PROGRAMS = {"gzip": "gzip", "zstd": "zstd", "lz4": "lz4", "bz2": "bzip2", "xz": "xz"}


def content_of(kind, text):
    """The bytes of a `file` section."""
    if kind == "":
        return text.encode()
    if kind == "escaped":
        return unescape(text)
    if kind in PROGRAMS:
        return subprocess.run([PROGRAMS[kind], "-c"], input=text.encode(), check=True,
                              stdout=subprocess.PIPE).stdout
    if kind == "base64":
        return base64.b64decode(text)
    raise ValueError(f"unknown kind of file '{kind}'")


def add_setup(step, words, text):
    """True if the section is one that prepares a command."""
    if words[0] == "file":
        step.files[words[1]] = content_of(" ".join(words[2:]), text)
    elif words[0] == "make":
        step.files[words[1]] = make_content(text)
    elif words[0] == "pipeline":
        step.files[words[1] if len(words) > 1 else "pipeline.yaml"] = text.encode()
    elif words[0] == "stdin":
        step.stdin = content_of(" ".join(words[1:]), text)
    else:
        return False
    return True


def add_expectation(step, words, text):
    """True if the section says what must come out."""
    if words[0] == "exit":
        step.exit_code = int(words[1])
    elif words[0] == "stdout":
        step.stdout = (" ".join(words[1:]), text)
    elif words[0] == "stderr":
        step.stderr += text.splitlines()
    elif words[0] == "stderr-without":
        step.stderr_without += text.splitlines()
    elif words[0] == "output":
        step.outputs[words[1]] = (" ".join(words[2:]), text)
    elif words[0] == "cap" and words[1:] == ["none"]:
        step.is_capped = False
    elif words[0] == "cap" and words[1:] == ["tight"]:
        step.needs_release = True
    else:
        return False
    step.is_judged = True
    return True


def add_section(case, head, text):
    words = head.split()
    step = case.steps[-1]
    probe = Step()
    if words[0] == "run":
        if step.has_command or step.is_judged:
            case.steps.append(Step())
        case.steps[-1].has_command = True
        case.steps[-1].command = " ".join(text.split("\n")).strip() or DEFAULT_COMMAND
        return
    if not step.is_judged or not add_setup(probe, words, text):
        if not add_setup(step, words, text) and not add_expectation(step, words, text):
            raise ValueError(f"unknown section '{head}'")
        return
    case.steps.append(probe)  # set-up after an expectation begins the next command


def finish(cases, case, sections):
    if case is None or (not sections and not case.name):
        return
    for line, head, lines in sections:
        while lines and not lines[-1].strip():  # blank lines before the next marker
            lines.pop()
        text = "".join(l + "\n" for l in lines)
        try:
            add_section(case, head, text)
        except (ValueError, IndexError, KeyError, SyntaxError) as error:
            raise BadCase(f"{case.path}:{line}: {head}: {error}") from error
    for name in ("name", "purpose", "group"):
        if not getattr(case, name):
            raise BadCase(f"{case.path}:{case.line}: a case opens with '# {name}: ...'")
    cases.append(case)


def read_cases(path, shown_path=None):
    """All cases of a file. A later case takes purpose and group of the one before it."""
    cases, sections = [], []
    shown = str(shown_path or path)
    case = Case(shown, 1, steps=[Step()])
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        marker, head = MARKER.match(line), HEAD.match(line)
        if SEPARATOR.match(line):
            finish(cases, case, sections)
            case = Case(shown, number + 1, purpose=case.purpose, group=case.group, steps=[Step()])
            sections = []
        elif marker:
            sections.append((number, marker[1], []))
        elif sections:
            sections[-1][2].append(line)
        elif head:
            setattr(case, head[1], head[2])
        elif line.strip() and not line.startswith("#"):
            raise BadCase(f"{shown}:{number}: before the first section only comments: {line!r}")
    finish(cases, case, sections)
    return cases
