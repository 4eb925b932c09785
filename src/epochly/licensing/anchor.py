"""What a machine says of itself: its identifier, and attributes that stay on it. Read from files, the registry, system calls.

No program is started, nothing needs an administrator, and what cannot be read is left out. It refuses to trust the identifier
of a container, which is the image's or a new one each time. Sources: machine-id(5); the kernel's `sysfs-class-dmi`
and `proc(5)`; Apple's IOKit (`IOPlatformUUID`) and sysctl(3); Microsoft's registry (`MachineGuid`).
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_BYTES = 16_384  # bytes of a file; the first processor's lines are in the first 2 kB of `/proc/cpuinfo`
MOST_RAW, MOST_RAW_LENGTH = 32, 128  # attributes and characters: section 5 of the specification
MACHINE_IDS = ("/etc/machine-id", "/var/lib/dbus/machine-id")
OF_CONTAINERS = ("/.dockerenv", "/run/.containerenv")
BOARD = {"board-vendor": "board_vendor", "board-name": "board_name", "product-name": "product_name"}
CPU = {
    "vendor_id": "cpu-vendor",
    "CPU implementer": "cpu-vendor",
    "model name": "cpu-model",
    "CPU part": "cpu-model",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine: its identifier as the system gives it, or None; attributes by name, those that are there."""

    system: str
    machine: str
    identifier: str | None
    attributes: Mapping[str, str]


def seen_here() -> Seen:
    """This machine."""
    from platform import machine  # noqa: PLC0415 - only who needs a fingerprint pays for it

    if sys.platform == "win32":  # pragma: no cover - Windows
        identifier, attributes = _windows()
    elif sys.platform == "darwin":  # pragma: no cover - macOS
        identifier, attributes = _mac_os()
    else:
        identifier = linux_identifier(read_text)
        attributes = linux_attributes(read_text, _root_filesystem())
    return Seen(sys.platform, machine(), identifier, {**attributes, **_counted()})


def read_text(path: str) -> str | None:
    """The beginning of a file of the system's, or None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def linux_identifier(read: Callable[[str], str | None]) -> str | None:
    """The machine id, save in a container; `read` gives a file's text."""
    if any(read(path) is not None for path in OF_CONTAINERS):
        return None
    return next((text for text in map(read, MACHINE_IDS) if text is not None and text.strip()), None)


def linux_attributes(read: Callable[[str], str | None], root: str | None) -> dict[str, str]:
    """Processor and board, and the file system that `/` is on."""
    found = {} if root is None else {"root-filesystem": root}
    for line in (read("/proc/cpuinfo") or "").partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        if name.strip() in CPU:
            found.setdefault(CPU[name.strip()], value)
    for name, file in BOARD.items():
        found[name] = read(f"/sys/class/dmi/id/{file}") or ""
    return present(found)


def present(attributes: Mapping[str, str | None]) -> dict[str, str]:
    """Those that say something, with blanks in a row as one; a missing one is left out, never empty."""
    plain = {name: " ".join((value or "").split()) for name, value in attributes.items()}
    return {name: value for name, value in sorted(plain.items()) if value}


def raw_attributes(seen: Seen, told: tuple[str, str]) -> dict[str, str]:
    """What `EPOCHLY_SEND_RAW_FINGERPRINT=1` sends: attributes and counts. `told` is what `platform_names` gives.

    Neither the identifier itself nor an address, the name of an interface or of the host is in it; machine-id(5) asks that an
    identifier is not exposed.
    """
    system, machine = told
    everything = {**seen.attributes, "os": system, "arch": machine}
    safe = {name: re.sub(r"[^\x20-\x7e]", "?", value)[:MOST_RAW_LENGTH] for name, value in everything.items()}
    return dict(sorted(safe.items())[:MOST_RAW])


def _counted() -> dict[str, str]:
    """How many processors, how much memory, and how many of what is never named."""
    import psutil  # noqa: PLC0415 - only who needs a fingerprint pays for it

    found: dict[str, str | None] = {"host-names": "1"}
    try:
        interfaces = psutil.net_if_addrs()
        addresses = {
            each.address for of_one in interfaces.values() for each in of_one if each.family == psutil.AF_LINK
        }
        found |= {"interfaces": str(len(interfaces)), "hardware-addresses": str(len(addresses))}
    except (OSError, RuntimeError):
        pass
    try:
        cores, threads = psutil.cpu_count(logical=False), psutil.cpu_count()
        found |= {"cpu-cores": str(cores or ""), "cpu-threads": str(threads or "")}
        found |= {"memory-gib": str(round(psutil.virtual_memory().total / 2**30))}
    except (OSError, RuntimeError):
        pass
    return present(found)


def _root_filesystem() -> str | None:
    """The UUID of the file system that `/` is on, where the system shows it."""
    import psutil  # noqa: PLC0415 - only who needs a fingerprint pays for it

    by_uuid = "/dev/disk/by-uuid"
    try:
        device = next(each.device for each in psutil.disk_partitions() if each.mountpoint == "/")
        names = sorted(os.listdir(by_uuid))
    except (OSError, StopIteration):
        return None
    real = os.path.realpath(device)
    return next((name for name in names if os.path.realpath(f"{by_uuid}/{name}") == real), None)


def _mac_os() -> tuple[str | None, dict[str, str]]:  # pragma: no cover - macOS
    """IOKit's platform UUID, and what sysctl says of processor and model."""
    import ctypes  # noqa: PLC0415 - only macOS needs it

    def sysctl(name: bytes) -> str:
        library = ctypes.CDLL(None)
        size = ctypes.c_size_t(256)
        buffer = ctypes.create_string_buffer(size.value)
        failed = library.sysctlbyname(name, buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
        return "" if failed else buffer.value.decode("utf-8", "replace")

    try:
        attributes = {
            "cpu-vendor": sysctl(b"machdep.cpu.vendor") or "apple",
            "cpu-model": sysctl(b"machdep.cpu.brand_string"),
            "board-name": sysctl(b"hw.model"),
        }
        return _platform_uuid(), present(attributes)
    except (OSError, AttributeError):  # a library or a function that is not there
        return None, {}


def _platform_uuid() -> str | None:  # pragma: no cover - macOS
    """`IOPlatformUUID` of the platform expert device; None where IOKit does not say it."""
    import ctypes  # noqa: PLC0415 - only macOS needs it

    io = ctypes.CDLL("/System/Library/Frameworks/IOKit.framework/IOKit")
    core = ctypes.CDLL("/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation")
    pointer, utf8, size = ctypes.c_void_p, 0x08000100, 64  # kCFStringEncodingUTF8; a UUID's text has 36 bytes
    io.IOServiceMatching.restype, io.IOServiceMatching.argtypes = pointer, [ctypes.c_char_p]
    io.IOServiceGetMatchingService.restype = ctypes.c_uint
    io.IOServiceGetMatchingService.argtypes = [ctypes.c_uint, pointer]
    io.IORegistryEntryCreateCFProperty.restype = pointer
    io.IORegistryEntryCreateCFProperty.argtypes = [ctypes.c_uint, pointer, pointer, ctypes.c_uint]
    io.IOObjectRelease.argtypes = [ctypes.c_uint]
    core.CFStringCreateWithCString.restype = pointer
    core.CFStringCreateWithCString.argtypes = [pointer, ctypes.c_char_p, ctypes.c_uint]
    core.CFStringGetCString.argtypes = [pointer, ctypes.c_char_p, ctypes.c_long, ctypes.c_uint]
    core.CFStringGetCString.restype = ctypes.c_ubyte
    core.CFRelease.argtypes = [pointer]
    service = io.IOServiceGetMatchingService(0, io.IOServiceMatching(b"IOPlatformExpertDevice"))
    if not service:
        return None
    name = core.CFStringCreateWithCString(None, b"IOPlatformUUID", utf8)
    value = io.IORegistryEntryCreateCFProperty(service, name, None, 0)
    core.CFRelease(name)
    io.IOObjectRelease(service)
    if not value:
        return None
    buffer = ctypes.create_string_buffer(size)
    told = core.CFStringGetCString(value, buffer, size, utf8)
    core.CFRelease(value)
    return buffer.value.decode("ascii", "replace") if told else None


def _windows() -> tuple[str | None, dict[str, str]]:  # pragma: no cover - Windows
    """The registry's `MachineGuid`, and what it says of processor and board."""
    if sys.platform != "win32":
        return None, {}
    import winreg  # noqa: PLC0415 - only Windows has it

    def value(key: str, name: str) -> str:
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, access) as opened:
                return str(winreg.QueryValueEx(opened, name)[0])
        except OSError:
            return ""

    processor, board = (
        r"HARDWARE\DESCRIPTION\System\CentralProcessor\0",
        r"HARDWARE\DESCRIPTION\System\BIOS",
    )
    attributes = {
        "cpu-vendor": value(processor, "VendorIdentifier"),
        "cpu-model": value(processor, "ProcessorNameString"),
        "board-vendor": value(board, "BaseBoardManufacturer"),
        "board-name": value(board, "BaseBoardProduct"),
    }
    return value(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid") or None, present(attributes)
