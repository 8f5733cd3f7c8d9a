#!/usr/bin/env python3
"""House rules that a compiler does not check. One line per violation; exit code 1 if there is one.

Banned calls name their replacement. A function may be longer than a screen only if it is a flat
switch listed in LONG_FUNCTIONS, and may not grow beyond the number there.
"""
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS_MAX = 100
FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70

# "path:function": lines. Flat switches only.
LONG_FUNCTIONS = {}

# Never, anywhere in C.
NEVER = {
    "gets": "wr_input", "alloca": "a bump (mem/bump.h)", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "strtok": "wr_text_find_byte",
}
# Not in the engine and its plug-ins (tests, fuzz targets and the command line may).
ENGINE = {
    "strcpy": "memcpy with a checked length", "strcat": "base/text.h", "atoi": "types/parse.h",
    "atof": "types/parse.h",
    "malloc": "a lease or a bump", "calloc": "a lease or a bump", "realloc": "a lease or a bump",
    "free": "a lease or a bump", "strdup": "wr_bump", "strndup": "wr_bump",
    "asprintf": "snprintf into a buffer of the caller", "getline": "wr_input",
    "aligned_alloc": "a lease", "posix_memalign": "a lease", "qsort": "the sorter (qsort mallocs)",
    "fopen": "os/file.h", "fclose": "os/file.h", "fread": "os/file.h", "fwrite": "os/file.h",
    "fprintf": "the session's message callback", "printf": "the session's message callback",
    "puts": "the session's message callback", "opendir": "os/file.h",
    "mmap": "os/map.h", "mprotect": "os/map.h", "munmap": "os/map.h", "mremap": "os/map.h",
    "dlopen": "os/library.h", "fork": "os/spawn.h", "system": "os/spawn.h",
}
ALLOWED = {
    "src/mem/interpose.c": {"malloc", "calloc", "realloc", "free", "aligned_alloc",
                            "posix_memalign"},
    "src/mem/heap.c": {"malloc", "calloc", "realloc", "free"},
    "src/os/map.c": {"mmap", "mprotect", "munmap"},
    "src/os/limit.c": {"mmap", "mprotect", "munmap"},  # the probe asks the kernel itself
    "src/os/spawn.c": {"fork"},
    "src/os/library.c": {"dlopen"},
}
PLATFORM = re.compile(r"^\s*#\s*(?:el)?if.*\b(__linux__|__APPLE__|_WIN32|__FreeBSD__)\b")
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")  # split: this file obeys it, too
CALL = re.compile(r"(?<![\w.>])(" + "|".join({**NEVER, **ENGINE}) + r")\s*\(")
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def tracked(*patterns):
    """Files git knows or would take in, so that new ones are seen before they are added."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                         cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in out.splitlines() if (ROOT / name).is_file()]


def without_noise(text):
    """The text with comments and literals blanked, line numbers kept."""
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def check_text(name, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX and "--columns" in sys.argv:
            yield f"{name}:{number}: {len(line)} columns, at most {COLUMNS_MAX}"
        if line != line.rstrip():
            yield f"{name}:{number}: space at the end of the line"
        if LEFTOVER.search(line):
            yield f"{name}:{number}: unfinished business belongs in an issue: {line.strip()}"
    if len(lines) > FILE_LINES_MAX:
        yield f"{name}: {len(lines)} lines, at most {FILE_LINES_MAX}: which two things is this?"


def check_calls(name, code):
    is_engine = name.startswith(("src/", "plugins/")) and \
        not re.search(r"(_(test|fuzz|bench)\.c|(_fixture|testkit|testkit_io)\.h)$", name)
    for number, line in enumerate(code.splitlines(), 1):
        if is_engine and PLATFORM.search(line) and not name.startswith("src/os/"):
            yield f"{name}:{number}: platform conditions belong in src/os"
        for call in CALL.findall(line):
            if call in ALLOWED.get(name, ()):
                continue
            if call in NEVER:
                yield f"{name}:{number}: {call} is banned: use {NEVER[call]}"
            elif is_engine:
                yield f"{name}:{number}: {call} is banned here: use {ENGINE[call]}"
        if "\t" in line and name.endswith((".c", ".h")):
            yield f"{name}:{number}: tab"


def check_functions(name, code):
    lines = code.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            length = number - start
            head = " ".join(lines[max(0, start - 6):start - 1])
            names = re.findall(r"(\w+)\s*\([^;{}]*\)[^(){};]*$", head)
            key = f"{name}:{names[-1] if names else start}"
            limit = LONG_FUNCTIONS.get(key, FUNCTION_LINES_MAX)
            if length > limit:
                yield f"{name}:{start}: function {key.split(':')[1]} has {length} lines, " \
                      f"at most {limit}"
            start = None


def check_listed(name):
    """Is this .c file in the list of its folder, or of a folder above?"""
    path = Path(name)
    for folder in path.parents:
        build = ROOT / folder / "meson.build"
        if not build.is_file():
            continue
        text = build.read_text(encoding="utf-8")
        relative = path.relative_to(folder).as_posix()
        if f"'{relative}'" in text or f"'{relative[:-2]}'" in text:
            return []
    return [f"{name}: in no meson.build, so never compiled"]


def check_header(name):
    """A header compiles alone, whatever was included before it."""
    compiler = shutil.which("cc") or "gcc"
    guard = re.search(r"WR_BUILDING_\w+", (ROOT / name).read_text(encoding="utf-8"))
    result = subprocess.run(
        [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Werror", "-fsyntax-only",
         f"-D{guard[0] if guard else 'WR_ALONE'}", "-Isrc", "-Iinclude", "-I.", "-include", name,
         "-x", "c", "/dev/null"],
        cwd=ROOT, capture_output=True, text=True)
    if result.returncode == 0:
        return []
    first = next((l for l in result.stderr.splitlines() if "error" in l), "does not compile")
    return [f"{name}: does not compile alone: {first}"]


def main():
    problems = []
    for name in tracked("*.c", "*.h", "*.def", "*.inc", "*.py", "*.sh", "*meson.build"):
        text = (ROOT / name).read_text(encoding="utf-8")
        problems += check_text(name, text.splitlines())
        if name.endswith((".c", ".h", ".def", ".inc")):
            code = without_noise(text)
            problems += check_calls(name, code)
            problems += check_functions(name, code)
    for name in tracked("*.c"):
        problems += check_listed(name)
    # Templates and what serves tests want something included before them.
    headers = [name for name in tracked("src/*.h", "plugins/*.h", "include/*.h", "cli/*.h")
               if not name.endswith((".inc.h", "_fixture.h", "testkit.h"))]
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(check_header, headers):
            problems += found
    print("\n".join(problems) if problems else f"tidy: {len(headers)} headers and all files hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
