"""The package says the same as the header: functions, structs and numbers."""

import ctypes
import re
import unittest
from pathlib import Path

from lanparty import _functions, _native, _structs, _wait, enums

HEADER = Path(__file__).resolve().parents[3] / "include" / "lanparty.h"

OPAQUE = ("error", "identity", "port", "session_config", "session", "relay_config", "relay")
SCALARS = {
    "uint8_t": ctypes.c_uint8,
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "lanparty_status": ctypes.c_int32,
    "uint64_t": ctypes.c_uint64,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "void": None,
    "char": ctypes.c_char,
}
CALLBACKS = {"lanparty_log_fn": _structs.LogLine, "lanparty_release_fn": _structs.Release}


def header_text():
    """The header without comments and preprocessor lines, and its #defines."""
    if not HEADER.exists():
        raise AssertionError(f"{HEADER} is missing: the package cannot be compared with it")
    text = HEADER.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    defines = dict(re.findall(r"^[ \t]*#define[ \t]+(\w+)[ \t]+(.+?)[ \t]*$", text, flags=re.M))
    text = re.sub(r"^[ \t]*#.*$", " ", text, flags=re.M)
    text = text.replace('extern "C" {', "")
    return text, defines


def words(declaration):
    """A declaration without what does not change its type."""
    return re.sub(r"\b(const|struct|enum)\b", " ", declaration).replace("*", " * ").split()


def parameter_fits(declaration, ctype):
    """Whether a C parameter and an element of `argtypes` are the same."""
    declaration = declaration.strip()
    array = re.search(r"\[(\d+)\]$", declaration)
    tokens = words(re.sub(r"\[\d*\]$", "", declaration))
    stars = tokens.count("*")
    base = tokens[0]
    if array:
        return ctype is ctypes.POINTER(SCALARS[base] * int(array.group(1)))
    if stars == 0:
        return ctype is CALLBACKS.get(base, SCALARS.get(base, False))
    if base.startswith("lanparty_") and base[len("lanparty_") :] in OPAQUE:
        return ctype is (ctypes.c_void_p if stars == 1 else ctypes.POINTER(ctypes.c_void_p))
    if base in _structs.BY_NAME:
        return ctype is ctypes.POINTER(_structs.BY_NAME[base])
    if base in ("char", "uint8_t"):
        reads = re.search(r"\bconst\b", declaration) is not None
        if ctype is ctypes.POINTER(ctypes.c_uint8 * 6):
            return base == "uint8_t"  # an array parameter that was printed as a pointer
        return ctype is (ctypes.c_char_p if reads else ctypes.c_void_p)
    if base == "void":
        return ctype is ctypes.c_void_p
    return ctype is ctypes.POINTER(SCALARS[base])


class Functions(unittest.TestCase):
    def setUp(self):
        text, _ = header_text()
        text = re.sub(r"\{[^{}]*\}", "{}", text)
        pattern = r"([\w \t\n*]+?)\b(lanparty_\w+)\s*\(([^()]*)\)\s*;"
        self.declared = {}
        for restype, name, parameters in re.findall(pattern, text):
            if "typedef" in restype:
                continue
            parameters = [] if parameters.strip() in ("", "void") else parameters.split(",")
            self.declared[name] = (restype.strip().split(";")[-1].strip(), parameters)

    def test_names(self):
        self.assertGreater(len(self.declared), 60, "the header could not be read")
        self.assertEqual(sorted(_functions.FUNCTIONS), sorted(self.declared))

    def test_parameters(self):
        for name, (_, argtypes) in _functions.FUNCTIONS.items():
            with self.subTest(name):
                _, parameters = self.declared[name]
                self.assertEqual(len(argtypes), len(parameters), parameters)
                for number, (parameter, argtype) in enumerate(zip(parameters, argtypes)):
                    self.assertTrue(
                        parameter_fits(parameter, argtype), f"{number}: {parameter.strip()} is not {argtype}"
                    )

    def test_results(self):
        for name, (restype, _) in _functions.FUNCTIONS.items():
            with self.subTest(name):
                tokens = words(self.declared[name][0])
                if "*" in tokens:
                    self.assertEqual((tokens[0], restype), ("char", ctypes.c_char_p))
                else:
                    self.assertIs(restype, SCALARS[tokens[-1]])


class Structs(unittest.TestCase):
    def setUp(self):
        text, _ = header_text()
        self.declared = dict(
            (name, body)
            for body, name in re.findall(r"typedef\s+struct\s+\w*\s*\{([^{}]*)\}\s*(\w+)\s*;", text)
        )

    def fields(self, name):
        """Name, C type, and length if it is an array."""
        for declaration in self.declared[name].split(";"):
            declaration = declaration.strip()
            if not declaration:
                continue
            pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
            if pointer:
                yield pointer.group(1), "function", None
                continue
            first, *others = declaration.split(",")
            tokens = words(first)
            for field in [tokens[-1], *others]:
                array = re.fullmatch(r"\s*(\w+)\s*(?:\[\s*(\w+)\s*\])?\s*", field)
                self.assertIsNotNone(array, declaration)
                yield array.group(1), " ".join(tokens[:-1]), array.group(2)

    def test_all_are_there(self):
        self.assertEqual(sorted(self.declared), sorted(_structs.BY_NAME))

    def test_fields(self):
        for name, struct in _structs.BY_NAME.items():
            with self.subTest(name):
                declared = list(self.fields(name))
                self.assertEqual([field for field, *_ in declared], [field[0] for field in struct._fields_])
                for (field, ctype, length), (_, ours) in zip(declared, struct._fields_):
                    self.check_field(f"{name}.{field}", ctype, length, ours)

    def check_field(self, where, ctype, length, ours):
        if ctype == "function" or ctype in CALLBACKS:
            self.assertTrue(hasattr(ours, "_argtypes_"), where)
        elif "*" in ctype:
            self.assertIs(ours, ctypes.c_void_p, where)
        elif length is not None:
            _, defines = header_text()
            number = int(defines.get(length, length).strip("()"), 0)
            self.assertIs(ours, SCALARS[ctype] * number, where)
        else:
            self.assertIs(ours, SCALARS[ctype], where)


class Callbacks(unittest.TestCase):
    def test_parameters(self):
        text, _ = header_text()
        found = re.findall(r"([\w \t]+?)\(\s*\*\s*(\w+)\s*\)\s*\(([^()]*)\)\s*;", text)
        declared = {name: (result.split()[-1], parameters.split(",")) for result, name, parameters in found}
        ours = {
            "send": _structs.SinkSend,
            "set_mtu": _structs.SinkSetMtu,
            "set_link": _structs.SinkSetLink,
            "release": _structs.Release,
            **CALLBACKS,
        }
        self.assertEqual(sorted(declared), sorted(ours))
        for name, callback in ours.items():
            with self.subTest(name):
                result, parameters = declared[name]
                self.assertIs(callback._restype_, SCALARS[result])
                self.assertEqual(
                    list(callback._argtypes_), [self.type_of(parameter) for parameter in parameters]
                )

    def type_of(self, parameter):
        """In a callback every pointer is an address."""
        tokens = words(parameter)
        if "*" in tokens:
            return ctypes.c_void_p
        return _structs.BY_NAME.get(tokens[0]) or SCALARS[tokens[0]]


class Numbers(unittest.TestCase):
    def setUp(self):
        text, defines = header_text()
        self.values = {}
        for name, value in defines.items():
            if name.startswith("LANPARTY_"):
                try:
                    self.values[name] = int(value.strip("()"), 0)
                except ValueError:
                    self.values[name] = value.strip("()")

    def with_prefix(self, prefix):
        return {name[len(prefix) :]: value for name, value in self.values.items() if name.startswith(prefix)}

    def test_enums(self):
        for prefix, members in (
            ("LANPARTY_KIND_", enums.Kind),
            ("LANPARTY_ROLE_", enums.Role),
            ("LANPARTY_PHASE_", enums.Phase),
            ("LANPARTY_PORT_", enums.PortKind),
            ("LANPARTY_LEVEL_", enums.LogLevel),
            ("LANPARTY_EVENT_", enums.EventKind),
            ("LANPARTY_FLAG_", enums.Flag),
            ("LANPARTY_STAT_", enums.Stat),
        ):
            with self.subTest(prefix):
                self.assertEqual(self.with_prefix(prefix), {member.name: member.value for member in members})

    def test_reasons(self):
        ours = {member.name: member.value for member in enums.Reason if member is not enums.Reason.NONE}
        self.assertEqual(self.with_prefix("LANPARTY_REASON_"), ours)

    def test_statuses(self):
        theirs = self.with_prefix("LANPARTY_E_")
        for name in ("OK", "WOULD_BLOCK", "END", "TRUNCATED"):
            theirs[name] = self.values["LANPARTY_" + name]
        self.assertEqual(theirs, {member.name: member.value for member in enums.Status})

    def test_versions(self):
        self.assertEqual(self.values["LANPARTY_ABI_VERSION"], _native.ABI_VERSION)
        self.assertIn(self.values["LANPARTY_FOREVER"], ("UINT32_MAX", "4294967295", 0xFFFFFFFF))
        self.assertEqual(_wait.FOREVER, 0xFFFFFFFF)


if __name__ == "__main__":
    unittest.main()
