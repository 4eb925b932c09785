"""Findings of the layer `metadata`: what the artifact says of itself, in its name and in its metadata files.

Data only, one entry a kind; that is why it is long.
"""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

_NAME = "Binary distribution format, File name convention"
_CONTENTS = "Binary distribution format, File contents"
_CORE = "Core metadata specifications"
_SDIST = "Source distribution format (PEP 625)"
_ENTRY_POINTS = "Entry points specification, File format"

KINDS: tuple[Kind, ...] = (
    Kind(
        "filename-invalid",
        Severity.ERROR,
        "The file's name is not a valid wheel or sdist name, so it says neither which project and version it is nor"
        " where it may be installed. Everything else is compared with the name.",
        "give the file the name it was published under",
        f"{_NAME}; {_SDIST}",
    ),
    Kind(
        "dist-info-missing",
        Severity.ERROR,
        "The wheel has no `.dist-info` folder at its top, where a wheel keeps its metadata. Installers refuse it.",
        "rebuild the wheel with a current build tool",
        _CONTENTS,
    ),
    Kind(
        "dist-info-not-unique",
        Severity.ERROR,
        "The wheel has several `.dist-info` folders at its top. Installing it would register more than one project, or"
        " replace the metadata of another.",
        "do not install it; a wheel holds one project",
        f"{_CONTENTS}; attack row 38",
    ),
    Kind(
        "dist-info-mismatch",
        Severity.ERROR,
        "The `.dist-info` folder is of another project or version than the file name. One of the two is wrong, and"
        " resolvers believe the file name while installers believe the folder.",
        "do not install it; fetch the wheel again from its publisher",
        f"{_CONTENTS}; attack row 38",
    ),
    Kind(
        "dist-info-in-data",
        Severity.ERROR,
        "The data folder would install a `.dist-info` folder into site-packages. The environment would then believe"
        " that another project is installed, or overwrite its metadata.",
        "do not install it; a wheel holds one project",
        f"{_CONTENTS}; attack rows 38 and 47",
    ),
    Kind(
        "dist-info-case-twin",
        Severity.ERROR,
        "The dist-info folder holds a file whose name differs from METADATA, WHEEL, RECORD or entry_points.txt only in"
        " case. Where case is ignored it replaces the real one after it was checked.",
        "do not install it; look at what the file contains",
        "attack row 42",
    ),
    Kind(
        "installed-only-file",
        Severity.WARNING,
        "The wheel ships a file that only an installer may write, such as INSTALLER or direct_url.json. It makes tools"
        " believe a wrong story about how the project was installed.",
        "ask the publisher to leave the file out",
        f"{_CONTENTS} (INSTALLER and REQUESTED are not included); attack row 45",
        Severity.ERROR,
    ),
    Kind(
        "metadata-missing",
        Severity.ERROR,
        "The wheel has no METADATA, so it does not say which project and version it is or what it requires.",
        "rebuild the wheel with a current build tool",
        f"{_CONTENTS}; attack row 41",
    ),
    Kind(
        "pkg-info-missing",
        Severity.ERROR,
        "The sdist has no PKG-INFO in its top folder, so it does not say which project and version it is. A snapshot of"
        " a repository is no sdist.",
        "build the sdist with a build tool instead of archiving the sources",
        f"{_SDIST}, Source distribution file format",
    ),
    Kind(
        "sdist-folder-mismatch",
        Severity.ERROR,
        "The sdist's top folder is of another project or version than the file name.",
        "do not build it; fetch the sdist again from its publisher",
        f"{_SDIST}, Source distribution file format",
    ),
    Kind(
        "metadata-unreadable",
        Severity.ERROR,
        "A metadata file is larger, or has more headers, than any real project needs, so it was not judged.",
        "treat the artifact as hostile unless you know why it is so large; a policy can raise the limit",
        "resource limits",
    ),
    Kind(
        "metadata-not-utf8",
        Severity.ERROR,
        "The metadata holds bytes that are not UTF-8, which readers decode differently.",
        "rebuild the artifact with a current build tool",
        f"{_CORE} (UTF-8)",
    ),
    Kind(
        "metadata-malformed",
        Severity.WARNING,
        "A line among the metadata headers is neither a header nor its continuation, usually a line break in a summary"
        " or licence text. Some readers stop there, others go on, and they see different metadata.",
        "ask the publisher to rebuild with a current build tool",
        _CORE,
        Severity.ERROR,
    ),
    Kind(
        "metadata-header-missing",
        Severity.ERROR,
        "The metadata lacks one of the three headers that everything needs: Metadata-Version, Name, Version.",
        "rebuild the artifact with a current build tool",
        _CORE,
    ),
    Kind(
        "metadata-duplicate-header",
        Severity.ERROR,
        "The metadata gives its format, name or version more than once. Tools that read the first and tools that read"
        " the last see different projects.",
        "do not install it; fetch the artifact again from its publisher",
        f"{_CORE}; attack row 42",
    ),
    Kind(
        "core-metadata-version-unsupported",
        Severity.ERROR,
        "The metadata is in a format with an unknown major version, or says no version at all. The specification asks"
        " tools to refuse what they cannot understand.",
        "update epochly-verify, or rebuild the artifact with a released metadata version",
        f"{_CORE}, Metadata-Version",
    ),
    Kind(
        "core-metadata-version-newer",
        Severity.WARNING,
        "The metadata is in a newer minor version of its format than this program knows. What it knows was checked.",
        "update epochly-verify",
        f"{_CORE}, Metadata-Version",
    ),
    Kind(
        "metadata-name-mismatch",
        Severity.ERROR,
        "The metadata names another project than the file name. Resolvers and hash lists go by the file name, the"
        " installed project goes by the metadata.",
        "do not install it; fetch the artifact again from its publisher",
        f"{_NAME}; attack row 39",
    ),
    Kind(
        "metadata-version-mismatch",
        Severity.ERROR,
        "The metadata names another version than the file name, so a pinned version can be installed as another one.",
        "do not install it; fetch the artifact again from its publisher",
        f"{_NAME}; attack row 39",
    ),
    Kind(
        "requires-dist-invalid",
        Severity.WARNING,
        "A dependency in the metadata cannot be read. Installers skip it or refuse the project.",
        "ask the publisher to correct the dependency",
        f"{_CORE}, Requires-Dist; Dependency specifiers",
    ),
    Kind(
        "requires-python-invalid",
        Severity.WARNING,
        "The range of supported Python versions cannot be read, so installers ignore it.",
        "ask the publisher to correct `requires-python`",
        f"{_CORE}, Requires-Python; Version specifiers",
    ),
    Kind(
        "license-file-missing",
        Severity.ERROR,
        "The metadata names a licence file that the artifact does not hold. It was removed after the build, or the"
        " metadata is another artifact's.",
        "ask the publisher to rebuild with the licence file",
        f"{_CORE}, License-File (PEP 639); attack row 44",
    ),
    Kind(
        "license-file-misplaced",
        Severity.WARNING,
        "The metadata names a licence file that lies elsewhere in the dist-info folder, not below `licenses/` as its"
        " metadata version asks.",
        "ask the publisher to rebuild with a current build tool",
        f"{_CORE}, License-File (PEP 639)",
    ),
    Kind(
        "legacy-license-file-missing",
        Severity.WARNING,
        "Metadata from before version 2.4 names a licence file that is nowhere in the dist-info folder. The header was"
        " not yet standard then, and tools handled it differently.",
        "ask the publisher to rebuild with a current build tool",
        f"{_CORE}, License-File (before PEP 639)",
        Severity.ERROR,
    ),
    Kind(
        "wheel-file-missing",
        Severity.ERROR,
        "The wheel has no WHEEL file, so it says neither which version of the format it has nor where it is to be"
        " installed.",
        "rebuild the wheel with a current build tool",
        f"{_CONTENTS}; attack row 41",
    ),
    Kind(
        "wheel-file-unreadable",
        Severity.ERROR,
        "The WHEEL file is not a list of `Name: value` lines in UTF-8 with well-formed tags.",
        "rebuild the wheel with a current build tool",
        _CONTENTS,
    ),
    Kind(
        "wheel-header-missing",
        Severity.ERROR,
        "The WHEEL file lacks Wheel-Version, Root-Is-Purelib or Tag.",
        "rebuild the wheel with a current build tool",
        _CONTENTS,
    ),
    Kind(
        "wheel-duplicate-header",
        Severity.ERROR,
        "The WHEEL file gives Wheel-Version, Root-Is-Purelib or Build more than once, so readers may install it"
        " differently.",
        "rebuild the wheel with a current build tool",
        _CONTENTS,
    ),
    Kind(
        "wheel-version-unsupported",
        Severity.ERROR,
        "The wheel has another major version of the format than 1, or none that can be read. Installers must refuse it,"
        " since its files may mean something else.",
        "rebuild the wheel with a released version of the format",
        f"{_CONTENTS} (must fail on a greater major version); attack row 41",
    ),
    Kind(
        "wheel-version-newer",
        Severity.WARNING,
        "The wheel has a newer minor version of the format than 1.0. What this program knows was checked.",
        "update epochly-verify",
        f"{_CONTENTS} (should warn on a greater version)",
    ),
    Kind(
        "wheel-purelib-invalid",
        Severity.ERROR,
        "Root-Is-Purelib is neither `true` nor `false`, so installers guess where the files go.",
        "rebuild the wheel with a current build tool",
        _CONTENTS,
    ),
    Kind(
        "wheel-tag-mismatch",
        Severity.ERROR,
        "The WHEEL file and the file name disagree on where the wheel may be installed. The file was renamed to be"
        " offered to other interpreters or platforms than it was built for.",
        "fetch the wheel again from its publisher; publishers change tags with `wheel tags`, not by renaming",
        f"{_CONTENTS}, Tag (PEP 425, PEP 427); attack row 40",
    ),
    Kind(
        "wheel-tag-renamed",
        Severity.WARNING,
        "The file name has narrower or reworded platform tags than the WHEEL file, for the same interpreter, as happens"
        " when a publisher renames a finished wheel to `manylinux`. What was promised when it was built and what is"
        " promised now differ, though not in what the wheel can run on.",
        "ask the publisher to change tags with `wheel tags` or `auditwheel`, not by renaming",
        f"{_CONTENTS}, Tag (PEP 425, PEP 427); attack row 40",
        Severity.ERROR,
    ),
    Kind(
        "wheel-build-mismatch",
        Severity.WARNING,
        "The WHEEL file and the file name disagree on the build number, which decides which of two wheels of one"
        " version is preferred.",
        "ask the publisher; build numbers are set when building or with `wheel tags --build`",
        f"{_CONTENTS}, Build",
        Severity.ERROR,
    ),
    Kind(
        "extension-module-in-any-wheel",
        Severity.ERROR,
        "A package of the wheel holds a compiled extension module, although the tags promise a wheel for any platform."
        " It loads on one platform only, and tools that trust the tags do not look for native code.",
        "do not install it unless you know the code; the publisher should give the wheel a platform tag",
        "PEP 425; attack row 43",
    ),
    Kind(
        "native-library-in-any-wheel",
        Severity.WARNING,
        "The wheel carries native code as data, although the tags promise a wheel for any platform. Debuggers and"
        " bindings do that for several platforms at once; it also is a way to hide native code.",
        "make sure that you expect native code from this project",
        "PEP 425; attack row 43",
        Severity.ERROR,
    ),
    Kind(
        "extension-module-in-purelib",
        Severity.WARNING,
        "WHEEL sends the wheel to the folder for pure Python code, and it holds a compiled extension module. Where the"
        " two folders differ, the module lands in one shared by several architectures.",
        "ask the publisher to build with `Root-Is-Purelib: false`",
        f"{_CONTENTS}, Root-Is-Purelib",
    ),
    Kind(
        "unknown-data-scheme",
        Severity.ERROR,
        "The data folder has something that belongs to none of the known installation schemes. Installers refuse it,"
        " ignore it or unpack it somewhere.",
        "rebuild the wheel; below `.data` only purelib, platlib, headers, scripts and data have a meaning",
        f"{_CONTENTS}; attack row 51",
    ),
    Kind(
        "foreign-data-directory",
        Severity.ERROR,
        "The wheel has a data folder that is not named after its own project and version. Some installers spread its"
        " contents over the environment, others install it as a package.",
        "do not install it; fetch the wheel again from its publisher",
        f"{_CONTENTS}, The .data directory; attack row 51",
    ),
    Kind(
        "data-directory-spelling",
        Severity.WARNING,
        "The data folder means the wheel's own project and version, and is spelled differently from the dist-info"
        " folder. Installers that compare the spelling install it as a package.",
        "ask the publisher to rebuild with a current build tool",
        f"{_CONTENTS}, The .data directory",
        Severity.ERROR,
    ),
    Kind(
        "entry-points-malformed",
        Severity.ERROR,
        "entry_points.txt has a line that readers take differently: outside a section, without `=`, indented below"
        " another, a `;` comment, or with control characters.",
        "rebuild the wheel with a current build tool",
        _ENTRY_POINTS,
    ),
    Kind(
        "entry-points-duplicate-section",
        Severity.ERROR,
        "entry_points.txt opens one section twice. Some readers join the two, some keep one, some refuse the file.",
        "rebuild the wheel with a current build tool",
        f"{_ENTRY_POINTS}; attack row 50",
    ),
    Kind(
        "entry-points-duplicate-name",
        Severity.ERROR,
        "entry_points.txt gives one name twice in a section. Readers differ on which of the two counts.",
        "rebuild the wheel with a current build tool",
        f"{_ENTRY_POINTS}; attack row 50",
    ),
    Kind(
        "entry-point-name-traversal",
        Severity.ERROR,
        "The name of a script is a path. Installers write an executable file of that name, so it lands outside the"
        " scripts folder and may replace any file.",
        "do not install it",
        "CVE-2026-8643; attack row 49",
    ),
    Kind(
        "entry-point-name-unsafe",
        Severity.WARNING,
        "The name of a script has characters, such as spaces, that are no part of a command's name and that the package"
        " index refuses in new uploads.",
        "ask the publisher to rename the script",
        "Entry points specification, Data model; attack row 49",
        Severity.ERROR,
    ),
    Kind(
        "entry-point-code",
        Severity.ERROR,
        "The target of a script is not an object reference. Installers paste it into the Python source of the script,"
        " so it is code that runs whenever the command is used.",
        "do not install it",
        "Entry points specification, Data model; attack row 50",
    ),
    Kind(
        "entry-point-without-callable",
        Severity.ERROR,
        "The target of a script names no function to call. Installers refuse it or write a script that fails.",
        "ask the publisher to write the target as `module:function`",
        "Entry points specification, Use for scripts",
    ),
    Kind(
        "entry-point-value-invalid",
        Severity.WARNING,
        "The target of an entry point is not an object reference, so programs that look for plug-ins cannot load it.",
        "ask the publisher to write the target as `module` or `module:object`",
        "Entry points specification, Data model; attack row 50",
        Severity.ERROR,
    ),
)
