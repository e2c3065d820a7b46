"""Who answered, in words, from the identities that a job keeps."""

from collections.abc import Mapping

from gateway.report.values import EngineReport


def describe_engines(identities: Mapping[str, Mapping[str, str]]) -> tuple[EngineReport, ...]:
    """One entry for each engine of the job, by name."""
    return tuple(_describe(name, identity) for name, identity in identities.items())


def _describe(name: str, identity: Mapping[str, str]) -> EngineReport:
    torch = identity.get("torch_version")
    hardware = [identity.get(field, "") for field in ("device", "processor", "dtype", "quantization")]
    return EngineReport(
        name=name,
        kind=identity["kind"],
        model=identity["model"],
        version=f"{identity['package']} {identity['version']}" + (f", torch {torch}" if torch else ""),
        device=", ".join(part for part in hardware if part),
        note=identity.get("chosen_because", ""),
    )
