"""What an installation's log says about why it failed: one sentence and what to do. The log stays for the details."""

from __future__ import annotations

from collections.abc import Sequence

#: (what pip, light-the-torch, the system or Windows say; the sentence; what to do), the more certain causes first: pip
#: without a network says at last that there is no such package, and behind a proxy that it has no network
_CAUSES = (
    (
        ("No space left on device", "[Errno 28]", "not enough space on the disk", "[WinError 112]", "Disk quota"),
        "There is not enough room on the disk.",
        "PyTorch needs about 2 GB without CUDA and 14 GB with it while it is unpacked: free that much, then try again.",
    ),
    (
        ("Windows Long Path support", "[WinError 206]", "The filename or extension is too long", "File name too long"),
        "A file's path is too long for Windows.",
        "Turn on Windows' long paths (LongPathsEnabled) or install Slicer in a shorter folder, then try again.",
    ),
    (
        ("Cannot connect to proxy", "ProxyError", "407 Proxy Authentication", "Tunnel connection failed"),
        "The proxy of your network let nothing through.",
        "Set HTTPS_PROXY to the address that your network's administrators give, restart Slicer, then try again.",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED", "SSLError", "SSLCertVerificationError"),
        "The server's certificate was not accepted.",
        "Your network may read encrypted traffic: set PIP_CERT to its certificate, restart Slicer, then try again.",
    ),
    (
        ("Failed to establish a new connection", "NewConnectionError", "NameResolutionError", "getaddrinfo failed",
         "Temporary failure in name resolution", "Name or service not known", "Network is unreachable", "[Errno 11001]",
         "ConnectTimeoutError", "nodename nor servname"),
        "There is no connection to the package server.",
        "Check the network, or install from a computer that has one (pip download, then pip install --no-index).",
    ),
    (
        ("Read timed out", "ReadTimeoutError", "IncompleteRead", "Connection broken", "Connection reset by peer",
         "DO NOT MATCH THE HASHES", "IncompleteDownload", "RemoteDisconnected"),
        "The download broke off.",
        "Try again; what has been downloaded whole is not downloaded again.",
    ),
    (
        ("[WinError 5]", "[WinError 32]", "being used by another process"),
        "A file that must be replaced is in use.",
        "Restart Slicer and try again before anything else is done.",
    ),
    (
        ("Permission denied", "[Errno 13]", "not writable", "Read-only file system", "[Errno 30]"),
        "Slicer's folder may not be written.",
        "Install Slicer in a folder of your own, or start it as administrator once.",
    ),
    (
        ("MemoryError", "Cannot allocate memory", "[Errno 12]"),
        "There was not enough memory.",
        "Close other programs, then try again.",
    ),
    (
        ("No module named light_the_torch", "No module named 'light_the_torch'"),
        "The program that chooses the fitting PyTorch is not there.",
        "Install the extension PyTorch in the Extensions Manager, restart Slicer, then try again.",
    ),
    (
        ("ResolutionImpossible", "conflicting dependencies"),
        "The packages do not go together with those that are installed.",
        "The details name them; uninstall what another extension has installed, or use a fresh Slicer.",
    ),
    (
        ("(from versions: none)",),
        "The package server offered nothing: there is no connection to it, or no build for this Python.",
        "Check the network, then use the current Slicer on Linux or Windows; the details name the package.",
    ),
    (
        ("No matching distribution found", "Could not find a version that satisfies", "is not a supported wheel"),
        "There is no build of a package for this Python and system.",
        "Use the current Slicer on Linux or Windows; the details name the package.",
    ),
)  # fmt: skip
#: how processes end that the system killed, also where a launcher tells it
_KILLED = (-9, 137)
UNKNOWN = "The installation failed.", "The details say why; Check my setup tells what is missing."


def whyFailed(log: Sequence[str], returnCode: int | None) -> tuple[str, str]:
    """(the sentence, what to do).  log: what the installation said, its last lines at least."""
    text = "\n".join(log)
    for words, sentence, do in _CAUSES:
        if any(word in text for word in words):
            return sentence, do
    if returnCode in _KILLED:
        return (
            "The system ended the installation, probably for want of memory.",
            "Close other programs, then try again.",
        )
    return UNKNOWN
