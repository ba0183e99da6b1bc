"""What an installation's log says about why it failed: one sentence and what to do. The log stays for the details."""

from __future__ import annotations

from collections.abc import Sequence

from .Translation import _

#: (what pip, light-the-torch, the system or Windows say; the sentence; what to do), the more certain causes first: pip
#: without a network says at last that there is no such package, and behind a proxy that it has no network
_CAUSES = (
    (
        (  # no tr
            "No space left on device",
            "[Errno 28]",
            "not enough space on the disk",
            "[WinError 112]",
            "Disk quota",
        ),
        _("There is not enough room on the disk."),
        _(
            "PyTorch needs about 2 GB without CUDA and 14 GB with it while it is unpacked: free that much, then "
            "try again."
        ),
    ),
    (
        (  # no tr
            "Windows Long Path support",
            "[WinError 206]",
            "The filename or extension is too long",
            "File name too long",
        ),
        _("A file's path is too long for Windows."),
        _("Turn on Windows' long paths (LongPathsEnabled) or install Slicer in a shorter folder, then try again."),
    ),
    (
        (  # no tr
            "Cannot connect to proxy",
            "ProxyError",
            "407 Proxy Authentication",
            "Tunnel connection failed",
        ),
        _("The proxy of your network let nothing through."),
        _("Set HTTPS_PROXY to the address that your network's administrators give, restart Slicer, then try again."),
    ),
    (
        (  # no tr
            "CERTIFICATE_VERIFY_FAILED",
            "SSLError",
            "SSLCertVerificationError",
        ),
        _("The server's certificate was not accepted."),
        _("Your network may read encrypted traffic: set PIP_CERT to its certificate, restart Slicer, then try again."),
    ),
    (
        (  # no tr
            "Failed to establish a new connection",
            "NewConnectionError",
            "NameResolutionError",
            "getaddrinfo failed",
            "Temporary failure in name resolution",
            "Name or service not known",
            "Network is unreachable",
            "[Errno 11001]",
            "ConnectTimeoutError",
            "nodename nor servname",
        ),
        _("There is no connection to the package server."),
        _("Check the network, or install from a computer that has one (pip download, then pip install --no-index)."),
    ),
    (
        (  # no tr
            "Read timed out",
            "ReadTimeoutError",
            "IncompleteRead",
            "Connection broken",
            "Connection reset by peer",
            "DO NOT MATCH THE HASHES",
            "IncompleteDownload",
            "RemoteDisconnected",
        ),
        _("The download broke off."),
        _("Try again; what has been downloaded whole is not downloaded again."),
    ),
    (
        (  # no tr
            "[WinError 5]",
            "[WinError 32]",
            "being used by another process",
        ),
        _("A file that must be replaced is in use."),
        _("Restart Slicer and try again before anything else is done."),
    ),
    (
        (  # no tr
            "Permission denied",
            "[Errno 13]",
            "not writable",
            "Read-only file system",
            "[Errno 30]",
        ),
        _("Slicer's folder may not be written."),
        _("Install Slicer in a folder of your own, or start it as administrator once."),
    ),
    (
        (  # no tr
            "MemoryError",
            "Cannot allocate memory",
            "[Errno 12]",
        ),
        _("There was not enough memory."),
        _("Close other programs, then try again."),
    ),
    (
        (  # no tr
            "No module named light_the_torch",
            "No module named 'light_the_torch'",
        ),
        _("The program that chooses the fitting PyTorch is not there."),
        _("Install the extension PyTorch in the Extensions Manager, restart Slicer, then try again."),
    ),
    (
        (  # no tr
            "ResolutionImpossible",
            "conflicting dependencies",
        ),
        _("The packages do not go together with those that are installed."),
        _("The details name them; uninstall what another extension has installed, or use a fresh Slicer."),
    ),
    (
        (  # no tr
            "(from versions: none)",
        ),
        _("The package server offered nothing: there is no connection to it, or no build for this Python."),
        _("Check the network, then use the current Slicer on Linux or Windows; the details name the package."),
    ),
    (
        (  # no tr
            "No matching distribution found",
            "Could not find a version that satisfies",
            "is not a supported wheel",
        ),
        _("There is no build of a package for this Python and system."),
        _("Use the current Slicer on Linux or Windows; the details name the package."),
    ),
)
#: how processes end that the system killed, also where a launcher tells it
_KILLED = (-9, 137)
UNKNOWN = _("The installation failed."), _("The details say why; Check my setup tells what is missing.")


def whyFailed(log: Sequence[str], returnCode: int | None) -> tuple[str, str]:
    """(the sentence, what to do).  log: what the installation said, its last lines at least."""
    text = "\n".join(log)
    for words, sentence, do in _CAUSES:
        if any(word in text for word in words):
            return sentence, do
    if returnCode in _KILLED:
        return (
            _("The system ended the installation, probably for want of memory."),
            _("Close other programs, then try again."),
        )
    return UNKNOWN
