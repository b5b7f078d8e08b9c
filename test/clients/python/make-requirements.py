"""Makes requirements.txt from requirements.in: every package that the clients need, pinned, with the digests of its files.

Only of wheels for Linux (glibc) and macOS on 64-bit processors and Python 3.11 to 3.14, which is where the tests install
them; all of them would be four times as many.

Run: python make-requirements.py
Needs: Python 3.11 or newer, and uv.
"""

import pathlib
import re
import subprocess
import tomllib

here = pathlib.Path(__file__).parent
wanted = re.compile(
    r"-(py3|py2\.py3|cp3\d?|cp31[0-4])-(none|abi3|cp31[1-4])-(any|.*(manylinux|macosx).*_(x86_64|aarch64|arm64|universal2))\.whl$"
)

command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--format", "pylock.toml"]
locked = subprocess.run([*command, here / "requirements.in"], check=True, capture_output=True, text=True).stdout

lines = ["# Made by make-requirements.py from requirements.in."]
for package in tomllib.loads(locked)["packages"]:
    marker = package.get("marker", "")
    if re.search(r"sys_platform == '(win32|emscripten)'", marker):
        continue
    digests = [wheel["hashes"]["sha256"] for wheel in package["wheels"] if wanted.search(wheel["url"])]
    # Other processors and systems have none of these, and need not: a marker that rules them out does not name all.
    if not digests:
        raise SystemExit(f"{package['name']} has no wheel for these systems")
    condition = f" ; {marker}" if marker else ""
    hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(digests))
    lines.append(f"{package['name']}=={package['version']}{condition}{hashes}")
(here / "requirements.txt").write_text("\n".join(lines) + "\n", "utf-8")
